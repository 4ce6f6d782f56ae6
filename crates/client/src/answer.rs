//! Answers, and what they say went wrong.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;
use strongroom_types::SecretBytes;

use crate::error::{CallError, ServiceError};

/// Characters of a text of the service that are taken over into an error.
const MESSAGE_CHARACTERS_MAX: usize = 2000;

/// An answer. Does not print its body, which may hold secret material.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON or XML, by the protocol of the call.
    pub body: SecretBytes,
    /// Whom it is from.
    pub(crate) url: String,
}

impl Answer {
    /// Whether the service did what it was asked for.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer, if the service did what it was asked for.
    ///
    /// # Errors
    /// `Service` with the code and text of AWS's error.
    pub fn success(self) -> Result<Self, CallError> {
        if self.is_success() { Ok(self) } else { Err(self.service_error().into()) }
    }

    /// The body as text.
    ///
    /// # Errors
    /// `Form` when it is none.
    pub fn text(&self) -> Result<&str, CallError> {
        std::str::from_utf8(self.body.expose()).map_err(|_| self.form())
    }

    /// The body as JSON; null when there is none. The copy is not wiped: for answers without secret material.
    ///
    /// # Errors
    /// `Form` when it is none.
    pub fn json(&self) -> Result<Value, CallError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(self.body.expose()).map_err(|_| self.form())
    }

    /// The text of the first element of that name in an answer of the Query protocol.
    ///
    /// # Errors
    /// `Form` when there is none.
    pub fn element(&self, name: &str) -> Result<String, CallError> {
        element(self.text()?, name).ok_or_else(|| self.form())
    }

    /// What the service says went wrong, in whichever of AWS's forms.
    fn service_error(&self) -> ServiceError {
        let text = std::str::from_utf8(self.body.expose()).unwrap_or_default();
        let json: Value = serde_json::from_str(text).unwrap_or_default();
        let member = |names: &[&str]| names.iter().find_map(|name| json.get(name)?.as_str().map(str::to_owned));
        let header = || Some(self.headers.get("x-amzn-errortype")?.to_str().ok()?.to_owned());
        let code = header().or_else(|| member(&["__type", "code", "Code"])).or_else(|| element(text, "Code"));
        let message = member(&["message", "Message", "errorMessage"]).or_else(|| element(text, "Message"));
        let code = code.as_deref().map(bare_code).filter(|code| !code.is_empty());
        let message = message.unwrap_or_else(|| format!("the service answered with status {}", self.status));
        ServiceError { status: self.status, code: code.unwrap_or("Unknown").to_owned(), message: shown(&message) }
    }

    fn form(&self) -> CallError {
        CallError::Form { url: self.url.clone(), status: self.status }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} with {} bytes)", self.status, self.body.len())
    }
}

/// A code without the namespace before and the address behind it.
fn bare_code(text: &str) -> &str {
    let behind = text.rsplit_once('#').map_or(text, |(_, code)| code);
    shortest(behind.split([':', ',']).next().unwrap_or(behind).trim())
}

fn shortest(code: &str) -> &str {
    let end = code.find(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c))).unwrap_or(code.len());
    code.get(..end).unwrap_or_default()
}

/// A text that can be printed.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARACTERS_MAX).collect()
}

/// The text of the first element of that name in XML as AWS's services write it: without attributes on the elements that
/// hold text, comments or sections of character data.
#[must_use]
pub fn element(xml: &str, name: &str) -> Option<String> {
    let (_, behind) = xml.split_once(&format!("<{name}>"))?;
    let (inner, _) = behind.split_once(&format!("</{name}>"))?;
    (!inner.contains('<')).then(|| unescaped(inner))
}

/// Resolves the entities of XML; what is none stays.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let resolved = part.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        match resolved {
            Some((character, rest)) => {
                out.push(character);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => number(digits, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        Answer { status, headers: map, body: SecretBytes::new(body.into()), url: "http://here".into() }
    }

    fn refused(answer: Answer) -> (String, String) {
        match answer.success() {
            Err(CallError::Service(refused)) => (refused.code, refused.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_are_read_in_each_protocols_form() {
        let pair = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        let json = r#"{"__type":"com.amazonaws.secretsmanager#ResourceNotFoundException","Message":"None.\u001b[1m"}"#;
        assert_eq!(refused(answer(400, &[], json)), pair("ResourceNotFoundException", "None. [1m"));
        let typed = [("x-amzn-errortype", "ResourceConflictException:http://internal.amazon.com/coral/")];
        let rest = r#"{"Type":"User","message":"It exists."}"#;
        assert_eq!(refused(answer(409, &typed, rest)), pair("ResourceConflictException", "It exists."));
        let xml = "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The &quot;role\
                   &quot; &#x26; &amp;c</Message></Error></ErrorResponse>";
        assert_eq!(refused(answer(404, &[], xml)), pair("NoSuchEntity", "The \"role\" & &c"));
        assert_eq!(refused(answer(502, &[], "<html>")), pair("Unknown", "the service answered with status 502"));
    }

    #[test]
    fn elements_are_found_and_resolved() {
        let xml = "<R><Role><Arn>arn:a</Arn><Path>&lt;/&unknown;</Path></Role></R>";
        assert_eq!(element(xml, "Arn").as_deref(), Some("arn:a"));
        assert_eq!(element(xml, "Path").as_deref(), Some("</&unknown;"));
        assert_eq!((element(xml, "Role"), element(xml, "None")), (None, None));
        let fine = answer(200, &[], xml).success().expect("success");
        assert!(fine.element("Arn").is_ok() && fine.element("X").is_err() && fine.json().is_err());
        assert_eq!(format!("{fine:?}"), format!("Answer(200 with {} bytes)", xml.len()));
        assert!(answer(202, &[], "").json().expect("nothing").is_null());
    }
}
