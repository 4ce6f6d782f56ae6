//! A structure with every form of value, written by hand as the generator would write it, for the tests of the codecs.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::of as option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use strongroom_types::{SecretBytes, SecretText, Timestamp};

use crate::error::ServiceError;
use crate::forms::{self, Bounds, Enumeration, Shape};
use crate::node::Node;
use crate::pattern::Pattern;
use crate::reading::Reading;
use crate::writer::{self, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    Red,
    DarkBlue,
}

impl Enumeration for Colour {
    const ALL: &'static [Self] = &[Self::Red, Self::DarkBlue];

    fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::DarkBlue => "dark-blue",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub name: Option<String>,
    pub count: Option<i32>,
    pub total: Option<i64>,
    pub share: Option<f64>,
    pub ready: Option<bool>,
    pub made: Option<Timestamp>,
    pub data: Option<Vec<u8>>,
    pub colour: Option<Colour>,
    pub password: Option<SecretText>,
    pub key_file: Option<SecretBytes>,
    pub names: Option<Vec<String>>,
    pub numbers: Option<Vec<i32>>,
    pub parts: Option<Vec<Part>>,
    pub labels: Option<BTreeMap<String, String>>,
    pub groups: Option<BTreeMap<String, Vec<String>>>,
    pub passwords: Option<Vec<SecretText>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    pub id: String,
    pub inner: Option<Box<Inner>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inner {
    pub token: Option<SecretText>,
}

static SHORT_PATTERN: Pattern = Pattern::new("[a-z]*");
static SHORT: forms::Text = forms::Text::new(Bounds::new(Some(1), Some(4)), Some(&SHORT_PATTERN));
static FREE: forms::Text = forms::Text::new(Bounds::NONE, None);
static SMALL: forms::Integer = forms::Integer::new(Bounds::new(Some(1), Some(10)));
static LONG: forms::Long = forms::Long::new(Bounds::NONE);
static BLOB: forms::Blob = forms::Blob::new(Bounds::new(None, Some(8)));
static COLOUR: forms::Choice<Colour> = forms::Choice::NEW;
static SECRET: forms::SecretString = forms::SecretString::new(Bounds::new(Some(2), None), Some(&SHORT_PATTERN));
static SECRET_BLOB: forms::SecretBlob = forms::SecretBlob::new(Bounds::new(Some(1), None));
static NAMES: forms::List<forms::Text> = forms::List::new(&SHORT, Bounds::new(Some(1), Some(3)));
static NUMBERS: forms::List<forms::Integer> = forms::List::new(&SMALL, Bounds::NONE).flattened();
static PARTS: forms::List<forms::Structure<Part>> =
    forms::List::new(&forms::Structure::NEW, Bounds::new(None, Some(2))).named("Part");
static LABELS: forms::Map<forms::Text, forms::Text> = forms::Map::new(&SHORT, &SHORT, Bounds::new(None, Some(2)));
static FREE_LIST: forms::List<forms::Text> = forms::List::new(&FREE, Bounds::NONE);
static GROUPS: forms::Map<forms::Text, forms::List<forms::Text>> =
    forms::Map::new(&FREE, &FREE_LIST, Bounds::NONE).named("Group", "Values").flattened();
static SECRETS: forms::List<forms::SecretString> = forms::List::new(&SECRET, Bounds::new(None, Some(2)));

impl Shape for Sample {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        Ok(Some(Self {
            name: from.optional("Name", "name", &SHORT, reading)?,
            count: from.optional("Count", "count", &SMALL, reading)?,
            total: from.optional("Total", "total", &LONG, reading)?,
            share: from.optional("Share", "share", &forms::Double, reading)?,
            ready: from.optional("Ready", "ready", &forms::Boolean, reading)?,
            made: from.optional("Made", "made", &forms::Timestamp, reading)?,
            data: from.optional("Data", "data", &BLOB, reading)?,
            colour: from.optional("Colour", "colour", &COLOUR, reading)?,
            password: from.optional("Password", "password", &SECRET, reading)?,
            key_file: from.optional("KeyFile", "keyFile", &SECRET_BLOB, reading)?,
            names: from.optional("Names", "names", &NAMES, reading)?,
            numbers: from.optional("Numbers", "numbers", &NUMBERS, reading)?,
            parts: from.optional("Parts", "parts", &PARTS, reading)?,
            labels: from.optional("Labels", "labels", &LABELS, reading)?,
            groups: from.optional("Groups", "groups", &GROUPS, reading)?,
            passwords: from.optional("Passwords", "passwords", &SECRETS, reading)?,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Name", "name", &SHORT, self.name.as_ref());
        writer::optional(writer, "Count", "count", &SMALL, self.count.as_ref());
        writer::optional(writer, "Total", "total", &LONG, self.total.as_ref());
        writer::optional(writer, "Share", "share", &forms::Double, self.share.as_ref());
        writer::optional(writer, "Ready", "ready", &forms::Boolean, self.ready.as_ref());
        writer::optional(writer, "Made", "made", &forms::Timestamp, self.made.as_ref());
        writer::optional(writer, "Data", "data", &BLOB, self.data.as_ref());
        writer::optional(writer, "Colour", "colour", &COLOUR, self.colour.as_ref());
        writer::optional(writer, "Password", "password", &SECRET, self.password.as_ref());
        writer::optional(writer, "KeyFile", "keyFile", &SECRET_BLOB, self.key_file.as_ref());
        writer::optional(writer, "Names", "names", &NAMES, self.names.as_ref());
        writer::optional(writer, "Numbers", "numbers", &NUMBERS, self.numbers.as_ref());
        writer::optional(writer, "Parts", "parts", &PARTS, self.parts.as_ref());
        writer::optional(writer, "Labels", "labels", &LABELS, self.labels.as_ref());
        writer::optional(writer, "Groups", "groups", &GROUPS, self.groups.as_ref());
        writer::optional(writer, "Passwords", "passwords", &SECRETS, self.passwords.as_ref());
        writer.end_structure();
    }
}

impl Shape for Part {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let id = from.required("Id", "id", &SHORT, reading)?;
        let inner = from.optional("Inner", "inner", &forms::Structure::<Inner>::NEW, reading)?;
        let Some(id) = id else { return Ok(None) };
        Ok(Some(Self { id, inner: inner.map(Box::new) }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "Id", "id", &SHORT, &self.id);
        writer::optional(writer, "Inner", "inner", &forms::Structure::<Inner>::NEW, self.inner.as_deref());
        writer.end_structure();
    }
}

impl Shape for Inner {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        Ok(Some(Self { token: from.optional("Token", "token", &SECRET, reading)? }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Token", "token", &SECRET, self.token.as_ref());
        writer.end_structure();
    }
}

/// A sample with every member set.
pub fn full() -> Sample {
    let secret = |text: &str| SecretText::new(text.to_owned());
    Sample {
        name: Some("abc".to_owned()),
        count: Some(3),
        total: Some(-5),
        share: Some(0.5),
        ready: Some(true),
        made: Some(Timestamp::from_millis(1_525_369_862_500)),
        data: Some(vec![1, 2, 255]),
        colour: Some(Colour::DarkBlue),
        password: Some(secret("hunter")),
        key_file: Some(SecretBytes::new(b"hunter".to_vec())),
        names: Some(vec!["a".to_owned(), "b".to_owned()]),
        numbers: Some(vec![1, 2]),
        parts: Some(vec![
            Part { id: "x".to_owned(), inner: Some(Box::new(Inner { token: Some(secret("hunter")) })) },
            Part { id: "y".to_owned(), inner: None },
        ]),
        labels: Some([("k".to_owned(), "v".to_owned()), ("l".to_owned(), "w".to_owned())].into()),
        groups: Some([("a b".to_owned(), vec!["c".to_owned()]), ("d".to_owned(), Vec::new())].into()),
        passwords: Some(vec![secret("hunter"), secret("hunted")]),
    }
}

/// Any sample, with values as well that no constraint would let through.
pub fn any_sample() -> impl Strategy<Value = Sample> {
    let text = any::<String>;
    let secret = || any::<String>().prop_map(SecretText::new);
    let numbers = (option(any::<i32>()), option(any::<i64>()), option(any::<f64>()), option(any::<bool>()));
    // What is exact as a double of seconds.
    let times = option((-4_000_000_000_000..4_000_000_000_000_i64).prop_map(Timestamp::from_millis));
    let bytes = (option(any::<Vec<u8>>()), option(any::<Vec<u8>>().prop_map(SecretBytes::new)));
    let colour = option(prop_oneof![Just(Colour::Red), Just(Colour::DarkBlue)]);
    let inner = option(option(secret()).prop_map(|token| Box::new(Inner { token })));
    let part = (text(), inner).prop_map(|(id, inner)| Part { id, inner });
    let lists = (option(vec(text(), 0..4)), option(vec(any::<i32>(), 0..4)), option(vec(part, 0..4)));
    let maps = (option(btree_map(text(), text(), 0..4)), option(btree_map(text(), vec(text(), 0..3), 0..4)));
    let texts = (option(text()), option(secret()), option(vec(secret(), 0..3)));
    (numbers, times, bytes, colour, lists, maps, texts).prop_map(
        |((count, total, share, ready), made, (data, key_file), colour, (names, numbers, parts), maps, texts)| {
            let ((labels, groups), (name, password, passwords)) = (maps, texts);
            #[rustfmt::skip]
            let sample = Sample {
                name, count, total, share, ready, made, data, colour, password, key_file, names, numbers, parts, labels,
                groups, passwords,
            };
            sample
        },
    )
}
