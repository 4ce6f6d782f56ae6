//! The answers of the query protocol: XML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_types::{SecretBuffer, SecretBytes, SecretText, Timestamp};
use zeroize::Zeroizing;

use crate::forms::{Double, Shape};
use crate::percent;
use crate::timestamps;
use crate::writer::Writer;

/// Bytes set aside for an answer at once; most answers need no more.
const ANSWER_BYTES: usize = 1024;

/// Writes the answer of `operation`: `<XResponse><XResult>…</XResult><ResponseMetadata>…</XResponse>`. Operations
/// without output pass `None`. `namespace` is the service's XML namespace.
#[must_use]
pub fn encode<T: Shape>(operation: &str, namespace: &str, output: Option<&T>, request_id: &str) -> SecretBytes {
    let mut writer = XmlWriter { out: SecretBuffer::with_capacity(ANSWER_BYTES), ..XmlWriter::default() };
    let out = &mut writer.out;
    for part in ["<", operation, "Response xmlns=\""] {
        out.extend_from_slice(part.as_bytes());
    }
    push_escaped(out, namespace);
    out.extend_from_slice(b"\">");
    if let Some(output) = output {
        for part in ["<", operation, "Result>"] {
            out.extend_from_slice(part.as_bytes());
        }
        output.encode(&mut writer);
        for part in ["</", operation, "Result>"] {
            writer.out.extend_from_slice(part.as_bytes());
        }
    }
    let out = &mut writer.out;
    out.extend_from_slice(b"<ResponseMetadata><RequestId>");
    push_escaped(out, request_id);
    for part in ["</RequestId></ResponseMetadata></", operation, "Response>"] {
        out.extend_from_slice(part.as_bytes());
    }
    writer.out.into_secret()
}

/// A writer of XML without white space.
#[derive(Debug, Default)]
pub struct XmlWriter {
    out: SecretBuffer,
    /// The name for the next value; the outermost structure has none.
    announced: Option<&'static str>,
    open: Vec<Open>,
}

/// Something begun and not ended.
#[derive(Debug)]
struct Open {
    /// The element to close at the end.
    tag: Option<&'static str>,
    inside: Inside,
}

#[derive(Clone, Copy, Debug)]
enum Inside {
    Structure,
    List { element: &'static str },
    Map { entry: &'static str, key: &'static str, value: &'static str, entry_open: bool },
}

impl XmlWriter {
    fn tag(&mut self, before: &str, name: &str) {
        self.out.extend_from_slice(before.as_bytes());
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    fn scalar(&mut self, text: &str) {
        let name = self.announced.take().unwrap_or_default();
        self.tag("<", name);
        push_escaped(&mut self.out, text);
        self.tag("</", name);
    }

    /// Begins something that has an element of its own around it unless it is flattened, and gives its name.
    fn begin(&mut self, flattened: bool, inside: impl FnOnce(&'static str) -> Inside) {
        let name = self.announced.take();
        let tag = name.filter(|_| !flattened);
        if let Some(tag) = tag {
            self.tag("<", tag);
        }
        self.open.push(Open { tag, inside: inside(name.unwrap_or_default()) });
    }

    fn end(&mut self) {
        let Some(Open { tag, inside }) = self.open.pop() else { return };
        if let Inside::Map { entry, entry_open: true, .. } = inside {
            self.tag("</", entry);
        }
        if let Some(tag) = tag {
            self.tag("</", tag);
        }
    }
}

impl Writer for XmlWriter {
    fn begin_structure(&mut self) {
        self.begin(false, |_| Inside::Structure);
    }

    fn end_structure(&mut self) {
        self.end();
    }

    fn member(&mut self, name: &'static str, _record_name: &'static str) {
        self.announced = Some(name);
    }

    fn begin_list(&mut self, element: &'static str, flattened: bool) {
        // Without a wrapper every element takes the name of the list.
        self.begin(flattened, |name| Inside::List { element: if flattened { name } else { element } });
    }

    fn element(&mut self) {
        if let Some(Open { inside: Inside::List { element }, .. }) = self.open.last() {
            self.announced = Some(element);
        }
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn begin_map(&mut self, key: &'static str, value: &'static str, flattened: bool) {
        self.begin(flattened, |name| {
            let entry = if flattened { name } else { "entry" };
            Inside::Map { entry, key, value, entry_open: false }
        });
    }

    fn key(&mut self, text: &str) {
        let Some(Open { inside: Inside::Map { entry, key, value, entry_open }, .. }) = self.open.last_mut() else {
            return;
        };
        let (entry, key, value) = (*entry, *key, *value);
        if std::mem::replace(entry_open, true) {
            self.tag("</", entry);
        }
        self.tag("<", entry);
        self.announced = Some(key);
        self.scalar(text);
        self.announced = Some(value);
    }

    fn end_map(&mut self) {
        self.end();
    }

    fn text(&mut self, value: &str) {
        self.scalar(value);
    }

    fn percent_encoded(&mut self, value: &str) {
        self.scalar(&percent::encoded(value));
    }

    fn secret_text(&mut self, value: &SecretText) {
        self.scalar(value.expose());
    }

    fn blob(&mut self, value: &[u8]) {
        self.scalar(&STANDARD.encode(value));
    }

    fn secret_bytes(&mut self, value: &SecretBytes) {
        self.scalar(&Zeroizing::new(STANDARD.encode(value.expose())));
    }

    fn long(&mut self, value: i64) {
        self.scalar(&value.to_string());
    }

    fn double(&mut self, value: f64) {
        self.scalar(&Double::print(value));
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(if value { "true" } else { "false" });
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.scalar(&timestamps::iso(value));
    }
}

/// Appends `text` with what XML reserves escaped. Control characters that XML 1.0 cannot carry become U+FFFD.
pub fn push_escaped(out: &mut SecretBuffer, text: &str) {
    for character in text.chars() {
        let escaped = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&apos;",
            '\r' => "&#xD;",
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(escaped.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Sample};

    fn result(sample: &Sample) -> String {
        let body = String::from_utf8(encode("Do", "ns", Some(sample), "id-1").expose().to_vec()).expect("text");
        let inside = body.strip_prefix("<DoResponse xmlns=\"ns\"><DoResult>").expect("the start");
        let tail = "</DoResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DoResponse>";
        inside.strip_suffix(tail).expect("the end").to_owned()
    }

    #[test]
    fn every_form_of_value_has_its_place() {
        let expected = "<Name>abc</Name><Count>3</Count><Total>-5</Total><Share>0.5</Share><Ready>true</Ready>\
            <Made>2018-05-03T17:51:02.5Z</Made><Data>AQL/</Data><Colour>dark-blue</Colour><Password>hunter</Password>\
            <KeyFile>aHVudGVy</KeyFile><Names><member>a</member><member>b</member></Names>\
            <Numbers>1</Numbers><Numbers>2</Numbers>\
            <Parts><Part><Id>x</Id><Inner><Token>hunter</Token></Inner></Part><Part><Id>y</Id></Part></Parts>\
            <Labels><entry><key>k</key><value>v</value></entry><entry><key>l</key><value>w</value></entry></Labels>\
            <Groups><Group>a b</Group><Values><member>c</member></Values></Groups>\
            <Groups><Group>d</Group><Values></Values></Groups>\
            <Passwords><member>hunter</member><member>hunted</member></Passwords>";
        assert_eq!(result(&sample::full()), expected);
        assert_eq!(result(&Sample::default()), "");
    }

    #[test]
    fn operations_without_output_have_no_result() {
        assert_eq!(
            String::from_utf8(encode::<Sample>("Do", "ns", None, "id-1").expose().to_vec()).expect("text"),
            "<DoResponse xmlns=\"ns\"><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DoResponse>"
        );
    }

    #[test]
    fn what_xml_reserves_is_escaped() {
        let mut out = SecretBuffer::default();
        push_escaped(&mut out, "<a b='c'>\"&\" é\t\n\r\u{1}\u{ffff}");
        assert_eq!(
            String::from_utf8(out.into_public()).expect("text"),
            "&lt;a b=&apos;c&apos;&gt;&quot;&amp;&quot; é\t\n&#xD;\u{fffd}\u{fffd}"
        );
    }
}
