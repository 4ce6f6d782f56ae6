//! What the operations on databases are refused with. The service is Strongroom's own, and so are the texts.

use strongroom_wire::strongroom::errors as codes;

use crate::error::Error;

/// A parameter that cannot be.
pub fn invalid(text: impl Into<String>) -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text.into())
}

/// An id that is registered already.
pub fn exists(id: &str) -> Error {
    Error::refused(codes::RESOURCE_EXISTS_EXCEPTION, format!("The database {id} is registered already."))
}

/// An id that is not registered.
pub fn absent(id: &str) -> Error {
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, format!("The database {id} is not registered."))
}
