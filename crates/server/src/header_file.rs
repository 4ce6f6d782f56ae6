//! Files with headers of requests that the server sends, such as one with a token: a line each, `name: value`.

use std::path::Path;

use http::{HeaderName, HeaderValue};
use strongroom_roots::secret_file;
use strongroom_types::SecretText;

/// The headers in `file`, which must not be open to all users.
///
/// # Errors
/// With the file's name, the line and what is wrong with it, never with what it holds.
pub(crate) fn headers(file: &Path) -> Result<Vec<(HeaderName, SecretText)>, String> {
    parsed(&secret_file::text(file)?).map_err(|why| format!("{}: {why}", file.display()))
}

/// The headers of a file's text: `name: value`, a line each; lines that begin with `#` do not count.
fn parsed(text: &SecretText) -> Result<Vec<(HeaderName, SecretText)>, String> {
    let mut headers = Vec::new();
    for (at, line) in text.expose().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("no colon behind the name of a header"))?;
        let name = name.trim().to_ascii_lowercase();
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("the name of a header is none"))?;
        HeaderValue::from_str(value.trim()).map_err(|_| wrong("the value of a header is none"))?;
        headers.push((name, SecretText::new(value.trim().to_owned())));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_headers_tells_which_line_is_wrong_and_never_what_it_holds() {
        for (text, told) in [("a: b\nplanted", "line 2: no colon"), ("a b: planted", "line 1: the name")] {
            let why = parsed(&SecretText::new(text.to_owned())).unwrap_err();
            assert!(why.starts_with(told) && !why.contains("planted"), "{why}");
        }
    }
}
