//! A policy document as it was given, with its compiled form beside it once somebody asked. The users and roles that it
//! names as principals are known by their unique ids, as AWS has it: who is made anew under a name is somebody else.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use strongroom_policy::{Document, DocumentKind};

use crate::error::Error;

/// How many times its text a compiled policy takes, text included, about.
const COMPILED_TIMES: usize = 6;

/// The text of a policy. Compiled on first use and then kept: a decision reads no text.
#[derive(Clone, Debug, Default)]
pub struct PolicyText {
    text: String,
    /// The unique ids of the users and roles that it names as principals, by the ARN that stands in the text.
    ids: BTreeMap<String, String>,
    compiled: OnceLock<Option<Arc<Document>>>,
}

impl PolicyText {
    /// A policy of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ids: BTreeMap::new(), compiled: OnceLock::new() }
    }

    /// A policy whose principals are known by their unique ids.
    #[must_use]
    pub fn bound(text: impl Into<String>, ids: BTreeMap<String, String>) -> Self {
        Self { ids, ..Self::new(text) }
    }

    /// A policy that was parsed already.
    #[must_use]
    pub fn parsed(text: impl Into<String>, document: Document) -> Self {
        Self { compiled: OnceLock::from(Some(Arc::new(document))), ..Self::new(text) }
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The unique ids of the users and roles that it names, by ARN.
    #[must_use]
    pub fn ids(&self) -> &BTreeMap<String, String> {
        &self.ids
    }

    /// About as many bytes as it takes in memory once it is compiled, which takes several times its text.
    #[must_use]
    pub fn memory_bytes_about(&self) -> usize {
        self.text.len() * COMPILED_TIMES + size_of::<Document>()
    }

    /// The compiled policy. It was checked before it was stored; one that does not read any more must not turn into
    /// one that denies nothing, so it is a fault.
    ///
    /// # Errors
    /// A fault when the text is not a policy of this kind.
    pub fn compiled(&self, kind: DocumentKind) -> Result<&Arc<Document>, Error> {
        let parse = || {
            // With ids that cannot be put it does not read: by its ARNs it would be about whoever has them now.
            let document = if self.ids.is_empty() {
                Document::parse(&self.text, kind)
            } else {
                Document::parse(&self.with_ids()?, kind)
            };
            document.ok().map(Arc::new)
        };
        self.compiled.get_or_init(parse).as_ref().ok_or_else(|| Error::internal("a stored policy does not read"))
    }
}

impl PolicyText {
    /// The text with unique ids in the place of ARNs; none when it does not read as JSON.
    fn with_ids(&self) -> Option<String> {
        let mut policy: Value = serde_json::from_str(&self.text).ok()?;
        let statements = match policy.get_mut("Statement")? {
            Value::Array(list) => list.as_mut_slice(),
            single => std::slice::from_mut(single),
        };
        for statement in statements {
            for element in ["Principal", "NotPrincipal"] {
                if let Some(named) = statement.get_mut(element).and_then(|element| element.get_mut("AWS")) {
                    let list = match named {
                        Value::Array(list) => list.as_mut_slice(),
                        single => std::slice::from_mut(single),
                    };
                    list.iter_mut().for_each(|principal| self.put_id(principal));
                }
            }
        }
        Some(policy.to_string())
    }

    fn put_id(&self, principal: &mut Value) {
        if let Some(id) = principal.as_str().and_then(|arn| self.ids.get(arn)) {
            *principal = Value::String(id.clone());
        }
    }
}

impl PartialEq for PolicyText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ids == other.ids
    }
}

impl Eq for PolicyText {}

impl Serialize for PolicyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.ids.is_empty() {
            return serializer.serialize_str(&self.text);
        }
        Stored::Bound { text: self.text.clone(), ids: self.ids.clone() }.serialize(serializer)
    }
}

/// How a policy stands in a document: as its text, or with the ids of its principals.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Bound { text: String, ids: BTreeMap<String, String> },
}

impl<'de> Deserialize<'de> for PolicyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Text(text) => Self::new(text),
            Stored::Bound { text, ids } => Self::bound(text, ids),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_bound_to_their_ids_and_what_was_stored_before_still_reads() {
        let arn = "arn:aws:iam::111111111111:user/bob";
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":["{arn}","222222222222"]}},"Action":"secretsmanager:*","Resource":"*"}}}}"#
        );
        let bound = PolicyText::bound(&text, [(arn.to_owned(), "AIDAEXAMPLEEXAMPLE123".to_owned())].into());
        let document = bound.compiled(DocumentKind::Resource).expect("a policy");
        let principals: Vec<&str> = document.principals().map(|(_, principal)| principal).collect();
        assert_eq!(principals, ["AIDAEXAMPLEEXAMPLE123", "222222222222"]);
        assert_eq!(bound.text(), text, "shown as it was given");
        let written = serde_json::to_string(&bound).expect("written");
        assert_eq!(serde_json::from_str::<PolicyText>(&written).expect("read"), bound);
        let before: PolicyText = serde_json::from_str(&serde_json::to_string(&text).expect("text")).expect("read");
        assert_eq!(before, PolicyText::new(text));
    }

    #[test]
    fn a_policy_whose_ids_cannot_be_put_is_a_fault() {
        let arn = "arn:aws:iam::111111111111:user/bob";
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"*","Resource":"*","Condition":{{"NumericLessThan":{{"aws:MultiFactorAuthAge":1e999}}}}}}}}"#
        );
        let bound = PolicyText::bound(&text, [(arn.to_owned(), "AIDAEXAMPLEEXAMPLE123".to_owned())].into());
        assert!(bound.compiled(DocumentKind::Resource).is_err());
    }
}
