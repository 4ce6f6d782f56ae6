//! Paths and templates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Path, Reserved, Template};

fn event() -> Value {
    json!({
        "id": "1", "source": "aws.secretsmanager", "resources": ["arn:a", "arn:b"],
        "detail": { "name": "a \"quoted\" name", "n": 3, "tags": [{ "k": 1 }, { "k": 2 }], "dotted.name": true },
    })
}

const RESERVED: Reserved<'static> =
    Reserved { rule_arn: "arn:rule", rule_name: "rule", ingestion_time: "2026-01-01T00:00:00Z" };

#[test]
fn paths_lead_to_parts() {
    for (path, found) in [
        ("$", Some(event())),
        ("$.source", Some(json!("aws.secretsmanager"))),
        ("$.resources[1]", Some(json!("arn:b"))),
        ("$.detail['dotted.name']", Some(json!(true))),
        ("$.detail.tags[*].k", Some(json!([1, 2]))),
        ("$.resources[2]", None),
        ("$.detail.n.more", None),
    ] {
        assert_eq!(Path::parse(path).expect(path).find(&event()), found, "{path}");
    }
    for wrong in ["", "detail", "$detail", "$.", "$..a", "$.a[", "$.a[x]", "$.a['b]", "$.a['b'x", "$.a[-1]"] {
        Path::parse(wrong).expect_err(wrong);
    }
}

#[test]
fn templates_are_filled() {
    let paths: BTreeMap<String, String> =
        [("name", "$.detail.name"), ("n", "$.detail.n"), ("tags", "$.detail.tags"), ("none", "$.detail.none")]
            .map(|(name, path)| (name.to_owned(), path.to_owned()))
            .into();
    for (template, filled) in [
        (r#""<name> has <n><none>""#, r#""a \"quoted\" name has 3""#),
        (r#"{"name": <name>, "n": <n>, "none": <none>}"#, r#"{"name": "a \"quoted\" name", "n": 3, "none": null}"#),
        (
            r#"{"tags": <tags>, "text": "t <tags>"}"#,
            r#"{"tags": [{"k":1},{"k":2}], "text": "t [{\"k\":1},{\"k\":2}]"}"#,
        ),
        (r#""<aws.events.rule-name> of <aws.events.rule-arn>""#, r#""rule of arn:rule""#),
        (r#"{"a": "\"<n>\"", "b": "x < y > z"}"#, r#"{"a": "\"3\"", "b": "x < y > z"}"#),
    ] {
        let made = Template::parse(template, &paths).expect(template).fill(&event(), RESERVED, 1 << 20).expect("short");
        assert_eq!(made, filled);
        serde_json::from_str::<Value>(&made).expect("JSON");
    }
    let whole = Template::parse("<aws.events.event.json>", &paths)
        .expect("template")
        .fill(&event(), RESERVED, 1 << 20)
        .expect("short");
    assert_eq!(serde_json::from_str::<Value>(&whole).expect("JSON"), event());
    Template::parse("<other>", &paths).expect_err("no path");
    Template::parse("x", &BTreeMap::from([("a".to_owned(), "b".to_owned())])).expect_err("no JSONPath");
    Template::parse("x", &BTreeMap::from([("AWS.x".to_owned(), "$".to_owned())])).expect_err("reserved");
}
