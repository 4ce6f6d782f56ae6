//! The private endpoints of a configuration: their policies are read when the port is opened.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_core::caller::{NamedPolicy, PolicySource};
use strongroom_core::ctx::PrivateEndpoint;
use strongroom_policy::{Document, DocumentKind};
use thiserror::Error;

use crate::config::PrivateEndpointConfig;

/// The policy of an endpoint that was given none: it bounds nothing.
const OPEN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// Why an endpoint's policy cannot be used.
#[derive(Debug, Error)]
#[error("policy of endpoint {id}: {}: {why}", file.display())]
pub struct EndpointPolicyError {
    id: String,
    file: PathBuf,
    why: String,
}

/// Reads the policy of an endpoint.
///
/// # Errors
/// When the file cannot be read or is no policy of an endpoint.
pub(super) fn open(config: &PrivateEndpointConfig) -> Result<Arc<PrivateEndpoint>, EndpointPolicyError> {
    let file = config.policy_file.clone().unwrap_or_default();
    let failed = |why: String| EndpointPolicyError { id: config.id.clone(), file: file.clone(), why };
    let text = match &config.policy_file {
        Some(file) => fs::read_to_string(file).map_err(|error| failed(error.to_string()))?,
        None => OPEN.to_owned(),
    };
    let document = Document::parse(&text, DocumentKind::Endpoint).map_err(|malformed| failed(malformed.to_string()))?;
    let id: Arc<str> = config.id.as_str().into();
    let policy = NamedPolicy { source: PolicySource::Endpoint { id: Arc::clone(&id) }, document: Arc::new(document) };
    Ok(Arc::new(PrivateEndpoint { id, vpc: config.vpc.as_str().into(), policy }))
}
