//! From what a caller calls a function to the function: name, partial ARN or ARN, with or without a qualifier.

use strongroom_policy::Values;
use strongroom_types::{AccountId, Region};

use super::model::{Function, FunctionPolicy, LATEST, document_key};
use super::refusals;
use crate::access::tag_of;
use crate::ctx::Ctx;
use crate::documents::{Documents, Loaded};
use crate::error::Error;

/// Characters of a function's name at most.
const NAME_CHARS_MAX: usize = 64;

/// A function as a request names it, found or not.
#[derive(Clone, Debug)]
pub struct FunctionRef {
    /// The account that owns it, or would.
    pub account: AccountId,
    /// The name.
    pub name: String,
    /// The version or alias that is named, if one is.
    pub qualifier: Option<String>,
    /// The ARN without qualifier.
    pub arn: String,
    /// The function as it was when the request was authorised.
    pub found: Option<Loaded<Function>>,
    /// The policy that the place tells where it is, for a function that is not on this server.
    pub told: Option<FunctionPolicy>,
    /// Its tags, as conditions ask for them.
    pub(crate) tags: Vec<(String, String)>,
}

/// The parts of what a caller calls a function.
struct Parts<'a> {
    partition: Option<&'a str>,
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_qualifier(text: &str) -> bool {
    text == LATEST || is_name(text) || (text.len() <= 128 && is_name(text.get(..64).unwrap_or(text)))
}

/// Reads `name`, `name:qualifier`, `account:function:name`, `region:account:function:name` and whole ARNs.
fn parts(asked: &str) -> Option<Parts<'_>> {
    let (partition, rest) = match asked.strip_prefix("arn:") {
        Some(rest) => {
            let (partition, rest) = rest.split_once(":lambda:")?;
            (Some(partition), rest)
        }
        None => (None, asked),
    };
    let pieces: Vec<&str> = rest.split(':').collect();
    let (before, after) = match pieces.iter().position(|piece| *piece == "function") {
        // A function may be called `function` itself.
        Some(at) if pieces.len() > at + 1 => (pieces.get(..at)?, pieces.get(at + 1..)?),
        _ if partition.is_some() => return None,
        _ => (&[][..], pieces.as_slice()),
    };
    let (name, qualifier) = match after {
        [name] => (*name, None),
        [name, qualifier] => (*name, Some(*qualifier)),
        _ => return None,
    };
    let (region, account) = match before {
        [] => (None, None),
        [account] => (None, Some(*account)),
        [region, account] => (Some(*region), Some(*account)),
        _ => return None,
    };
    let sound = is_name(name) && qualifier.is_none_or(is_qualifier) && (partition.is_none() || region.is_some());
    sound.then_some(Parts { partition, region, account, name, qualifier })
}

impl FunctionRef {
    /// The function that `asked` names for a caller, with the qualifier that stands beside the name. One that is not there
    /// is no error here: whether the caller may know is decided first.
    ///
    /// # Errors
    /// ValidationException when the text can name no function, InvalidParameterValueException for two qualifiers that
    /// differ; faults of the store.
    pub async fn resolve(documents: &Documents, cx: &Ctx, asked: &str, beside: Option<&str>) -> Result<Self, Error> {
        Self::resolve_in(documents, &cx.region, &cx.caller.account, asked, beside).await
    }

    /// The same, where what is no ARN is of the account `home`.
    ///
    /// # Errors
    /// As [`FunctionRef::resolve`].
    pub async fn resolve_in(
        documents: &Documents,
        region: &Region,
        home: &AccountId,
        asked: &str,
        beside: Option<&str>,
    ) -> Result<Self, Error> {
        let parts = parts(asked).ok_or_else(|| refusals::invalid_name(asked))?;
        let account = match parts.account {
            Some(account) => AccountId::parse(account).map_err(|_| refusals::invalid_name(asked))?,
            None => home.clone(),
        };
        let qualifier = match (parts.qualifier, beside) {
            (Some(inside), Some(beside)) if inside != beside => return Err(refusals::two_qualifiers()),
            (inside, beside) => inside.or(beside).map(str::to_owned),
        };
        let partition = parts.partition.unwrap_or(region.partition());
        let place = parts.region.unwrap_or(region.as_str());
        let arn = ["arn:", partition, ":lambda:", place, ":", account.as_str(), ":function:", parts.name].concat();
        let here = place == region.as_str() && partition == region.partition();
        let found = if here {
            documents.load::<Function>(document_key(account.as_str(), place, parts.name)).await?
        } else {
            None
        };
        let tags = found.iter().flat_map(|found| &found.value.tags);
        let tags = tags.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(Self { account, name: parts.name.to_owned(), qualifier, arn, found, told: None, tags })
    }

    /// The ARN with the qualifier, if one was named: what policies are asked for.
    #[must_use]
    pub fn qualified(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => [self.arn.as_str(), ":", qualifier].concat(),
            None => self.arn.clone(),
        }
    }

    /// The policy in play: that of the qualifier, or of the function itself.
    #[must_use]
    pub fn policy(&self) -> Option<&FunctionPolicy> {
        if self.told.is_some() {
            return self.told.as_ref();
        }
        let of = self.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
        self.found.as_ref()?.value.policies.get(of)
    }

    /// What conditions may ask about the function itself.
    pub(crate) fn condition(&self, key: &str) -> Option<Values<'_>> {
        tag_of(&self.tags, key.strip_prefix("aws:resourcetag/")?)
    }

    /// The function as it was found.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub fn found(&self) -> Result<&Function, Error> {
        let found = self.found.as_ref().ok_or_else(|| refusals::not_found(&self.qualified()))?;
        Ok(&found.value)
    }

    /// The version that the qualifier leads to.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub fn version(&self) -> Result<&str, Error> {
        let version = self.found()?.resolved(self.qualifier.as_deref());
        version.ok_or_else(|| refusals::not_found(&self.qualified()))
    }
}

#[cfg(test)]
impl FunctionRef {
    /// A function with a policy, for tests of who may use it.
    pub(crate) fn for_tests(account: &str, policy: &str) -> Self {
        use std::collections::BTreeMap;
        use std::sync::Arc;

        use super::configuration::blank;
        use super::model::CodeFacts;
        use crate::identities::policy_text::PolicyText;

        let code = CodeFacts { id: "id".to_owned(), sha256: String::new(), bytes: 0, chunks: 0 };
        let policy = FunctionPolicy { text: PolicyText::new(policy), revision_id: "r".to_owned() };
        let value = Function {
            account: account.to_owned(),
            region: "us-east-1".to_owned(),
            partition: "aws".to_owned(),
            name: "f".to_owned(),
            latest: blank("f", code, "x86_64"),
            versions: BTreeMap::new(),
            next_version: 1,
            aliases: BTreeMap::new(),
            policies: [(String::new(), policy)].into(),
            tags: BTreeMap::new(),
            concurrency: None,
        };
        Self {
            account: AccountId::parse(account).expect("account"),
            name: "f".to_owned(),
            qualifier: None,
            arn: value.arn(),
            found: Some(Loaded { version: 1, value: Arc::new(value) }),
            told: None,
            tags: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_every_form() {
        let read = |text: &str| {
            parts(text).map(|parts| {
                let own = |part: Option<&str>| part.unwrap_or("-").to_owned();
                [own(parts.region), own(parts.account), parts.name.to_owned(), own(parts.qualifier)].join(" ")
            })
        };
        let whole = "arn:aws:lambda:us-east-1:123456789012:function:f";
        for (text, expected) in [
            ("f", "- - f -"),
            ("f:1", "- - f 1"),
            ("f:$LATEST", "- - f $LATEST"),
            ("function:f", "- - f -"),
            ("function", "- - function -"),
            ("123456789012:function:f:live", "- 123456789012 f live"),
            ("us-east-1:123456789012:function:f", "us-east-1 123456789012 f -"),
            (whole, "us-east-1 123456789012 f -"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "a b", "f:1:2", "arn:aws:lambda:us-east-1:f", "arn:aws:s3:::f", &"f".repeat(65)] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
