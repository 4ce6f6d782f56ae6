//! The JSON protocols (awsJson 1.0 and 1.1, the bodies of restJson1): reading and writing of bodies.

mod escape;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use escape::push_string;
pub use parse::{DEPTH_MAX, parse};
pub use write::JsonWriter;

use strongroom_types::SecretBytes;

use crate::error::ServiceError;
use crate::forms::Shape;
use crate::node::Node;
use crate::reading::{Expected, Notation, Reading};

/// Values in the body of a request, at most.
pub const REQUEST_NODES_MAX: usize = 65_536;
/// Values in the body of an answer, at most.
pub const ANSWER_NODES_MAX: usize = 4_194_304;

/// Bytes set aside for an answer at once; most answers need no more.
const ANSWER_BYTES: usize = 512;

/// Reads the body of a request and checks the constraints of the model. An empty body counts as `{}`.
///
/// # Errors
/// `SerializationException` when the body is not JSON or holds values of the wrong kind, `ValidationException` when
/// constraints do not hold. No message repeats a sensitive value.
pub fn decode<T: Shape>(body: &[u8]) -> Result<T, ServiceError> {
    read(body, REQUEST_NODES_MAX, Reading::request(Notation::Json))
}

/// Reads the body of an answer, as a client does: the constraints of the model are not checked, since AWS's own
/// answers do not keep them.
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
        // AWS gives no text for a body that is not JSON or neither object nor list.
        _ => Err(reading.refusal("")),
    }
}

/// Writes the body of an answer.
#[must_use]
pub fn encode<T: Shape>(value: &T) -> SecretBytes {
    let mut writer = JsonWriter::with_capacity(ANSWER_BYTES);
    value.encode(&mut writer);
    writer.finish()
}

/// What the fuzzer drives: reads `data` as every kind of request and answer that holds each form of value, and what
/// can be read must come out the same after writing and reading it again.
///
/// # Panics
/// When the second reading differs, which the fuzzer reports.
pub fn fuzz_decode(data: &[u8]) {
    use crate::secretsmanager as sm;
    fn again<T: Shape + PartialEq + std::fmt::Debug>(data: &[u8]) {
        // The outcome of a strict reading is not used: only that it does not panic.
        drop(decode::<T>(data));
        if let Ok(first) = decode_answer::<T>(data) {
            assert_eq!(decode_answer::<T>(encode(&first).expose()).as_ref(), Ok(&first));
            drop(crate::record::encode(&first));
        }
    }
    again::<sm::CreateSecretRequest>(data);
    again::<sm::ListSecretsRequest>(data);
    again::<sm::BatchGetSecretValueRequest>(data);
    again::<sm::RotateSecretRequest>(data);
    again::<sm::DescribeSecretResponse>(data);
    again::<sm::GetSecretValueResponse>(data);
}
