//! The requests of the query protocol: `Action=X&Tags.member.1.Key=a`, in a form body or a query string.

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use crate::error::{SERIALIZATION, ServiceError};
use crate::forms::Shape;
use crate::node::{Node, Text};
use crate::reading::{Notation, Reading};

/// Parameters of a request, at most.
pub const PARAMETERS_MAX: usize = 4096;
/// Parts of a parameter's name, at most.
pub const NAME_PARTS_MAX: usize = 32;

/// The parameters of a request.
#[derive(Debug)]
pub struct Query<'a> {
    parameters: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> Query<'a> {
    /// Takes a form body or a query string apart.
    ///
    /// # Errors
    /// `MalformedInput` when it is not UTF-8 after decoding or has more than [`PARAMETERS_MAX`] parameters.
    pub fn parse(form: &'a [u8]) -> Result<Self, ServiceError> {
        Self::of_request("", form)
    }

    /// Takes the parameters of a request apart: those of its query string, where presigned requests have them all, and
    /// those of its body.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_request(query_string: &'a str, form: &'a [u8]) -> Result<Self, ServiceError> {
        let mut parameters = Vec::new();
        let pairs = [query_string.as_bytes(), form].into_iter().flat_map(|form| form.split(|byte| *byte == b'&'));
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            if parameters.len() == PARAMETERS_MAX {
                return Err(malformed());
            }
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let mut side = || plain(sides.next().unwrap_or_default()).ok_or_else(malformed);
            parameters.push((side()?, side()?));
        }
        Ok(Self { parameters })
    }

    /// The value of the parameter `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// The name of the operation.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// Reads a request and checks the constraints of the model. Parameters that the shape does not know, such as
    /// `Action` and `Version`, are passed over.
    ///
    /// # Errors
    /// `MalformedInput` when a value is of the wrong kind, `ValidationException` when constraints do not hold.
    pub fn decode<T: Shape>(self) -> Result<T, ServiceError> {
        let mut reading = Reading::request(Notation::Query);
        let value = T::decode(self.tree()?, &mut reading)?;
        reading.finish(value)
    }

    fn tree(self) -> Result<Node<'a>, ServiceError> {
        let mut root = Vec::new();
        for (name, value) in self.parameters {
            match name {
                Text::Borrowed(name) => insert(&mut root, name.split('.').map(Text::Borrowed), value),
                Text::Owned(name) => {
                    let parts = name.split('.').map(|part| Text::Owned(Zeroizing::new(part.to_owned())));
                    insert(&mut root, parts, value)
                }
            }
            .ok_or_else(malformed)?;
        }
        Ok(Node::Map(root))
    }
}

/// Puts a value where its name says. A later value replaces an earlier one; a value where others have parts is dropped.
fn insert<'a>(
    root: &mut Vec<(Text<'a>, Node<'a>)>,
    name: impl Iterator<Item = Text<'a>>,
    value: Text<'a>,
) -> Option<()> {
    let mut entries = root;
    let mut parts = name.take(NAME_PARTS_MAX + 1).peekable();
    let mut depth = 0;
    while let Some(part) = parts.next() {
        depth += 1;
        if depth > NAME_PARTS_MAX {
            return None;
        }
        // Parameters mostly come in order, so the entry looked for is most often the last.
        let at = entries.iter().rposition(|(key, _)| **key == *part).unwrap_or_else(|| {
            entries.push((part, Node::Null));
            entries.len() - 1
        });
        let (_, node) = entries.get_mut(at)?;
        if parts.peek().is_none() {
            if !matches!(node, Node::Map(_)) {
                *node = Node::Text(value);
            }
            return Some(());
        }
        if !matches!(node, Node::Map(_)) {
            *node = Node::Map(Vec::new());
        }
        let Node::Map(inner) = node else { return None };
        entries = inner;
    }
    None
}

/// The text without form encoding; borrowed when nothing was encoded.
fn plain(encoded: &[u8]) -> Option<Text<'_>> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(encoded).ok().map(Text::Borrowed);
    }
    let spaced: Zeroizing<Vec<u8>> =
        Zeroizing::new(encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect());
    // Decoding only ever shrinks, so the buffer never grows and leaves nothing behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(spaced.len()));
    bytes.extend(percent_decode(&spaced));
    let text = String::from_utf8(std::mem::take(&mut *bytes)).ok()?;
    Some(Text::Owned(Zeroizing::new(text)))
}

fn malformed() -> ServiceError {
    SERIALIZATION.for_query().bare()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, VALIDATION};
    use crate::sample::{self, Sample};

    fn decode(form: &str) -> Result<Sample, ServiceError> {
        Query::parse(form.as_bytes())?.decode()
    }

    #[test]
    fn every_form_of_value_is_read_from_a_form() {
        let form = "Action=Do&Version=2010-05-08&Name=abc&Count=3&Total=-5&Share=0.5&Ready=true\
            &Made=2018-05-03T17%3A51%3A02.5Z&Data=AQL%2F&Colour=dark-blue&Password=hunter&KeyFile=aHVudGVy\
            &Names.member.2=b&Names.member.1=a&Numbers.1=1&Numbers.2=2\
            &Parts.Part.1.Id=x&Parts.Part.1.Inner.Token=hunter&Parts.Part.2.Id=y\
            &Labels.entry.1.key=k&Labels.entry.1.value=v&Labels.entry.2.key=l&Labels.entry.2.value=w\
            &Groups.1.Group=a+b&Groups.1.Values.member.1=c&Groups.2.Group=d&Groups.2.Values=\
            &Passwords.member.1=hunter&Passwords.member.2=hunted";
        assert_eq!(Query::parse(form.as_bytes()).expect("a form").action(), Some("Do"));
        assert_eq!(decode(form), Ok(sample::full()));
        assert_eq!(decode("Action=Do"), Ok(Sample::default()));
    }

    #[test]
    fn parameters_stand_in_the_query_string_or_in_the_body() {
        let presigned = "Action=Do&Version=1&Name=abc&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0f";
        for (query_string, form) in [(presigned, ""), ("", presigned), ("Version=1&Name=abc", "Action=Do")] {
            let query = Query::of_request(query_string, form.as_bytes()).expect("parameters");
            assert_eq!((query.action(), query.get("Version")), (Some("Do"), Some("1")));
            assert_eq!(query.decode::<Sample>().expect("valid").name.as_deref(), Some("abc"));
        }
        let half = vec!["a=1"; PARAMETERS_MAX / 2 + 1].join("&");
        assert!(Query::of_request(&half, half.as_bytes()).is_err());
    }

    #[test]
    fn lists_are_ordered_by_number() {
        let order: Vec<_> = (1..=10).rev().map(|at| format!("Numbers.{at}={at}")).collect();
        assert_eq!(decode(&order.join("&")).expect("valid").numbers, Some((1..=10).collect()));
    }

    #[test]
    fn an_empty_parameter_is_an_empty_list_or_structure() {
        let sample = decode("Numbers=&Labels=&Parts.Part.1.Id=x&Parts.Part.1.Inner=").expect("valid");
        assert_eq!((sample.numbers, sample.labels), (Some(Vec::new()), Some([].into())));
        assert!(sample.parts.expect("parts")[0].inner.is_some());
    }

    #[test]
    fn constraints_are_checked_as_in_json() {
        let error = decode("Names.member.1=A&Parts.Part.1.Inner=&Count=11").expect_err("invalid");
        assert_eq!(error.code, VALIDATION);
        assert_eq!(
            error.message,
            "3 validation errors detected: Value '11' at 'count' failed to satisfy constraint: Member must have value less than or \
             equal to 10; Value '[A]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length \
             less than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression \
             pattern: [a-z]*]; Value null at 'parts.1.member.id' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        let malformed = |form: &str| decode(form).expect_err(form).code == Code::new("MalformedInput", 400);
        for form in
            ["Count=x", "Count=1.5", "Ready=maybe", "Made=1525369862", "Names.member.x=a", "Names=a", "Name.x=a"]
        {
            assert!(malformed(form), "{form}");
        }
        assert!(malformed("Name=%ff"));
        assert!(malformed(&format!("{}=1", vec!["a"; NAME_PARTS_MAX + 1].join("."))));
        assert!(malformed(&vec!["a=1"; PARAMETERS_MAX + 1].join("&")));
        assert!(decode(&vec!["a=1"; PARAMETERS_MAX].join("&")).is_ok());
    }

    #[test]
    fn names_that_contradict_each_other_do_no_harm() {
        assert_eq!(decode("Name=a&Name=b").expect("valid").name.as_deref(), Some("b"));
        assert!(decode("Names=x&Names.member.1=a").expect("valid").names.is_some());
        for odd in ["=", "&&", ".=1", "a..b=1", "Names.member.=a", "Names.member.99999999999=a", "%=1", "Numbers.1.x=1"]
        {
            drop(decode(odd));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_it_panic(form in "[A-Za-z0-9.=&%+]{0,80}") {
            drop(decode(&form));
        }
    }
}
