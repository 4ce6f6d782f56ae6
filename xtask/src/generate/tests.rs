//! Tests of the generator: on models made up for them, and that what is committed is what it writes.

use std::collections::BTreeMap;

use super::{check, format_code, modules};
use crate::models::facts::Facts;

/// A query service with a name, a wrapper or a status in every place where a model may put one.
const MODEL: &str = r#"{
    "source": {"package": "none", "version": "1"},
    "metadata": {"apiVersion": "2020-01-02", "endpointPrefix": "sample", "protocol": "query", "serviceId": "Sample",
        "xmlNamespace": "https://sample.example/doc/"},
    "operations": {
        "GetThing": {"http": {"method": "POST"}, "input": "GetThingRequest", "output": "GetThingResponse",
            "errors": ["NoSuchThing", "Broken"]},
        "Ping": {"http": {"method": "POST"}, "errors": [], "authtype": "none"}
    },
    "shapes": {
        "GetThingRequest": {"type": "structure", "required": ["Id", "Kind"], "members": [
            {"name": "Id", "shape": "Id"}, {"name": "Kind", "shape": "Kind"}, {"name": "Type", "shape": "Secret"},
            {"name": "Names", "shape": "Names"}, {"name": "Labels", "shape": "Labels"}]},
        "GetThingResponse": {"type": "structure", "members": [{"name": "Tree", "shape": "Tree"}]},
        "Tree": {"type": "structure", "members": [{"name": "Leaves", "shape": "Trees", "locationName": "leaf"}]},
        "Trees": {"type": "list", "member": {"shape": "Tree"}},
        "Id": {"type": "string", "min": 1, "max": 20480, "pattern": "^[a-z\"]+$"},
        "Kind": {"type": "string", "enum": ["one-kind", "OTHER"]},
        "Secret": {"type": "string", "sensitive": true},
        "Names": {"type": "list", "member": {"shape": "Id", "locationName": "Name"}, "flattened": true},
        "Labels": {"type": "map", "key": {"shape": "Id", "locationName": "K"}, "value": {"shape": "Number"}},
        "Number": {"type": "long", "max": -1},
        "Unreached": {"type": "novelty"},
        "NoSuchThing": {"type": "structure", "exception": true,
            "error": {"code": "NoSuch", "httpStatusCode": 404, "senderFault": true}},
        "Broken": {"type": "structure", "exception": true, "fault": true}
    }
}"#;

fn facts(text: &str) -> Facts {
    serde_json::from_str(text).expect("facts")
}

fn generated() -> BTreeMap<String, String> {
    let raw = modules("sample", &facts(MODEL)).expect("modules");
    raw.into_iter().map(|(name, text)| (name, format_code(&crate::root(), &text).expect("code"))).collect()
}

#[test]
fn what_is_committed_is_what_the_generator_writes() {
    assert_eq!(check(&crate::root()), Ok(()));
}

#[test]
fn forms_carry_the_constraints_and_names_of_the_model() {
    let forms = &generated()["forms.rs"];
    for line in [
        r#"static ID_PATTERN: Pattern = Pattern::class("^[a-z\"]+$", &[('"', '"'), ('a', 'z')], &[], false);"#,
        "pub(super) static ID: Text = Text::new(Bounds::new(Some(1), Some(20480)), Some(&ID_PATTERN));",
        "pub(super) static KIND: Choice<Kind> = Choice::NEW;",
        "pub(super) static SECRET: SecretString = SecretString::new(Bounds::NONE, None);",
        r#"pub(super) static NAMES: List<Text> = List::new(&ID, Bounds::NONE).named("Name").flattened();"#,
        r#"pub(super) static LABELS: Map<Text, Long> = Map::new(&ID, &NUMBER, Bounds::NONE).named("K", "value");"#,
        "pub(super) static NUMBER: Long = Long::new(Bounds::new(None, Some(-1)));",
        "pub(super) static TREES: List<Structure<Tree>> = List::new(&TREE, Bounds::NONE);",
        "use super::enums::Kind;",
        "use super::shapes::Tree;",
    ] {
        assert!(forms.lines().any(|found| found == line), "{line}\nis not in\n{forms}");
    }
    assert!(!forms.contains("UNREACHED"), "{forms}");
}

#[test]
fn structures_have_typed_members_and_wire_names() {
    let generated = generated();
    let requests = &generated["requests.rs"];
    for part in [
        "#[derive(Clone, Debug, PartialEq)]\npub struct GetThingRequest {",
        "    /// `Id`, required: 1 to 20480 characters, `^[a-z\"]+$`.\n    pub id: String,",
        "    pub kind: Kind,",
        "    pub r#type: Option<SecretText>,",
        "    pub labels: Option<BTreeMap<String, i64>>,",
        r#"let names = from.optional("Name", "names", &forms::NAMES, reading)?;"#,
        "let (Some(id), Some(kind)) = (id, kind) else {",
        r#"writer::required(writer, "Id", "id", &forms::ID, &self.id);"#,
    ] {
        assert!(requests.contains(part), "{part}\nis not in\n{requests}");
    }
    let shapes = &generated["shapes.rs"];
    assert!(shapes.contains(r#"from.optional("leaf", "leaves", &forms::TREES, reading)?"#), "{shapes}");
    assert!(shapes.contains("#[derive(Clone, Debug, Default, PartialEq)]\npub struct Tree {"), "{shapes}");
}

#[test]
fn operations_errors_and_the_description_follow_the_model() {
    let generated = generated();
    let operations = &generated["operations.rs"];
    assert!(operations.contains("pub const ALL: [Self; 2] = [Self::GetThing, Self::Ping];"), "{operations}");
    assert!(operations.contains(r#"Self::Ping => "sample:Ping","#), "{operations}");
    for part in [
        "Self::GetThing => visitor.visit::<super::GetThingRequest, super::GetThingResponse>(),",
        "Self::Ping => visitor.visit::<Nothing, Nothing>(),",
        "pub const UNSIGNED: &'static [Self] = &[Self::Ping];",
    ] {
        assert!(operations.contains(part), "{part}\nis not in\n{operations}");
    }
    let errors = &generated["errors.rs"];
    assert!(errors.contains(r#"pub const NO_SUCH_THING: Code = Code::modelled("NoSuch", 404);"#), "{errors}");
    assert!(errors.contains(r#"pub const BROKEN: Code = Code::modelled("Broken", 500);"#), "{errors}");
    let root = &generated["mod.rs"];
    assert!(root.contains("protocol: Protocol::Query,"), "{root}");
    assert!(root.contains(r#"event_source: "sample.amazonaws.com","#), "{root}");
}

/// The error for the model with `from` replaced by `to`.
fn refusal(from: &str, to: &str) -> String {
    assert!(MODEL.contains(from));
    modules("sample", &facts(&MODEL.replace(from, to))).expect_err(to)
}

#[test]
fn what_is_not_understood_is_refused() {
    let cases = [
        ("\"type\": \"long\", \"max\": -1", "\"type\": \"novelty\"", "novelty"),
        ("\"type\": \"long\", \"max\": -1", "\"type\": \"long\", \"max\": 1.5", "bound 1.5"),
        ("\"type\": \"long\", \"max\": -1", "\"type\": \"long\", \"sensitive\": true", "sensitive long"),
        ("\"sensitive\": true", "\"sensitive\": true, \"streaming\": true", "trait `streaming`"),
        ("\"shape\": \"Labels\"", "\"shape\": \"Labels\", \"payload\": 1", "trait `payload`"),
        ("^[a-z\\\"]+$", "(?!x)a", "cannot be translated"),
        ("\"shape\": \"Trees\"", "\"shape\": \"Tree\"", "holds itself"),
        ("\"one-kind\", \"OTHER\"", "\"one-kind\", \"OneKind\"", "one name in Rust"),
        ("\"name\": \"Type\"", "\"name\": \"Reading\"", "a name that is taken"),
        ("\"name\": \"Names\"", "\"name\": \"id\"", "a name that is taken"),
        ("\"shape\": \"Secret\"", "\"shape\": \"Missing\"", "no shape Missing"),
        ("\"protocol\": \"query\"", "\"protocol\": \"rest-xml\"", "protocol rest-xml"),
    ];
    for (from, to, part) in cases {
        let error = refusal(from, to);
        assert!(error.contains(part), "{error}");
    }
}
