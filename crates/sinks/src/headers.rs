//! Headers that a sink's requests have besides their own, such as those with a token.

use std::sync::Arc;

use http::HeaderName;
use strongroom_client::Call;
use strongroom_types::SecretText;

use crate::{SinkError, unavailable};

/// Gives the headers of now, by name: they are asked for each batch, so that a renewed token needs no restart.
pub type HeaderSource = Arc<dyn Fn() -> Result<Vec<(HeaderName, SecretText)>, String> + Send + Sync>;

/// The call with these headers.
pub(crate) async fn with_headers(mut call: Call, source: Option<&HeaderSource>) -> Result<Call, SinkError> {
    let Some(source) = source.cloned() else { return Ok(call) };
    let read = tokio::task::spawn_blocking(move || source()).await.map_err(unavailable)?;
    for (name, value) in read.map_err(SinkError::Unavailable)? {
        call = call.with_secret_header(name, value);
    }
    Ok(call)
}
