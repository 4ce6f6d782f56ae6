//! Input transformers: a template whose variables, such as `<name>`, stand for parts of an event.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::Fault;
use crate::path::Path;

/// What variables that the service reserves begin with.
const RESERVED: &str = "aws.events.";
/// The variables that the service reserves, without what they begin with.
const RESERVED_NAMES: [&str; 5] = ["rule-arn", "rule-name", "event.ingestion-time", "event", "event.json"];

/// What the reserved variables stand for.
#[derive(Clone, Copy, Debug)]
pub struct Reserved<'a> {
    /// `<aws.events.rule-arn>`.
    pub rule_arn: &'a str,
    /// `<aws.events.rule-name>`.
    pub rule_name: &'a str,
    /// `<aws.events.event.ingestion-time>`.
    pub ingestion_time: &'a str,
}

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    paths: BTreeMap<String, Path>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// A variable, and whether it stands within the quotes of a JSON string.
    Variable(String, bool),
}

impl Template {
    /// A template with the paths of its variables.
    ///
    /// # Errors
    /// Why it is none: a path that is none, a variable without a path.
    pub fn parse(template: &str, paths: &BTreeMap<String, String>) -> Result<Self, Fault> {
        let mut read = BTreeMap::new();
        for (name, path) in paths {
            if name.to_ascii_lowercase().starts_with("aws.") || name.is_empty() {
                return Err(Fault::new(format!("Invalid variable name: {name}")));
            }
            read.insert(name.clone(), Path::parse(path)?);
        }
        let (mut parts, mut text, mut left, mut quoted) = (Vec::new(), String::new(), template, false);
        while let Some(character) = left.chars().next() {
            if let Some((name, behind)) = variable(left) {
                let reserved = name.strip_prefix(RESERVED).is_some_and(|name| RESERVED_NAMES.contains(&name));
                if !reserved && !read.contains_key(name) {
                    return Err(Fault::new(format!("InputTemplate has the variable <{name}>, which has no path")));
                }
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Variable(name.to_owned(), quoted));
                left = behind;
                continue;
            }
            let mut behind = left.chars();
            behind.next();
            text.push(character);
            match character {
                '\\' if quoted => text.extend(behind.next()),
                '"' => quoted = !quoted,
                _ => {}
            }
            left = behind.as_str();
        }
        parts.push(Part::Text(text));
        Ok(Self { parts, paths: read })
    }

    /// The text for an event. Within quotes, texts stand as they are, escaped, and what is not there leaves nothing;
    /// elsewhere values stand as JSON, and what is not there is null. None when that is more than `bytes_max`.
    #[must_use]
    pub fn fill(&self, event: &Value, reserved: Reserved<'_>, bytes_max: usize) -> Option<String> {
        let mut made = String::new();
        // Each variable is looked for once, however often it stands there.
        let mut known: BTreeMap<(&str, bool), String> = BTreeMap::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => made += text,
                Part::Variable(name, quoted) => {
                    let found = || written(self.value(name, event, reserved), *quoted);
                    made += known.entry((name, *quoted)).or_insert_with(found);
                }
            }
            if made.len() > bytes_max {
                return None;
            }
        }
        Some(made)
    }

    fn value(&self, name: &str, event: &Value, reserved: Reserved<'_>) -> Option<Value> {
        match name.strip_prefix(RESERVED) {
            Some("rule-arn") => Some(reserved.rule_arn.into()),
            Some("rule-name") => Some(reserved.rule_name.into()),
            Some("event.ingestion-time") => Some(reserved.ingestion_time.into()),
            // Without its detail.
            Some("event") => {
                let mut event = event.clone();
                event.as_object_mut().map(|event| event.remove("detail"));
                Some(event)
            }
            Some("event.json") => Some(event.clone()),
            _ => self.paths.get(name)?.find(event),
        }
    }
}

/// The variable at the beginning of a text, and what comes behind it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('<')?.split_once('>')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    is_name.then_some((name, behind))
}

fn written(value: Option<Value>, quoted: bool) -> String {
    match (value, quoted) {
        (None, true) => String::new(),
        (None, false) => "null".to_owned(),
        (Some(value), false) => value.to_string(),
        (Some(Value::String(text)), true) => escaped(&text),
        (Some(value), true) => escaped(&value.to_string()),
    }
}

/// A text as it stands within the quotes of JSON.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}
