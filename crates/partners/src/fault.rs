//! Why a secret of a partner is refused, or a step of its rotation fails. No text holds secret material: of a
//! partner's answer only the status and the names of members are told.

use strongroom_rotators::Failure;
use thiserror::Error;

use crate::http::HttpFault;
use crate::kind::Kind;

/// What is wrong.
#[derive(Debug, Error)]
pub enum Fault {
    /// No such type is known.
    #[error("{0:?} is no type of a managed external secret: there are {list}", list = Kind::names().join(", "))]
    UnknownType(String),
    /// The type is known, but its partner's API is not spoken here.
    #[error("Secrets of type {0} are not rotated here: supported are {list}", list = Kind::supported_names().join(", "))]
    UnsupportedType(&'static str),
    /// The secret's value is not a JSON object.
    #[error("The value of a secret of type {0} must be a JSON object")]
    NotAnObject(&'static str),
    /// The value lacks a key, or it is empty.
    #[error("{key} key is missing from secret JSON of type {kind}")]
    MissingKey {
        /// The secret's type.
        kind: &'static str,
        /// The key.
        key: &'static str,
    },
    /// The value of a key is not of its form.
    #[error("{key} of a secret of type {kind} must be {form}")]
    WrongKey {
        /// The secret's type.
        kind: &'static str,
        /// The key.
        key: &'static str,
        /// What it must be.
        form: &'static str,
    },
    /// The rotation's metadata lack a key.
    #[error("{key} is missing from the rotation metadata of a secret of type {kind}")]
    MissingMetadata {
        /// The secret's type.
        kind: &'static str,
        /// The key.
        key: &'static str,
    },
    /// The rotation's metadata have a key of another type.
    #[error("{key} is no rotation metadata of a secret of type {kind}: there are {known}")]
    UnknownMetadata {
        /// The secret's type.
        kind: &'static str,
        /// The key.
        key: String,
        /// The keys that there are.
        known: String,
    },
    /// A value of the rotation's metadata is not of its form.
    #[error("{key} of the rotation metadata of a secret of type {kind} must be {form}")]
    WrongMetadata {
        /// The secret's type.
        kind: &'static str,
        /// The key.
        key: &'static str,
        /// What it must be.
        form: &'static str,
    },
    /// The administrator's secret is not what is needed.
    #[error("The administrator's secret {arn} {why}")]
    AdminSecret {
        /// Its ARN, as the metadata have it.
        arn: String,
        /// What is wrong with it.
        why: String,
    },
    /// The secret does not stand where the step begins.
    #[error("{0}")]
    State(String),
    /// A call about a secret failed.
    #[error("{what}: {error}")]
    Secrets {
        /// What was asked for.
        what: &'static str,
        /// Why it failed.
        error: Failure,
    },
    /// The partner could not be asked.
    #[error("{what}: {error}")]
    Http {
        /// What was asked for.
        what: &'static str,
        /// Why it failed.
        error: HttpFault,
    },
    /// The partner refused.
    #[error("{what}: the partner answered with status {status}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The answer's status.
        status: u16,
    },
    /// The partner's answer lacks what was asked for.
    #[error("{what}: the partner's answer has no {member}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// The member that is missing.
        member: &'static str,
    },
    /// The new credential does not work.
    #[error("{0}")]
    NotWorking(&'static str),
}
