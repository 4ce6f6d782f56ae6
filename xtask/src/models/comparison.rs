//! How two versions of a service's facts differ, a line for each operation, shape, member or trait.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::Facts;

/// What `new` has added (`+`), removed (`-`) and changed (`~`).
pub fn differences(old: &Facts, new: &Facts) -> Vec<String> {
    let (old, new) = (lines(old), lines(new));
    let mut out: Vec<_> = old
        .iter()
        .filter_map(|(place, before)| match new.get(place) {
            None => Some((place, format!("- {place}: {before}"))),
            Some(after) if after != before => Some((place, format!("~ {place}: {before} -> {after}"))),
            Some(_) => None,
        })
        .chain(
            new.iter()
                .filter(|(place, _)| !old.contains_key(*place))
                .map(|(place, it)| (place, format!("+ {place}: {it}"))),
        )
        .collect();
    out.sort();
    out.into_iter().map(|(_, line)| line).collect()
}

/// Every fact under the place it has.
fn lines(facts: &Facts) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (name, operation) in &facts.operations {
        let place = format!("operation {name}");
        let shape = |shape: &Option<String>| shape.clone().unwrap_or_else(|| "nothing".to_owned());
        out.insert(place.clone(), format!("{} -> {}", shape(&operation.input), shape(&operation.output)));
        out.extend(operation.errors.iter().map(|error| (format!("{place} error {error}"), "declared".to_owned())));
        let traits = operation.http.iter().chain(&operation.traits);
        out.extend(traits.map(|(name, value)| (format!("{place} {name}"), value.to_string())));
        out.extend(operation.paginator.iter().map(|pages| (format!("{place} paginator"), pages.to_string())));
    }
    for (name, shape) in &facts.shapes {
        let place = format!("shape {name}");
        // Taken as JSON, a shape is a list of traits, and what is added to its type later is compared as well.
        let Ok(Value::Object(mut traits)) = serde_json::to_value(shape) else { continue };
        traits.remove("members");
        for (at, member) in shape.members.iter().enumerate() {
            let Ok(mut value) = serde_json::to_value(member) else { continue };
            if let Some(value) = value.as_object_mut() {
                value.remove("name");
            }
            out.insert(format!("{place} member {}", member.name), format!("{value}"));
            if let Some(before) = at.checked_sub(1).and_then(|at| shape.members.get(at)) {
                out.insert(format!("{place} member {} follows", member.name), before.name.clone());
            }
        }
        let kind = traits.remove("type").map(|kind| kind.to_string()).unwrap_or_default();
        out.insert(place.clone(), kind);
        out.extend(traits.into_iter().map(|(name, value)| (format!("{place} {name}"), value.to_string())));
    }
    out.extend(facts.metadata.iter().map(|(name, value)| (format!("metadata {name}"), value.to_string())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Facts {
        serde_json::from_str(text).expect("facts")
    }

    #[test]
    fn every_kind_of_difference_is_a_line() {
        let old = facts(
            r#"{"source": {"package": "p", "version": "1"}, "metadata": {},
            "operations": {"Gone": {"http": {}, "errors": []}, "Stays": {"http": {}, "errors": ["E"]}},
            "shapes": {"S": {"type": "string", "max": 256},
                "T": {"type": "structure", "members": [{"name": "A", "shape": "S"}]}}}"#,
        );
        let new = facts(
            r#"{"source": {"package": "p", "version": "2"}, "metadata": {},
            "operations": {"New": {"http": {}, "errors": [], "input": "T"}, "Stays": {"http": {}, "errors": ["E", "F"]}},
            "shapes": {"S": {"type": "string", "max": 512, "sensitive": true},
                "T": {"type": "structure", "members": [{"name": "A", "shape": "S"}, {"name": "B", "shape": "S"}]}}}"#,
        );
        assert_eq!(
            differences(&old, &new),
            [
                "- operation Gone: nothing -> nothing",
                "+ operation New: T -> nothing",
                "+ operation Stays error F: declared",
                "~ shape S max: 256 -> 512",
                "+ shape S sensitive: true",
                "+ shape T member B: {\"shape\":\"S\"}",
                "+ shape T member B follows: A",
            ]
        );
        assert!(differences(&old, &old).is_empty());
    }
}
