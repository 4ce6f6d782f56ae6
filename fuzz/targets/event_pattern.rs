//! Any text as an event pattern, an event, a path and a template: reading never panics, and neither do matching and filling.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use strongroom_patterns::{Path, Pattern, Reserved, Template};

fuzz_target!(|text: &str| {
    // Parts: the pattern, the event, a path, a template with the variable `a`.
    let mut parts = text.splitn(4, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (pattern, event, path, template) = (next(), next(), next(), next());
    let event = serde_json::from_str(event).unwrap_or_default();
    match Pattern::parse(pattern) {
        Ok(pattern) => assert_eq!(pattern.matches(&event), pattern.clone().matches(&event)),
        Err(fault) => drop(fault.to_string()),
    }
    if let Ok(path) = Path::parse(path) {
        drop(path.find(&event));
    }
    let paths = BTreeMap::from([("a".to_owned(), path.to_owned())]);
    if let Ok(template) = Template::parse(template, &paths) {
        drop(template.fill(&event, Reserved { rule_arn: "arn", rule_name: "rule", ingestion_time: "time" }, 1 << 20));
    }
});
