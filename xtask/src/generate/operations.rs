//! Code for a service's description, operations and errors.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::names::{constant, type_name};
use super::plan::Plan;
use crate::Outcome;
use crate::models::facts::Shape;

/// Operations whose action policies call otherwise (service authorization reference).
const ACTIONS: [(&str, &str, &str); 1] = [("lambda", "Invoke", "InvokeFunction")];

/// What policies call a service whose endpoint is called otherwise.
const PREFIXES: [(&str, &str); 1] = [("monitoring", "cloudwatch")];

/// The name of a protocol here, by its names in models.
fn protocol(name: &str, json_version: &str) -> Option<&'static str> {
    Some(match (name, json_version) {
        ("json", "1.0") => "Json10",
        ("json", "1.1") => "Json11",
        ("query", _) => "Query",
        ("rest-json", _) => "RestJson",
        ("smithy-rpc-v2-cbor", _) => "RpcV2Cbor",
        _ => return None,
    })
}

/// The other protocols that a service is spoken in.
fn also(service: &str, plan: &Plan<'_>) -> Outcome<String> {
    let facts = plan.facts;
    let others = facts.metadata.get("protocols").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut out = String::new();
    for name in others.iter().filter_map(Value::as_str).filter(|name| *name != facts.metadata("protocol")) {
        let known = protocol(name, facts.metadata("jsonVersion"));
        let known = known.ok_or_else(|| format!("{service}: protocol {name} is not understood"))?;
        let _ = write!(out, "Protocol::{known}, ");
    }
    Ok(out)
}

/// For each error that clients of the query protocol know by another name than its shape's: that name, and the shape's.
fn query_names(plan: &Plan<'_>) -> String {
    let mut out = String::new();
    if !plan.facts.metadata.contains_key("awsQueryCompatible") {
        return out;
    }
    for (name, shape) in plan.facts.shapes.iter().filter(|(_, shape)| shape.traits.contains_key("exception")) {
        let _ = write!(out, "({:?}, {name:?}), ", code(name, shape).0);
    }
    out
}

/// The root module of a service: its description and what the others export.
pub fn root(service: &str, plan: &Plan<'_>) -> Outcome<String> {
    let mut out =
        "pub mod errors;\nmod enums;\nmod forms;\nmod operations;\nmod requests;\nmod responses;\nmod shapes;\n"
            .to_owned();
    if plan.facts.metadata("protocol") == "rest-json" {
        out.push_str("mod routes;\n");
    }
    out.push_str("\npub use operations::Operation;\n");
    if plan.facts.metadata("protocol") == "rest-json" {
        out.push_str("pub use routes::ROUTES;\n");
    }
    let modules = [
        ("enums", &plan.enums),
        ("requests", &plan.requests),
        ("responses", &plan.responses),
        ("shapes", &plan.others),
    ];
    for (module, names) in modules {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| type_name(name)).collect();
            let _ = writeln!(out, "pub use {module}::{{{}}};", names.join(", "));
        }
    }
    let facts = plan.facts;
    let text = |key: &str| facts.metadata(key);
    let own = text("protocol");
    let known = protocol(own, text("jsonVersion"));
    let known = known.ok_or_else(|| format!("{service}: protocol {own} is not understood"))?;
    let prefix = text("endpointPrefix");
    let signing = if text("signingName").is_empty() { prefix } else { text("signingName") };
    let _ = write!(
        out,
        "use crate::ops::{{Protocol, Service}};

        /// What the service is called in requests, signatures, policies and records.
        pub const SERVICE: Service = Service {{
            name: {service:?},
            id: {:?},
            signing_name: {signing:?},
            target_prefix: {:?},
            api_version: {:?},
            protocol: Protocol::{known},
            also: &[{}],
            query_names: &[{}],
            event_source: {:?},
            xml_namespace: {:?},
        }};\n",
        text("serviceId"),
        text("targetPrefix"),
        text("apiVersion"),
        also(service, plan)?,
        query_names(plan),
        format!("{prefix}.amazonaws.com"),
        text("xmlNamespace"),
    );
    Ok(out)
}

/// The operations.
pub fn operations(plan: &Plan<'_>) -> String {
    let (mut variants, mut all, mut names, mut parse, mut actions) = Default::default();
    let (mut visits, mut unsigned) = (String::new(), String::new());
    let add = |text: &mut String, line: String| text.push_str(&line);
    for (name, operation) in &plan.facts.operations {
        let endpoint = plan.facts.metadata("endpointPrefix");
        let prefix = PREFIXES.iter().find(|(name, _)| *name == endpoint).map_or(endpoint, |(_, prefix)| *prefix);
        add(&mut variants, format!("/// `{name}`.\n{name},\n"));
        add(&mut all, format!("Self::{name},\n"));
        add(&mut names, format!("Self::{name} => {name:?},\n"));
        add(&mut parse, format!("{name:?} => Self::{name},\n"));
        let renamed = ACTIONS.iter().find(|(service, operation, _)| *service == prefix && operation == name);
        let action = renamed.map_or(name.as_str(), |(.., action)| action);
        add(&mut actions, format!("Self::{name} => \"{prefix}:{action}\",\n"));
        let type_of = |shape: &Option<String>| match shape {
            Some(shape) => format!("super::{}", type_name(shape)),
            None => "Nothing".to_owned(),
        };
        let (input, output) = (type_of(&operation.input), type_of(&operation.output));
        add(&mut visits, format!("Self::{name} => visitor.visit::<{input}, {output}>(),\n"));
        if operation.traits.get("authtype").is_some_and(|kind| kind == "none") {
            add(&mut unsigned, format!("Self::{name}, "));
        }
    }
    let count = plan.facts.operations.len();
    let import = if visits.contains("Nothing") { "use crate::forms::Nothing;\n" } else { "" };
    format!(
        "{import}use crate::ops::Visitor;

        /// An operation of the service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {{ {variants} }}

        impl Operation {{
            /// All operations, in the order of their names.
            pub const ALL: [Self; {count}] = [{all}];

            /// The operations whose requests need no signature.
            pub const UNSIGNED: &'static [Self] = &[{unsigned}];

            /// The operation's name.
            #[must_use]
            pub const fn name(self) -> &'static str {{
                match self {{ {names} }}
            }}

            /// The operation called `name`.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {{
                Some(match name {{ {parse} _ => return None }})
            }}

            /// The action that policies allow or deny.
            #[must_use]
            pub const fn action(self) -> &'static str {{
                match self {{ {actions} }}
            }}

            /// Tells `visitor` the types of the operation's input and output.
            pub fn visit<V: Visitor>(self, visitor: V) -> V::Answer {{
                match self {{ {visits} }}
            }}
        }}"
    )
}

/// The modelled errors.
pub fn errors(plan: &Plan<'_>) -> String {
    let facts = plan.facts;
    let declared: BTreeSet<_> = facts.operations.values().flat_map(|operation| &operation.errors).collect();
    let mut out = "use crate::error::Code;\n".to_owned();
    // The framework's errors have other names in the query protocol; the model's keep theirs.
    let make = if facts.metadata("protocol") == "query" || facts.metadata.contains_key("awsQueryCompatible") {
        "modelled"
    } else {
        "new"
    };
    for name in declared {
        let Some(shape) = facts.shapes.get(name) else { continue };
        let (code, status) = code(name, shape);
        let _ = write!(
            out,
            "\n/// `{code}`, sent with status {status}.\npub const {}: Code = Code::{make}({code:?}, {status});\n",
            constant(name)
        );
    }
    out
}

/// The name and status of an error. Where the model gives none, the shape's name and 400 or 500 are used.
fn code<'f>(name: &'f str, shape: &'f Shape) -> (&'f str, u64) {
    let error = shape.traits.get("error");
    let given = |key: &str| error.and_then(|error| error.get(key));
    let fault = shape.traits.get("fault").and_then(Value::as_bool).unwrap_or_default();
    let status = given("httpStatusCode").and_then(Value::as_u64).unwrap_or(if fault { 500 } else { 400 });
    (given("code").and_then(Value::as_str).unwrap_or(name), status)
}
