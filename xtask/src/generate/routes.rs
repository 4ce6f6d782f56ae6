//! Code for the routes of a service whose operations are named by method and path.

use std::fmt::Write as _;

use serde_json::Value;

use super::plan::Plan;
use crate::Outcome;
use crate::models::facts::{Member, Operation};

/// The table of routes.
pub fn routes(plan: &Plan<'_>) -> Outcome<String> {
    let mut rows = String::new();
    for (name, operation) in &plan.facts.operations {
        let text = |key: &str| operation.http.get(key).and_then(Value::as_str).unwrap_or_default();
        let (method, path) = (text("method"), text("requestUri"));
        if path.contains('?') {
            return Err(format!("operation {name}: a path with parameters is not understood"));
        }
        let status = operation.http.get("responseCode").and_then(Value::as_u64).unwrap_or(200);
        let (input, payload) = places(plan, operation.input.as_deref())?;
        let (output, raw) = places(plan, operation.output.as_deref())?;
        let _ = writeln!(
            rows,
            "Route {{ operation: Operation::{name}, method: {method:?}, path: {path:?}, status: {status},
              input: &[{input}], payload: {payload:?}, output: &[{output}], raw: {raw:?},
              has_output: {} }},",
            has_output(plan, operation)
        );
    }
    let count = plan.facts.operations.len();
    Ok(format!(
        "use super::Operation;
         use crate::rest::{{Kind, Place, Route}};

         /// How requests name each operation, and what of requests and answers stands beside their bodies.
         pub static ROUTES: [Route<Operation>; {count}] = [{rows}];\n"
    ))
}

/// Whether an answer has a body in JSON.
fn has_output(plan: &Plan<'_>, operation: &Operation) -> bool {
    let output = operation.output.as_ref().and_then(|name| plan.facts.shapes.get(name));
    output.is_some_and(|shape| shape.members.iter().any(|member| !member.traits.contains_key("location")))
}

/// The members of a structure that stand elsewhere than in the body, and the one that is the body.
fn places(plan: &Plan<'_>, name: Option<&str>) -> Outcome<(String, Option<String>)> {
    let Some(name) = name else { return Ok((String::new(), None)) };
    let shape = plan.shape(name)?;
    let mut out = String::new();
    for member in &shape.members {
        let Some(location) = member.traits.get("location").and_then(Value::as_str) else { continue };
        let wire = member.location_name.as_ref().unwrap_or(&member.name);
        let place = match location {
            "uri" => "Place::Label".to_owned(),
            "querystring" => format!("Place::Query(Kind::{})", kind(plan, member)?),
            "header" => "Place::Header".to_owned(),
            "statusCode" => "Place::Status".to_owned(),
            other => return Err(format!("shape {name}, member {}: location {other} is not understood", member.name)),
        };
        let _ = write!(out, "({wire:?}, {place}), ");
    }
    let payload = shape.traits.get("payload").and_then(Value::as_str);
    if let Some(payload) = payload {
        let member = shape.members.iter().find(|member| member.name == payload);
        let of = member.map(|member| plan.shape(&member.shape)).transpose()?;
        if of.is_none_or(|of| of.kind != "blob") {
            return Err(format!("shape {name}: a payload that is no blob is not understood"));
        }
    }
    Ok((out, payload.map(str::to_owned)))
}

/// How a parameter of the query string becomes a value.
fn kind(plan: &Plan<'_>, member: &Member) -> Outcome<&'static str> {
    Ok(match plan.shape(&member.shape)?.kind.as_str() {
        "string" => "Text",
        "integer" | "long" => "Number",
        "list" => "List",
        other => return Err(format!("member {}: a {other} in a query string is not understood", member.name)),
    })
}
