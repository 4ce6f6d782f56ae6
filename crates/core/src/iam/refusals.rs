//! IAM's refusals: codes and texts in one place.

use strongroom_wire::error::VALIDATION;
use strongroom_wire::iam::errors;

use crate::error::Error;

/// The entity is not there. `kind` is what IAM calls it, such as `user` or `role`.
pub fn no_such(kind: &str, name: &str) -> Error {
    let text = format!("The {kind} with name {name} cannot be found.");
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

/// Something of that name is there already. `kind` is what IAM calls it, such as `User`.
pub fn exists(kind: &str, name: &str) -> Error {
    let text = format!("{kind} with name {name} already exists.");
    Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text)
}

/// A request without a user's name that no user made.
pub fn user_name_needed() -> Error {
    Error::refused(VALIDATION, "Must specify userName when calling with non-User credentials")
}

/// A marker that is none of the list's.
pub fn invalid_marker() -> Error {
    Error::refused(VALIDATION, "Invalid value for Marker parameter.")
}

/// A quota is reached. `what` is IAM's name of it, such as `UsersPerAccount`.
pub fn quota(what: &str, max: usize) -> Error {
    Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, format!("Cannot exceed quota for {what}: {max}"))
}

/// An entity still has something. `what` has to be done first, in IAM's words, such as `delete policies`.
pub fn delete_conflict(what: &str) -> Error {
    Error::refused(errors::DELETE_CONFLICT_EXCEPTION, format!("Cannot delete entity, must {what} first."))
}
