//! Code for structures: the type, and its reading and writing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::names::{field, lower_camel, type_name};
use super::plan::Plan;
use crate::Outcome;
use crate::models::facts::{Member, Shape};

/// Names that the generated functions use for themselves.
const TAKEN: [&str; 3] = ["node", "reading", "from"];

/// The structures called `names`.
pub fn structures(plan: &Plan<'_>, names: &BTreeSet<&str>) -> Outcome<String> {
    let mut out = String::new();
    let mut used = BTreeSet::new();
    let mut members = false;
    for name in names {
        let shape = plan.shape(name)?;
        if shape.kind != "structure" {
            return Err(format!("shape {name}: an input or output must be a structure"));
        }
        out.push_str(&structure(plan, name, shape)?);
        for member in &shape.members {
            members = true;
            used.extend(plan.named_types(&member.shape)?);
        }
    }
    if names.is_empty() {
        return Ok(out);
    }
    Ok(imports(plan, &used, names, members) + &out)
}

fn imports(plan: &Plan<'_>, used: &BTreeSet<&str>, here: &BTreeSet<&str>, members: bool) -> String {
    let mut out = String::new();
    if used.contains("BTreeMap") {
        out.push_str("use std::collections::BTreeMap;\n\n");
    }
    let library = ["SecretBytes", "SecretText", "Timestamp"];
    let library = library.into_iter().filter(|name| used.contains(name)).map(str::to_owned).collect();
    let of = |set: &BTreeSet<&str>| -> Vec<String> {
        used.intersection(set).filter(|name| !here.contains(*name)).map(|name| type_name(name)).collect()
    };
    let from = [("strongroom_types", library), ("super::enums", of(&plan.enums)), ("super::shapes", of(&plan.others))];
    for (module, names) in from {
        if !names.is_empty() {
            let _ = writeln!(out, "use {module}::{{{}}};\n", names.join(", "));
        }
    }
    if members {
        out.push_str("use super::forms;\n");
    }
    // Modules are imported rather than types, since a shape may have the name of a type.
    out + "use crate::forms::Shape;\nuse crate::{error, node, reading, writer};\n"
}

fn structure(plan: &Plan<'_>, name: &str, shape: &Shape) -> Outcome<String> {
    let (mut fields, mut reads, mut writes) = (String::new(), String::new(), String::new());
    let (mut all, mut needed) = (Vec::new(), Vec::new());
    for member in &shape.members {
        let required = shape.required.contains(&member.name);
        let field = field(&member.name);
        if TAKEN.contains(&field.as_str()) || all.contains(&field) {
            return Err(format!("shape {name}: the member {} has a name that is taken", member.name));
        }
        let rust = plan.rust_type(&member.shape)?;
        let rust = if required { rust } else { format!("Option<{rust}>") };
        let doc = describe(member, plan.shape(&member.shape)?, required);
        let _ = writeln!(fields, "/// {doc}\npub {field}: {rust},");
        let how = if required { "required" } else { "optional" };
        let names = format!(
            "{:?}, {:?}, &forms::{}",
            plan.wire_name(member)?,
            lower_camel(&member.name),
            plan.form_name(&member.shape)?
        );
        let _ = writeln!(reads, "let {field} = from.{how}({names}, reading)?;");
        let value = if required { format!("&self.{field}") } else { format!("self.{field}.as_ref()") };
        let _ = writeln!(writes, "writer::{how}(writer, {names}, {value});");
        if required {
            needed.push(field.clone());
        }
        all.push(field);
    }
    let derives = if plan.has_default(name)? { "Clone, Debug, Default, PartialEq" } else { "Clone, Debug, PartialEq" };
    let about = about(plan, name);
    let type_name = type_name(name);
    let body = decoding(&reads, &all, &needed);
    Ok(format!(
        "\n/// {about}
        #[derive({derives})]
        pub struct {type_name} {{ {fields} }}

        impl Shape for {type_name} {{
            fn decode(node: node::Node<'_>, reading: &mut reading::Reading) -> Result<Option<Self>, error::ServiceError> {{ {body} }}

            fn encode(&self, writer: &mut dyn writer::Writer) {{
                writer.begin_structure();
                {writes}
                writer.end_structure();
            }}
        }}\n"
    ))
}

fn decoding(reads: &str, all: &[String], needed: &[String]) -> String {
    if all.is_empty() {
        return "reading.structure(node).map(|_| Some(Self {}))".to_owned();
    }
    let check = match needed {
        [] => String::new(),
        [one] => format!("let Some({one}) = {one} else {{ return Ok(None) }};"),
        several => {
            let somes: Vec<_> = several.iter().map(|name| format!("Some({name})")).collect();
            format!("let ({}) = ({}) else {{ return Ok(None) }};", somes.join(", "), several.join(", "))
        }
    };
    format!("let mut from = reading.structure(node)?;\n{reads}\n{check}\nOk(Some(Self {{ {} }}))", all.join(", "))
}

/// What a structure is for.
fn about(plan: &Plan<'_>, name: &str) -> String {
    let of = |pick: fn(&crate::models::facts::Operation) -> Option<&String>| {
        let users = plan.facts.operations.iter().filter(|(_, operation)| pick(operation).is_some_and(|it| it == name));
        users.map(|(operation, _)| format!("`{operation}`")).collect::<Vec<_>>().join(", ")
    };
    if plan.requests.contains(name) {
        format!("Input of {}.", of(|operation| operation.input.as_ref()))
    } else if plan.responses.contains(name) {
        format!("Output of {}.", of(|operation| operation.output.as_ref()))
    } else {
        format!("`{name}`.")
    }
}

/// What a member may be, in words.
fn describe(member: &Member, shape: &Shape, required: bool) -> String {
    let mut out = format!("`{}`", member.name);
    if required {
        out.push_str(", required");
    }
    let unit = match shape.kind.as_str() {
        "string" => " characters",
        "blob" => " bytes",
        "list" | "map" => " entries",
        _ => "",
    };
    let range = match (&shape.min, &shape.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (None, None) => None,
    };
    let pattern = shape.pattern.as_ref().map(|pattern| format!("`{pattern}`"));
    let facts: Vec<_> = range.into_iter().chain(pattern).collect();
    if !facts.is_empty() {
        let _ = write!(out, ": {}", facts.join(", "));
    }
    out + "."
}
