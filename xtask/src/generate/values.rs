//! Code for enumerations and for the forms of values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::marks;
use super::names::{type_name, variant};
use super::patterns;
use super::plan::{Plan, inner};
use crate::Outcome;
use crate::models::facts::{Member, Shape};

/// The enumerations.
pub fn enums(plan: &Plan<'_>) -> Outcome<String> {
    let mut out = String::new();
    for name in &plan.enums {
        out.push_str(&enumeration(name, &plan.shape(name)?.values)?);
    }
    let import = if out.is_empty() { "" } else { "use crate::forms::Enumeration;\n" };
    Ok(import.to_owned() + &out)
}

fn enumeration(name: &str, values: &[String]) -> Outcome<String> {
    let type_name = type_name(name);
    let variants: Vec<_> = values.iter().map(|value| variant(value)).collect();
    if variants.iter().collect::<BTreeSet<_>>().len() < variants.len() {
        return Err(format!("shape {name}: two values of the enumeration have one name in Rust"));
    }
    let mut declared = String::new();
    let mut arms = String::new();
    let mut all = String::new();
    for (value, variant) in values.iter().zip(&variants) {
        let _ = writeln!(declared, "/// `{value}`.\n{variant},");
        let _ = writeln!(arms, "Self::{variant} => {value:?},");
        let _ = write!(all, "Self::{variant}, ");
    }
    Ok(format!(
        "\n/// `{name}`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum {type_name} {{ {declared} }}

        impl Enumeration for {type_name} {{
            const ALL: &'static [Self] = &[{all}];

            fn as_str(self) -> &'static str {{
                match self {{ {arms} }}
            }}
        }}

        impl AsRef<str> for {type_name} {{
            fn as_ref(&self) -> &str {{
                self.as_str()
            }}
        }}\n"
    ))
}

/// A static for the form of every shape, which refer to each other.
pub fn forms(plan: &Plan<'_>) -> Outcome<String> {
    let mut out = String::new();
    let mut kinds = BTreeSet::new();
    let mut patterns = BTreeMap::new();
    for name in &plan.reached {
        if plan.requests.contains(name) || plan.responses.contains(name) {
            continue;
        }
        let shape = plan.shape(name)?;
        let form = plan.form_type(name)?;
        let made = plan.form_name(name)?;
        kinds.insert(form.split('<').next().unwrap_or_default().to_owned());
        let pattern = match &shape.pattern {
            Some(source) => {
                out.push_str(&pattern(plan, made, name, (shape, source), &mut patterns)?);
                patterns
                    .get(source.as_str())
                    .map_or("None".to_owned(), |made| format!("Some(&{})", pattern_name(plan, made)))
            }
            None => "None".to_owned(),
        };
        let value = value(plan, name, shape, &pattern)?;
        let _ = write!(out, "\npub(super) static {made}: {form} = {value};\n");
    }
    kinds.extend(out.contains("Bounds::").then(|| "Bounds".to_owned()));
    let types = |names: &BTreeSet<&str>| names.iter().map(|name| type_name(name)).collect();
    let mut uses = String::new();
    let from = [("super::enums", types(&plan.enums)), ("super::shapes", types(&plan.others)), ("crate::forms", kinds)];
    for (module, names) in from {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        if !names.is_empty() {
            let _ = writeln!(uses, "use {module}::{{{}}};", names.join(", "));
        }
    }
    let pattern_names = ["Category", "Pattern"].into_iter().filter(|name| out.contains(&format!("{name}::")));
    let pattern_names: Vec<_> = out.contains("pattern::").then_some("self").into_iter().chain(pattern_names).collect();
    if !pattern_names.is_empty() {
        let _ = writeln!(uses, "use crate::pattern::{{{}}};", pattern_names.join(", "));
    }
    Ok(uses + &out)
}

/// The name of the pattern of a form; there may be a form that is itself called a pattern.
fn pattern_name(plan: &Plan<'_>, form: &str) -> String {
    let usual = format!("{form}_PATTERN");
    let taken = plan.reached.iter().any(|name| plan.form_name(name).is_ok_and(|other| other == usual));
    if taken { format!("{form}_CHARACTERS") } else { usual }
}

/// The static of a pattern, unless another shape has the same. `made` holds the names by pattern.
fn pattern<'p>(
    plan: &Plan<'_>,
    form: &'p str,
    name: &str,
    (shape, source): (&Shape, &'p str),
    made: &mut BTreeMap<&'p str, &'p str>,
) -> Outcome<String> {
    if shape.kind != "string" || !shape.values.is_empty() {
        return Err(format!("shape {name}: a pattern on a {} is not understood", shape.kind));
    }
    if made.contains_key(source) {
        return Ok(String::new());
    }
    made.insert(source, form);
    let value = patterns::pattern(source).map_err(|error| format!("shape {name}: {error}"))?;
    Ok(format!("\nstatic {}: Pattern = {value};\n", pattern_name(plan, form)))
}

/// The expression that makes a form.
fn value(plan: &Plan<'_>, name: &str, shape: &Shape, pattern: &str) -> Outcome<String> {
    let bounds = bounds(name, shape)?;
    Ok(match shape.kind.as_str() {
        "structure" if shape.sensitive => "SecretStructure::NEW".to_owned(),
        "structure" => "Structure::NEW".to_owned(),
        "string" if !shape.values.is_empty() => "Choice::NEW".to_owned(),
        "string" | "character" if shape.sensitive => format!("SecretString::new({bounds}, {pattern})"),
        "string" | "character" => format!("Text::new({bounds}, {pattern}){}", marks::calls(shape)),
        "blob" if shape.sensitive => format!("SecretBlob::new({bounds})"),
        "blob" => format!("Blob::new({bounds})"),
        "integer" => format!("Integer::new({bounds})"),
        "long" => format!("Long::new({bounds})"),
        "float" | "double" if shape.min.is_none() && shape.max.is_none() => "Double".to_owned(),
        "boolean" => "Boolean".to_owned(),
        "timestamp" => "Timestamp".to_owned(),
        "list" => {
            let mut list = format!("List::new(&{}, {bounds})", plan.form_name(inner(&shape.member)?)?);
            let element = shape.member.as_ref().and_then(|member| member.location_name.as_ref());
            if let Some(element) = element {
                let _ = write!(list, ".named({element:?})");
            }
            list + if shape.flattened { ".flattened()" } else { "" } + if shape.sensitive { ".sensitive()" } else { "" }
        }
        "map" => {
            let mut map = format!(
                "Map::new(&{}, &{}, {bounds})",
                plan.form_name(inner(&shape.key)?)?,
                plan.form_name(inner(&shape.value)?)?
            );
            let part = |member: &Option<Member>| member.as_ref().and_then(|member| member.location_name.clone());
            let (key, value) = (part(&shape.key), part(&shape.value));
            if key.is_some() || value.is_some() {
                let (key, value) = (key.unwrap_or("key".to_owned()), value.unwrap_or("value".to_owned()));
                let _ = write!(map, ".named({key:?}, {value:?})");
            }
            map + if shape.flattened { ".flattened()" } else { "" }
        }
        other => return Err(format!("shape {name}: this {other} is not understood")),
    })
}

fn bounds(name: &str, shape: &Shape) -> Outcome<String> {
    let bound = |number: &Option<serde_json::Number>| match number {
        None => Ok("None".to_owned()),
        Some(number) => match number.as_i64() {
            Some(number) => Ok(format!("Some({number})")),
            None => Err(format!("shape {name}: the bound {number} is not understood")),
        },
    };
    Ok(match (bound(&shape.min)?, bound(&shape.max)?) {
        (min, max) if min == "None" && max == "None" => "Bounds::NONE".to_owned(),
        (min, max) => format!("Bounds::new({min}, {max})"),
    })
}
