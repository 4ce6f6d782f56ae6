//! Extracts facts from botocore's model files. Prose is left behind: it is AWS's, and facts are all that is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Service;
use super::download::Download;
use super::facts::{Facts, Member, Operation, Shape, Source, Traits};
use crate::Outcome;

/// Traits that hold prose.
const PROSE: [&str; 5] =
    ["documentation", "documentationUrl", "deprecatedMessage", "deprecatedSince", "externalDocumentation"];

/// The facts of the newest API version of a service, whose models are in the folder `model`.
pub fn facts(download: &Download, service: &Service, model: &str) -> Outcome<Facts> {
    let folder = download.newest_api(model)?;
    let model = download.json(&folder, "service-2.json")?.ok_or(format!("{}: no model", service.name))?;
    let paginators = download.json(&folder, "paginators-1.json")?;
    let source = Source { package: "botocore".to_owned(), version: download.version.clone() };
    extract(source, &model, paginators.as_deref()).map_err(|error| format!("{}: {error}", service.name))
}

/// The facts in the text of a model and of its paginators.
pub fn extract(source: Source, model: &str, paginators: Option<&str>) -> Outcome<Facts> {
    let model: Model = serde_json::from_str(model).map_err(|error| error.to_string())?;
    let mut pages: Paginators = match paginators {
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
        None => Paginators::default(),
    };
    let operations = model.operations.into_iter().map(|(name, raw)| {
        let operation = raw.into_operation(pages.pagination.remove(&name));
        (name, operation)
    });
    Ok(Facts {
        source,
        metadata: without_prose(model.metadata),
        operations: operations.collect(),
        shapes: model.shapes.into_iter().map(|(name, raw)| (name, raw.into_shape())).collect(),
    })
}

#[derive(Deserialize)]
struct Model {
    metadata: Traits,
    operations: BTreeMap<String, RawOperation>,
    shapes: BTreeMap<String, RawShape>,
}

#[derive(Default, Deserialize)]
struct Paginators {
    pagination: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawOperation {
    http: Traits,
    input: Option<Reference>,
    output: Option<Reference>,
    #[serde(default)]
    errors: Vec<Reference>,
    #[serde(flatten)]
    traits: Traits,
}

#[derive(Deserialize)]
struct Reference {
    shape: String,
    #[serde(rename = "resultWrapper")]
    result_wrapper: Option<String>,
}

#[derive(Deserialize)]
struct RawShape {
    #[serde(default)]
    members: Ordered<Member>,
    #[serde(flatten)]
    shape: Shape,
}

impl RawOperation {
    fn into_operation(self, paginator: Option<Value>) -> Operation {
        let mut traits = without_prose(self.traits);
        traits.remove("name");
        if let Some(wrapper) = self.output.as_ref().and_then(|output| output.result_wrapper.clone()) {
            traits.insert("resultWrapper".to_owned(), Value::String(wrapper));
        }
        let mut errors: Vec<_> = self.errors.into_iter().map(|error| error.shape).collect();
        errors.sort();
        errors.dedup();
        Operation {
            http: self.http,
            input: self.input.map(|reference| reference.shape),
            output: self.output.map(|reference| reference.shape),
            errors,
            paginator,
            traits,
        }
    }
}

impl RawShape {
    fn into_shape(self) -> Shape {
        let named = self.members.0.into_iter().map(|(name, member)| bare(Member { name, ..member }));
        Shape {
            members: named.collect(),
            member: self.shape.member.map(bare),
            key: self.shape.key.map(bare),
            value: self.shape.value.map(bare),
            traits: without_prose(self.shape.traits),
            ..self.shape
        }
    }
}

fn bare(member: Member) -> Member {
    Member { traits: without_prose(member.traits), ..member }
}

fn without_prose(mut traits: Traits) -> Traits {
    traits.retain(|name, _| !PROSE.contains(&name.as_str()));
    traits
}

/// The entries of a JSON object in their order, which for members is the order of AWS's error texts.
struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"{
        "metadata": {"protocol": "json", "documentation": "prose"},
        "operations": {"Do": {"name": "Do", "documentation": "prose", "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "In"}, "output": {"shape": "Out", "resultWrapper": "DoResult"},
            "errors": [{"shape": "Z", "documentation": "prose"}, {"shape": "A"}], "idempotent": true}},
        "shapes": {
            "In": {"type": "structure", "required": ["Z"], "documentation": "prose",
                "members": {"Z": {"shape": "S", "documentation": "prose", "idempotencyToken": true}, "A": {"shape": "L"}}},
            "L": {"type": "list", "member": {"shape": "S", "documentation": "prose"}, "max": 3},
            "Out": {"type": "structure", "members": {}},
            "S": {"type": "string", "max": 2.5, "enum": ["b", "a"], "box": true}
        }
    }"#;

    fn source() -> Source {
        Source { package: "botocore".to_owned(), version: "1".to_owned() }
    }

    #[test]
    fn facts_keep_order_and_traits_and_lose_prose() {
        let pages = r#"{"pagination": {"Do": {"input_token": "N"}}}"#;
        let facts = extract(source(), MODEL, Some(pages)).expect("facts");
        let text = serde_json::to_string(&facts).expect("json");
        assert!(!text.contains("prose"), "{text}");
        let input = &facts.shapes["In"];
        assert_eq!(input.members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["Z", "A"]);
        assert_eq!(input.members[0].traits["idempotencyToken"], true);
        assert_eq!(facts.shapes["S"].values, ["b", "a"]);
        assert_eq!(facts.shapes["S"].traits["box"], true);
        let operation = &facts.operations["Do"];
        assert_eq!(operation.errors, ["A", "Z"]);
        assert_eq!(operation.traits["resultWrapper"], "DoResult");
        assert_eq!(operation.traits["idempotent"], true);
        assert!(operation.paginator.is_some());
    }

    #[test]
    fn stored_facts_read_back_the_same() {
        let facts = extract(source(), MODEL, None).expect("facts");
        let text = super::super::layout::print(&facts).expect("text");
        assert_eq!(serde_json::from_str::<Facts>(&text).expect("json"), facts);
    }
}
