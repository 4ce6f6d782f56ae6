//! restJson1: operations by method and path, members of requests and answers in paths, query strings, headers and bodies.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use strongroom_types::{SecretBytes, SecretText, Timestamp};
use zeroize::Zeroizing;

use crate::error::{SERIALIZATION, ServiceError};
use crate::forms::Shape;
use crate::json::{self, JsonWriter, REQUEST_NODES_MAX};
use crate::node::{Node, Text};
use crate::reading::{Notation, Reading};
use crate::writer::Writer;

/// How requests name one operation, and what stands beside the bodies.
#[derive(Debug)]
pub struct Route<O> {
    /// The operation.
    pub operation: O,
    /// The method of its requests.
    pub method: &'static str,
    /// The path of its requests, with `{Name}` for a label.
    pub path: &'static str,
    /// The status of its answers.
    pub status: u16,
    /// Members of the input that stand beside the body, by their names on the wire.
    pub input: &'static [(&'static str, Place)],
    /// The member of the input that is the body.
    pub payload: Option<&'static str>,
    /// Members of the output that stand beside the body, by their names on the wire.
    pub output: &'static [(&'static str, Place)],
    /// The member of the output that is the body.
    pub raw: Option<&'static str>,
    /// Whether answers have a body.
    pub has_output: bool,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Label,
    /// In the query string.
    Query(Kind),
    /// In a header.
    Header,
    /// It is the status of the answer.
    Status,
}

/// What a parameter of a query string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// One element of a list.
    List,
}

/// The route that a method and a path, raw, name.
#[must_use]
pub fn find<'r, O>(routes: &'r [Route<O>], method: &str, path: &str) -> Option<&'r Route<O>> {
    routes.iter().find(|route| route.method == method && labels(route.path, path).is_some())
}

/// Whether some route has the path, whatever its method.
#[must_use]
pub fn knows_path<O>(routes: &[Route<O>], path: &str) -> bool {
    routes.iter().any(|route| labels(route.path, path).is_some())
}

/// The labels of a path that fits the template, still encoded. SDKs leave a slash at the end of some paths.
fn labels<'p>(template: &'static str, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
    let mut found = Vec::new();
    let mut parts = path.strip_suffix('/').unwrap_or(path).split('/');
    for wanted in template.strip_suffix('/').unwrap_or(template).split('/') {
        let part = parts.next()?;
        match wanted.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(label) if !part.is_empty() => found.push((label, part)),
            None if wanted == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

/// A request, raw.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The path.
    pub path: &'a str,
    /// The query string.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

/// Reads a request and checks the constraints of the model.
///
/// # Errors
/// As [`json::decode`].
pub fn decode<O, T: Shape>(route: &Route<O>, request: Request<'_>) -> Result<T, ServiceError> {
    let mut entries = match route.payload {
        Some(name) => vec![(Text::Borrowed(name), Node::Bytes(request.body))],
        None if request.body.is_empty() => Vec::new(),
        None => match json::parse(request.body, REQUEST_NODES_MAX) {
            Some(Node::Map(entries)) => entries,
            _ => return Err(SERIALIZATION.with("Could not parse request body into json.")),
        },
    };
    // Of equal names the last counts: nothing of the body stands in the place of what is elsewhere.
    let labels = labels(route.path, request.path).unwrap_or_default();
    for (name, place) in route.input {
        let node = match place {
            Place::Label => {
                let raw = labels.iter().find(|(label, _)| label == name).map(|(_, raw)| *raw);
                match raw {
                    Some(raw) => Node::Text(decoded(raw, false)?),
                    None => Node::Null,
                }
            }
            Place::Query(kind) => of_query(request.query, name, *kind)?,
            Place::Header => match request.headers.get(*name).map(HeaderValue::to_str) {
                Some(Ok(text)) => Node::Text(Text::Borrowed(text)),
                Some(Err(_)) => return Err(SERIALIZATION.bare()),
                None => Node::Null,
            },
            Place::Status => continue,
        };
        entries.push((Text::Borrowed(name), node));
    }
    let mut reading = Reading::request(Notation::Json);
    let value = T::decode(Node::Map(entries), &mut reading)?;
    reading.finish(value)
}

/// A parameter of the query string.
fn of_query<'a>(query: &'a str, name: &str, kind: Kind) -> Result<Node<'a>, ServiceError> {
    let mut found = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if *decoded(key, true)? == *name {
            found.push(value);
        }
    }
    Ok(match (kind, found.last()) {
        (_, None) => Node::Null,
        (Kind::List, _) => {
            let texts = found.into_iter().map(|value| decoded(value, true).map(Node::Text));
            Node::List(texts.collect::<Result<_, _>>()?)
        }
        (Kind::Text, Some(value)) => Node::Text(decoded(value, true)?),
        (Kind::Number, Some(value)) => Node::Number((*value).into()),
    })
}

/// A part of a path or of a query string, where a plus is a space.
fn decoded(raw: &str, plus: bool) -> Result<Text<'_>, ServiceError> {
    let spaced = if plus && raw.contains('+') { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(Cow::Borrowed(_)) if matches!(spaced, Cow::Borrowed(_)) => Ok(Text::Borrowed(raw)),
        Ok(text) => Ok(Text::Owned(Zeroizing::new(text.into_owned()))),
        Err(_) => Err(SERIALIZATION.bare()),
    }
}

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct Written {
    /// The status.
    pub status: u16,
    /// Headers beside the content type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: SecretBytes,
}

/// Writes an answer.
#[must_use]
pub fn encode<O, T: Shape>(route: &Route<O>, value: &T) -> Written {
    let mut writer = RestWriter {
        json: JsonWriter::with_capacity(512),
        output: route.output,
        raw: route.raw,
        depth: 0,
        catching: None,
        status: route.status,
        headers: Vec::new(),
        body: None,
    };
    value.encode(&mut writer);
    let RestWriter { json, status, headers, body, .. } = writer;
    let body = match (route.raw, body) {
        (None, _) if !route.has_output => SecretBytes::default(),
        (None, _) => json.finish(),
        (Some(_), body) => body.unwrap_or_default(),
    };
    Written { status, headers, body }
}

/// A writer of JSON that takes what stands beside the body out of it.
struct RestWriter {
    json: JsonWriter,
    output: &'static [(&'static str, Place)],
    raw: Option<&'static str>,
    depth: usize,
    /// Where the next value goes, if not into the body.
    catching: Option<Caught>,
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<SecretBytes>,
}

#[derive(Clone, Copy)]
enum Caught {
    Header(&'static str),
    Status,
    Body,
}

impl RestWriter {
    /// Whether the value that comes is taken out as `text`.
    fn catch(&mut self, text: &str) -> bool {
        match self.catching.take() {
            None => return false,
            Some(Caught::Header(name)) => {
                let name = HeaderName::try_from(name.to_ascii_lowercase());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(text)) {
                    self.headers.push((name, value));
                }
            }
            Some(Caught::Status) => self.status = text.parse().unwrap_or(self.status),
            Some(Caught::Body) => self.body = Some(SecretBytes::new(text.as_bytes().to_vec())),
        }
        true
    }
}

impl Writer for RestWriter {
    fn begin_structure(&mut self) {
        self.depth += 1;
        self.json.begin_structure();
    }

    fn end_structure(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.json.end_structure();
    }

    fn member(&mut self, name: &'static str, record_name: &'static str) {
        if self.depth == 1 {
            let place = self.output.iter().find(|(placed, _)| *placed == name).map(|(_, place)| *place);
            self.catching = match place {
                Some(Place::Header) => Some(Caught::Header(name)),
                Some(Place::Status) => Some(Caught::Status),
                _ if self.raw == Some(name) => Some(Caught::Body),
                _ => None,
            };
            if self.catching.is_some() {
                return;
            }
        }
        self.json.member(name, record_name);
    }

    fn begin_list(&mut self, element: &'static str, flattened: bool) {
        self.depth += 1;
        self.json.begin_list(element, flattened);
    }

    fn element(&mut self) {
        self.json.element();
    }

    fn end_list(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.json.end_list();
    }

    fn begin_map(&mut self, key: &'static str, value: &'static str, flattened: bool) {
        self.depth += 1;
        self.json.begin_map(key, value, flattened);
    }

    fn key(&mut self, key: &str) {
        self.json.key(key);
    }

    fn end_map(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.json.end_map();
    }

    fn text(&mut self, value: &str) {
        if !self.catch(value) {
            self.json.text(value);
        }
    }

    fn secret_text(&mut self, value: &SecretText) {
        if !self.catch(value.expose()) {
            self.json.secret_text(value);
        }
    }

    fn blob(&mut self, value: &[u8]) {
        match self.catching.take() {
            Some(_) => self.body = Some(SecretBytes::new(value.to_vec())),
            None => self.json.blob(value),
        }
    }

    fn secret_bytes(&mut self, value: &SecretBytes) {
        match self.catching.take() {
            Some(_) => self.body = Some(SecretBytes::new(value.expose().to_vec())),
            None => self.json.secret_bytes(value),
        }
    }

    fn long(&mut self, value: i64) {
        if !self.catch(&value.to_string()) {
            self.json.long(value);
        }
    }

    fn double(&mut self, value: f64) {
        self.json.double(value);
    }

    fn boolean(&mut self, value: bool) {
        if !self.catch(if value { "true" } else { "false" }) {
            self.json.boolean(value);
        }
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.json.timestamp(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::{
        AddPermissionRequest, InvocationRequest, InvocationResponse, ListFunctionsRequest, Operation, ROUTES,
        UntagResourceRequest,
    };

    fn route(method: &str, path: &str) -> Option<Operation> {
        find(&ROUTES, method, path).map(|route| route.operation)
    }

    fn read<T: Shape>(method: &str, path: &str, query: &str, headers: &HeaderMap, body: &[u8]) -> Result<T, String> {
        let route = find(&ROUTES, method, path).expect("a route");
        decode(route, Request { path, query, headers, body }).map_err(|error| error.to_string())
    }

    #[test]
    fn method_and_path_name_the_operation() {
        assert_eq!(route("POST", "/2015-03-31/functions"), Some(Operation::CreateFunction));
        assert_eq!(route("GET", "/2015-03-31/functions/"), Some(Operation::ListFunctions));
        assert_eq!(route("GET", "/2015-03-31/functions/a%3Ab"), Some(Operation::GetFunction));
        assert_eq!(route("POST", "/2015-03-31/functions/f/invocations"), Some(Operation::Invoke));
        for (method, path) in [("PATCH", "/2015-03-31/functions"), ("GET", "/"), ("GET", "/2015-03-31/functions/f/x")] {
            assert_eq!(route(method, path), None, "{method} {path}");
        }
        assert!(knows_path(&ROUTES, "/2015-03-31/functions/f"));
        assert!(!knows_path(&ROUTES, "/health/live"));
    }

    #[test]
    fn members_are_read_from_where_they_stand() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-invocation-type", HeaderValue::from_static("Event"));
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/invocations";
        let input: InvocationRequest = read("POST", path, "Qualifier=%24LATEST", &headers, b"{\"a\":1}").expect("read");
        assert_eq!(input.function_name, "arn:aws:lambda:us-east-1:123456789012:function:f");
        assert_eq!(input.qualifier.as_deref(), Some("$LATEST"));
        assert_eq!(input.payload.expect("a payload").expose(), b"{\"a\":1}");
        let none = HeaderMap::new();
        let list: ListFunctionsRequest = read("GET", "/2015-03-31/functions", "MaxItems=7", &none, b"").expect("read");
        assert_eq!(list.max_items, Some(7));
        let resource = "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:f";
        let tags: UntagResourceRequest = read("DELETE", resource, "tagKeys=a&tagKeys=b%20c", &none, b"").expect("read");
        assert_eq!(tags.tag_keys, ["a", "b c"]);
    }

    #[test]
    fn the_body_does_not_stand_in_for_the_path_and_constraints_are_told() {
        let none = HeaderMap::new();
        let body = br#"{"FunctionName":"other","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}"#;
        let path = "/2015-03-31/functions/f/policy";
        let input: AddPermissionRequest = read("POST", path, "", &none, body).expect("read");
        assert_eq!(input.function_name, "f");
        let told = read::<AddPermissionRequest>("POST", path, "", &none, b"{}").expect_err("refused");
        assert!(told.starts_with("ValidationException: 3 validation errors detected: Value null at "), "{told}");
        let told = read::<AddPermissionRequest>("POST", path, "", &none, b"[]").expect_err("refused");
        assert_eq!(told, "SerializationException: Could not parse request body into json.");
    }

    #[test]
    fn answers_carry_status_headers_and_payload() {
        let output = InvocationResponse {
            status_code: Some(202),
            function_error: Some("Unhandled".to_owned()),
            payload: Some(SecretBytes::new(b"{}".to_vec())),
            ..InvocationResponse::default()
        };
        let route = find(&ROUTES, "POST", "/2015-03-31/functions/f/invocations").expect("a route");
        let written = encode(route, &output);
        assert_eq!((written.status, written.body.expose()), (202, &b"{}"[..]));
        assert_eq!(written.headers.len(), 1);
        assert_eq!(written.headers[0].0.as_str(), "x-amz-function-error");
    }
}
