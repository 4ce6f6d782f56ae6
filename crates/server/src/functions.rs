//! The functions that rotate secrets, as the server has them.

use strongroom_core::secrets::model::Secret;
use strongroom_core::secrets::rotation::functions::{Asking, RotationCall, RotationFunctions, StepEnd};
use strongroom_core::{Ctx, Error};
use strongroom_wire::secretsmanager::errors;

/// What is said of a function that is not there (unconfirmed).
const NO_FUNCTION: &str = "Lambda does not exist or could not be accessed";

/// The functions.
pub struct Functions;

impl RotationFunctions for Functions {
    fn check<'a>(&'a self, _: &'a Ctx, _: &'a str, _: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, NO_FUNCTION)) })
    }

    fn invoke<'a>(&'a self, _: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async { StepEnd { outcome: Err(NO_FUNCTION.to_owned()), log_tail: None } })
    }
}
