//! What the services of the query protocol have in common: forms are read, answers are written in XML.

use strongroom_core::{Ctx, Error};
use strongroom_types::SecretBytes;
use strongroom_wire::forms::Nothing;
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::query::Query;
use strongroom_wire::{Shape, record, xml};

use crate::front::Call;
use crate::route;

/// A call of a query service that is being answered.
pub(super) struct Asked<'a> {
    pub(super) cx: &'a Ctx,
    pub(super) operation: AnyOperation,
    pub(super) call: &'a Call,
}

impl Asked<'_> {
    /// Reads the input and puts its parameters into the record.
    pub(super) fn input<I: Shape>(&self) -> Result<I, Error> {
        let input: I = Query::parse(route::form(self.call).unwrap_or_default())?.decode()?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    /// The answer with an output.
    pub(super) fn answer<O: Shape>(&self, output: &O) -> SecretBytes {
        self.written(Some(output))
    }

    /// The answer of an operation that has no output.
    pub(super) fn silence(&self) -> SecretBytes {
        self.written::<Nothing>(None)
    }

    fn written<O: Shape>(&self, output: Option<&O>) -> SecretBytes {
        xml::encode(self.operation.name(), self.operation.service().xml_namespace, output, &self.call.request_id)
    }
}
