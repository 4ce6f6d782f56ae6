//! The form of audit records: JSON with names that begin small, and without anything that may be secret.

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use crate::forms::Shape;
use crate::json::JsonWriter;
use crate::ops::Service;
use crate::writer::Writer;
use crate::{percent, sts, timestamps};

/// Bytes set aside for a record at once.
const RECORD_BYTES: usize = 256;

/// Writes a shape as CloudTrail's `requestParameters` and `responseElements` have it: member names in lowerCamel,
/// instants as `May 3, 2018 5:51:02 PM`, sensitive members and all bytes left out.
#[must_use]
pub fn encode<T: Shape>(value: &T) -> String {
    written(value, Style { percent_encodes: false, comma: false })
}

/// Writes the output of an operation of `service` as CloudTrail's `responseElements` have it: as [`encode`], but policy
/// documents stand percent-encoded as in the answer, and STS puts a comma after the year.
#[must_use]
pub fn encode_answer<T: Shape>(service: &Service, value: &T) -> String {
    written(value, Style { percent_encodes: true, comma: *service == sts::SERVICE })
}

fn written<T: Shape>(value: &T, style: Style) -> String {
    let json = JsonWriter::with_capacity(RECORD_BYTES);
    let mut writer = RecordWriter { json, announced: Announced::Nothing, style };
    value.encode(&mut writer);
    // The writer was only ever given text.
    String::from_utf8(writer.json.finish_public()).unwrap_or_default()
}

/// A writer that holds back the name of a value until it is known that the value may be shown.
#[derive(Debug)]
struct RecordWriter {
    json: JsonWriter,
    announced: Announced,
    style: Style,
}

/// How a record is written where records differ.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// Whether text stands percent-encoded that does in answers.
    percent_encodes: bool,
    /// Whether a comma follows the year.
    comma: bool,
}

#[derive(Debug)]
enum Announced {
    Nothing,
    Member(&'static str),
    Element,
    Key(String),
}

impl RecordWriter {
    /// The writer for a value that may be shown, after its name.
    fn shown(&mut self) -> &mut JsonWriter {
        match std::mem::replace(&mut self.announced, Announced::Nothing) {
            Announced::Nothing => {}
            Announced::Member(name) => self.json.name(name),
            Announced::Element => self.json.element(),
            Announced::Key(key) => self.json.key(&key),
        }
        &mut self.json
    }

    /// Leaves out a value along with its name.
    fn withhold(&mut self) {
        self.announced = Announced::Nothing;
    }
}

impl Writer for RecordWriter {
    fn begin_structure(&mut self) {
        self.shown().begin_structure();
    }

    fn end_structure(&mut self) {
        self.json.end_structure();
    }

    fn member(&mut self, _name: &'static str, record_name: &'static str) {
        self.announced = Announced::Member(record_name);
    }

    fn begin_list(&mut self, element: &'static str, flattened: bool) {
        self.shown().begin_list(element, flattened);
    }

    fn element(&mut self) {
        self.announced = Announced::Element;
    }

    fn end_list(&mut self) {
        self.json.end_list();
    }

    fn begin_map(&mut self, key: &'static str, value: &'static str, flattened: bool) {
        self.shown().begin_map(key, value, flattened);
    }

    fn key(&mut self, key: &str) {
        self.announced = Announced::Key(key.to_owned());
    }

    fn end_map(&mut self) {
        self.json.end_map();
    }

    fn text(&mut self, value: &str) {
        self.shown().text(value);
    }

    fn percent_encoded(&mut self, value: &str) {
        if self.style.percent_encodes {
            self.shown().text(&percent::encoded(value));
        } else {
            self.shown().text(value);
        }
    }

    fn secret_text(&mut self, _value: &SecretText) {
        self.withhold();
    }

    fn blob(&mut self, _value: &[u8]) {
        self.withhold();
    }

    fn admits_secret(&mut self) -> bool {
        self.withhold();
        false
    }

    fn secret_bytes(&mut self, _value: &SecretBytes) {
        self.withhold();
    }

    fn long(&mut self, value: i64) {
        self.shown().long(value);
    }

    fn double(&mut self, value: f64) {
        self.shown().double(value);
    }

    fn boolean(&mut self, value: bool) {
        self.shown().boolean(value);
    }

    fn timestamp(&mut self, value: Timestamp) {
        let comma = self.style.comma;
        self.shown().text(&timestamps::record(value, comma));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::secretsmanager::{CreateSecretRequest, Tag};

    #[test]
    fn records_have_small_names_and_nothing_secret() {
        assert_eq!(
            encode(&sample::full()),
            r#"{"name":"abc","count":3,"total":-5,"share":0.5,"ready":true,"made":"May 3, 2018 5:51:02 PM","colour":"dark-blue","names":["a","b"],"numbers":[1,2],"parts":[{"id":"x","inner":{}},{"id":"y"}],"labels":{"k":"v","l":"w"},"groups":{"a b":["c"],"d":[]},"passwords":[]}"#
        );
    }

    #[test]
    fn the_record_of_a_request_leaves_out_its_value() {
        let request = CreateSecretRequest {
            name: "db".to_owned(),
            secret_string: Some(SecretText::new("hunter2".to_owned())),
            secret_binary: Some(SecretBytes::new(b"hunter2".to_vec())),
            kms_key_id: Some("alias/\"k\"".to_owned()),
            tags: Some(vec![Tag { key: Some("team".to_owned()), value: None }]),
            ..CreateSecretRequest::default()
        };
        assert_eq!(encode(&request), r#"{"name":"db","kmsKeyId":"alias/\"k\"","tags":[{"key":"team"}]}"#);
    }
}
