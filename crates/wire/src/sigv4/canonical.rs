//! The canonical request and the string to sign: the exact bytes that a signature covers.

use http::{HeaderMap, HeaderValue};
use strongroom_crypto::digest;

use super::instant::Stamp;
use super::pieces::split;
use super::query::{self, push_encoded, push_encoded_path};
use super::{ALGORITHM, Request, hex};

/// The query parameter that carries the signature, never covered by it.
pub(super) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";
/// The query parameter that carries a session token.
pub(super) const TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

/// A signed header that the request does not have, or a list of names that is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotCanonical;

/// Writes the string to sign into `out`, which is cleared first and used for the canonical request on the way.
///
/// `signed` is the list of signed headers, lower-case and in order, joined by semicolons; `token_signed` says whether
/// a session token in the query is part of what was signed or was appended afterwards.
pub(super) fn write_string_to_sign(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    headers: &HeaderMap,
    signed: &str,
    token_signed: bool,
    (stamp, scope): (&Stamp, &str),
) -> Result<(), NotCanonical> {
    out.clear();
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    push_path(out, request.path);
    out.push(b'\n');
    push_query(out, request.query, token_signed);
    out.push(b'\n');
    push_headers(out, request, headers, signed)?;
    out.push(b'\n');
    out.extend_from_slice(signed.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&hex::encode(request.body_sha256));
    let hash = digest::sha256(out);
    out.clear();
    for part in [ALGORITHM, stamp.as_str(), scope] {
        out.extend_from_slice(part.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(&hex::encode(&hash));
    Ok(())
}

/// The path without dot segments (RFC 3986 section 5.2.4) and repeated slashes, encoded once more.
fn push_path(out: &mut Vec<u8>, path: &str) {
    out.push(b'/');
    // The path of nearly every request to the services whose operation stands in a header.
    if path == "/" {
        return;
    }
    if !path.contains('.') && !path.contains("//") {
        return push_encoded_path(out, path.strip_prefix('/').unwrap_or(path));
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let ends_in_folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let last = segments.len();
    for (number, segment) in segments.into_iter().enumerate() {
        push_encoded(out, segment.as_bytes());
        if number + 1 < last || ends_in_folder {
            out.push(b'/');
        }
    }
}

/// The parameters, decoded and encoded again, ordered by encoded name and then by encoded value.
fn push_query(out: &mut Vec<u8>, raw: &str, token_signed: bool) {
    if raw.is_empty() {
        return;
    }
    let mut parameters: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (name, value) in query::parameters(raw) {
        let name = query::decode(name);
        let left_out =
            *name == *SIGNATURE_PARAMETER.as_bytes() || (!token_signed && *name == *TOKEN_PARAMETER.as_bytes());
        if !left_out {
            let mut encoded = (Vec::with_capacity(name.len()), Vec::with_capacity(value.len()));
            push_encoded(&mut encoded.0, &name);
            push_encoded(&mut encoded.1, &query::decode(value));
            parameters.push(encoded);
        }
    }
    parameters.sort_unstable();
    for (number, (name, value)) in parameters.iter().enumerate() {
        if number > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// One line for each signed header. The names must stand in strictly rising order, so no list of names can make the
/// canonical request longer than the request itself. A name that cannot be a header's is not found in the map, so
/// nothing odd, such as a line break, enters the canonical request and gives it a second reading.
fn push_headers(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    headers: &HeaderMap,
    signed: &str,
) -> Result<(), NotCanonical> {
    let mut before = "";
    for name in split(signed, b';') {
        if name <= before {
            return Err(NotCanonical);
        }
        before = name;
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        let field = if name == ":authority" { "host" } else { name };
        let mut values = headers.get_all(field).iter();
        match (values.next(), request.authority) {
            (Some(first), _) => push_value(out, first.as_bytes()),
            (None, Some(authority)) if field == "host" => push_value(out, authority.as_bytes()),
            _ => return Err(NotCanonical),
        }
        for value in values {
            out.push(b',');
            push_value(out, HeaderValue::as_bytes(value));
        }
        out.push(b'\n');
    }
    Ok(())
}

/// A header's value without outer spaces and with inner runs of spaces made one.
fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let is_space = |byte: Option<&u8>| byte == Some(&b' ');
    let runs = || memchr::memchr_iter(b' ', value).any(|at| is_space(value.get(at + 1)));
    if !is_space(value.first()) && !is_space(value.last()) && !runs() {
        return out.extend_from_slice(value);
    }
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    for (number, word) in words.enumerate() {
        if number > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> String {
        let mut out = Vec::new();
        push_path(&mut out, path);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn paths_lose_dots_and_repeated_slashes_and_are_encoded_once_more() {
        for (sent, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/../../b", "/b"),
            ("/a//b/./c", "/a/b/c"),
            ("/a%20b", "/a%2520b"),
            ("/a.b/..c", "/a.b/..c"),
            ("/%2e%2e/a", "/%252e%252e/a"),
            ("*", "/%2A"),
        ] {
            assert_eq!(path(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn values_are_trimmed_and_runs_of_spaces_made_one() {
        for (sent, canonical) in
            [("", ""), (" ", ""), ("a", "a"), (" a  b   c ", "a b c"), ("a b", "a b"), ("\"a   b\"", "\"a b\"")]
        {
            let mut out = Vec::new();
            push_value(&mut out, sent.as_bytes());
            assert_eq!(out, canonical.as_bytes(), "{sent:?}");
        }
    }

    #[test]
    fn queries_are_ordered_by_encoded_name_and_value() {
        let mut out = Vec::new();
        push_query(&mut out, "b=2&a=%2F&a&&c=x+y&X-Amz-Signature=0&a=1&%41=%7e&X-Amz-Security-Token=t", false);
        assert_eq!(out, b"A=~&a=&a=%2F&a=1&b=2&c=x%20y");
    }
}
