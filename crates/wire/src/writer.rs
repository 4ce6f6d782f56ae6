//! Writing a shape: the calls every format answers.

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use crate::forms::Form;

/// A format that shapes are written in. Calls come properly nested: `member`, `element` or `key` announces the next
/// value, which is one scalar or one begin/end pair.
pub trait Writer {
    /// Begins a structure.
    fn begin_structure(&mut self);
    /// Ends the structure begun last.
    fn end_structure(&mut self);
    /// Announces a member: its name on the wire, and its name with a small first letter as audit records have it.
    fn member(&mut self, name: &'static str, record_name: &'static str);
    /// Begins a list. `element` names its elements in XML unless the list is `flattened`.
    fn begin_list(&mut self, element: &'static str, flattened: bool);
    /// Announces an element.
    fn element(&mut self);
    /// Ends the list begun last.
    fn end_list(&mut self);
    /// Begins a map. `key` and `value` name the parts of its entries in XML.
    fn begin_map(&mut self, key: &'static str, value: &'static str, flattened: bool);
    /// Announces an entry.
    fn key(&mut self, key: &str);
    /// Ends the map begun last.
    fn end_map(&mut self);
    /// Writes text.
    fn text(&mut self, value: &str);
    /// Writes text that answers of the query protocol carry percent-encoded; other formats carry it as it is.
    fn percent_encoded(&mut self, value: &str) {
        self.text(value);
    }
    /// Writes secret text.
    fn secret_text(&mut self, value: &SecretText);
    /// Writes bytes.
    fn blob(&mut self, value: &[u8]);
    /// Writes secret bytes.
    fn secret_bytes(&mut self, value: &SecretBytes);
    /// Whether the value announced last, which is a secret structure, is to be written. A format that shows nothing
    /// secret answers no, forgets the announcement, and is then not given the structure.
    fn admits_secret(&mut self) -> bool {
        true
    }
    /// Writes a whole number.
    fn long(&mut self, value: i64);
    /// Writes a floating-point number.
    fn double(&mut self, value: f64);
    /// Writes `true` or `false`.
    fn boolean(&mut self, value: bool);
    /// Writes an instant.
    fn timestamp(&mut self, value: Timestamp);
}

/// Writes a member that must be there.
pub(crate) fn required<F: Form>(
    writer: &mut dyn Writer,
    name: &'static str,
    record_name: &'static str,
    form: &F,
    value: &F::Value,
) {
    writer.member(name, record_name);
    form.write(value, writer);
}

/// Writes a member unless it is absent.
pub(crate) fn optional<F: Form>(
    writer: &mut dyn Writer,
    name: &'static str,
    record_name: &'static str,
    form: &F,
    value: Option<&F::Value>,
) {
    if let Some(value) = value {
        required(writer, name, record_name, form, value);
    }
}
