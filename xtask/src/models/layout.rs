//! Prints JSON so that people can read its differences: what fits on a line stays on one line.

use serde::Serialize;
use serde_json::Value;

use crate::Outcome;

const WIDTH: usize = 120;
/// Objects this deep are always spread, so that every operation and every shape begins a line.
const SPREAD: usize = 3;

/// The text of `facts`.
pub fn print(facts: &impl Serialize) -> Outcome<String> {
    let value = serde_json::to_value(facts).map_err(|error| error.to_string())?;
    let mut out = String::new();
    push(&mut out, &value, 0, 0)?;
    out.push('\n');
    Ok(out)
}

/// Appends `value`, which begins in column `column` of a line indented `depth` steps.
fn push(out: &mut String, value: &Value, depth: usize, column: usize) -> Outcome<()> {
    let line = inline(value)?;
    let (open, close, entries): (_, _, Vec<(String, &Value)>) = match value {
        Value::Object(map) if depth < SPREAD || column + line.len() >= WIDTH => {
            let named = map.iter().map(|(name, value)| Ok((format!("{}: ", quoted(name)?), value)));
            ('{', '}', named.collect::<Outcome<_>>()?)
        }
        Value::Array(list) if column + line.len() >= WIDTH => {
            ('[', ']', list.iter().map(|value| (String::new(), value)).collect())
        }
        _ => {
            out.push_str(&line);
            return Ok(());
        }
    };
    out.push(open);
    let last = entries.len().saturating_sub(1);
    for (at, (name, value)) in entries.iter().enumerate() {
        out.push('\n');
        out.push_str(&"  ".repeat(depth + 1));
        out.push_str(name);
        push(out, value, depth + 1, 2 * (depth + 1) + name.len())?;
        out.push_str(if at == last { "" } else { "," });
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
    Ok(())
}

fn inline(value: &Value) -> Outcome<String> {
    Ok(match value {
        Value::Object(map) => {
            let parts = map.iter().map(|(name, value)| Ok(format!("{}: {}", quoted(name)?, inline(value)?)));
            format!("{{ {} }}", parts.collect::<Outcome<Vec<_>>>()?.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Outcome<Vec<_>>>()?.join(", ")),
        scalar => serde_json::to_string(scalar).map_err(|error| error.to_string())?,
    })
}

fn quoted(name: &str) -> Outcome<String> {
    serde_json::to_string(name).map_err(|error| error.to_string())
}
