//! The query services' codecs as a filter, for tests that hold them against the codecs of an SDK. A line of input is
//! `{"service", "form", "output"}`: a request as an SDK writes it, and the operation's output as JSON, or `null` where it
//! has none. The line that comes back has the request as it was understood, its audit record, and the answer's XML; or the
//! error.

use std::fmt::Debug;
use std::io::{BufRead as _, Write as _};

use serde_json::{Value, json};
use strongroom_wire::ops::{AnyOperation, Visitor};
use strongroom_wire::query::Query;
use strongroom_wire::{ServiceError, Shape, json as codec, record, xml};

/// The request id in every answer.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// One request and what it is to be answered with.
struct Exchange<'a> {
    operation: AnyOperation,
    query: Query<'a>,
    output: &'a Value,
}

impl Visitor for Exchange<'_> {
    type Answer = Result<Value, ServiceError>;

    fn visit<I: Shape + Debug + PartialEq, O: Shape + Debug + PartialEq>(self) -> Self::Answer {
        let input: I = self.query.decode()?;
        let output = match self.output {
            Value::Null => None,
            output => Some(codec::decode_answer::<O>(output.to_string().as_bytes())?),
        };
        let namespace = self.operation.service().xml_namespace;
        let answer = xml::encode(self.operation.name(), namespace, output.as_ref(), REQUEST_ID);
        Ok(json!({
            "operation": self.operation.action(),
            "input": String::from_utf8_lossy(codec::encode(&input).expose()),
            "record": record::encode(&input),
            "answer": String::from_utf8_lossy(answer.expose()),
        }))
    }
}

fn answer(line: &str) -> Result<Value, ServiceError> {
    let malformed = |text: String| strongroom_wire::error::SERIALIZATION.with(text);
    let line: Value = serde_json::from_str(line).map_err(|error| malformed(error.to_string()))?;
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let query = Query::parse(text("form").as_bytes())?;
    let operation = AnyOperation::of_query(&query, Some(text("service")))?;
    operation.visit(Exchange { operation, query, output: line.get("output").unwrap_or(&Value::Null) })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answered = answer(&line?).unwrap_or_else(|error| {
            let code = error.code.for_query();
            json!({ "error": error.message, "code": code.name, "status": code.status })
        });
        writeln!(out, "{answered}")?;
    }
    Ok(())
}
