//! The modelled errors of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use crate::error::Code;

/// `DecryptionFailure`, sent with status 400.
pub const DECRYPTION_FAILURE: Code = Code::new("DecryptionFailure", 400);

/// `EncryptionFailure`, sent with status 400.
pub const ENCRYPTION_FAILURE: Code = Code::new("EncryptionFailure", 400);

/// `InternalServiceError`, sent with status 500.
pub const INTERNAL_SERVICE_ERROR: Code = Code::new("InternalServiceError", 500);

/// `InvalidNextTokenException`, sent with status 400.
pub const INVALID_NEXT_TOKEN_EXCEPTION: Code = Code::new("InvalidNextTokenException", 400);

/// `InvalidParameterException`, sent with status 400.
pub const INVALID_PARAMETER_EXCEPTION: Code = Code::new("InvalidParameterException", 400);

/// `InvalidRequestException`, sent with status 400.
pub const INVALID_REQUEST_EXCEPTION: Code = Code::new("InvalidRequestException", 400);

/// `LimitExceededException`, sent with status 400.
pub const LIMIT_EXCEEDED_EXCEPTION: Code = Code::new("LimitExceededException", 400);

/// `MalformedPolicyDocumentException`, sent with status 400.
pub const MALFORMED_POLICY_DOCUMENT_EXCEPTION: Code = Code::new("MalformedPolicyDocumentException", 400);

/// `PreconditionNotMetException`, sent with status 400.
pub const PRECONDITION_NOT_MET_EXCEPTION: Code = Code::new("PreconditionNotMetException", 400);

/// `PublicPolicyException`, sent with status 400.
pub const PUBLIC_POLICY_EXCEPTION: Code = Code::new("PublicPolicyException", 400);

/// `ResourceExistsException`, sent with status 400.
pub const RESOURCE_EXISTS_EXCEPTION: Code = Code::new("ResourceExistsException", 400);

/// `ResourceNotFoundException`, sent with status 400.
pub const RESOURCE_NOT_FOUND_EXCEPTION: Code = Code::new("ResourceNotFoundException", 400);
