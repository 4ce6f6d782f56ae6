//! Smithy's protocol of remote calls with bodies in CBOR (`rpc-v2-cbor`): reading and writing of bodies.

mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{DEPTH_MAX, parse};
pub use write::CborWriter;

use strongroom_types::SecretBytes;

use crate::error::ServiceError;
use crate::forms::Shape;
use crate::json::{ANSWER_NODES_MAX, REQUEST_NODES_MAX};
use crate::node::Node;
use crate::reading::{Expected, Notation, Reading};
use crate::writer::Writer;

/// Bytes set aside for an answer at once; most answers need no more.
const ANSWER_BYTES: usize = 512;

/// Reads the body of a request and checks the constraints of the model. An empty body counts as an empty map.
///
/// # Errors
/// `SerializationException` when the body is not CBOR or holds values of the wrong kind, `ValidationException` when
/// constraints do not hold.
pub fn decode<T: Shape>(body: &[u8]) -> Result<T, ServiceError> {
    read(body, REQUEST_NODES_MAX, Reading::request(Notation::Json))
}

/// Reads the body of an answer, as a client does.
///
/// # Errors
/// As [`decode`], of constraints only that required members are there.
pub fn decode_answer<T: Shape>(body: &[u8]) -> Result<T, ServiceError> {
    read(body, ANSWER_NODES_MAX, Reading::answer(Notation::Json))
}

fn read<T: Shape>(body: &[u8], nodes_max: usize, mut reading: Reading) -> Result<T, ServiceError> {
    let node = if body.is_empty() { Some(Node::Map(Vec::new())) } else { parse(body, nodes_max) };
    match node {
        Some(node @ Node::Map(_)) => {
            let value = T::decode(node, &mut reading)?;
            reading.finish(value)
        }
        Some(node @ Node::List(_)) => Err(reading.mismatch(&node, Expected::Structure)),
        _ => Err(reading.refusal("")),
    }
}

/// Writes the body of an answer.
#[must_use]
pub fn encode<T: Shape>(value: &T) -> SecretBytes {
    let mut writer = CborWriter::with_capacity(ANSWER_BYTES);
    value.encode(&mut writer);
    writer.finish()
}

/// The body of an error whose name in this protocol is `name`.
#[must_use]
pub fn body_error(name: &str, message: &str) -> Vec<u8> {
    let mut writer = CborWriter::with_capacity(96 + 2 * message.len());
    writer.begin_structure();
    writer.member("__type", "__type");
    writer.text(name);
    if !message.is_empty() {
        for key in ["message", "Message"] {
            writer.member(key, key);
            writer.text(message);
        }
    }
    writer.end_structure();
    writer.finish_public()
}

/// What the fuzzer drives: reads `data` as requests and answers with each form of value, and what can be read must come
/// out the same after writing and reading it again.
///
/// # Panics
/// When the second reading differs, which the fuzzer reports.
pub fn fuzz_decode(data: &[u8]) {
    use crate::cloudwatch as cw;
    fn again<T: Shape + PartialEq + std::fmt::Debug>(data: &[u8]) {
        drop(decode::<T>(data));
        if let Ok(first) = decode_answer::<T>(data) {
            let written = encode(&first);
            let second = decode_answer::<T>(written.expose());
            // What is not a number equals nothing, itself included, so that the written forms are held together.
            assert_eq!(second.as_ref().map(|second| encode(second).expose().to_vec()), Ok(written.expose().to_vec()));
        }
    }
    again::<cw::PutMetricDataInput>(data);
    again::<cw::PutMetricAlarmInput>(data);
    again::<cw::GetMetricDataInput>(data);
    again::<cw::DescribeAlarmsOutput>(data);
}
