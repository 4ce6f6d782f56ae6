//! A random value that no other system knows.

use super::Rotation;
use crate::{Failure, entry::Entry, run::CURRENT};

/// Makes a random value: in place of the `password` key where the value in use is JSON that has one, else of the whole.
///
/// # Errors
/// When there is no value in use, and those of Secrets Manager.
pub async fn create(rotation: &mut Rotation<'_>) -> Result<(), Failure> {
    let current = rotation.secrets.value(&rotation.event.secret_id, None, Some(CURRENT)).await?;
    let current = current.ok_or_else(|| Failure::not_found(CURRENT))?;
    if rotation.is_created().await? {
        return Ok(());
    }
    let password = rotation.password().await?;
    let value = match Entry::parse(&current) {
        Some(mut entry) if entry.has("password") => {
            entry.set_text("password", &password);
            entry.to_json()
        }
        _ => password,
    };
    rotation.put(value).await
}
