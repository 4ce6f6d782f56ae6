//! One user, whose password changes in place.

use super::{Pending, Rotation, public};
use crate::{
    Failure,
    drivers::Change,
    entry::Entry,
    run::{CURRENT, PREVIOUS},
};

/// Makes a value with a new password.
///
/// # Errors
/// When the value in use lacks something, and those of Secrets Manager.
pub async fn create(rotation: &mut Rotation<'_>) -> Result<(), Failure> {
    let mut entry = rotation.required(CURRENT, None).await?;
    if rotation.is_created().await? {
        return Ok(());
    }
    entry.set_text("password", &rotation.password().await?);
    rotation.put(entry.to_json()).await
}

/// Sets the new password, by the user itself: with the password in use, or the one before, should the database be one
/// rotation behind.
///
/// # Errors
/// When the values are of different users or hosts, or none of them works.
pub async fn set(rotation: &mut Rotation<'_>) -> Result<(), Failure> {
    let arn = rotation.event.secret_id.clone();
    let pending = rotation.pending().await?;
    let current = rotation.required(CURRENT, None).await?;
    let previous = rotation.entry(PREVIOUS, None).await;
    if let Pending::Works = rotation.try_pending(&pending).await? {
        return Ok(());
    }
    same(&pending, &current, "current")?;
    let mut working = rotation.log_in("the AWSCURRENT secret", &current).await?.map(|session| (session, current.clone()));
    if working.is_none() {
        // A value before that is of no use, perhaps of another kind, does not stop the rotation by itself.
        if let Ok(Some(mut previous)) = previous {
            previous.copy("ssl", &current);
            let session = rotation.log_in("the AWSPREVIOUS secret", &previous).await?;
            if session.is_some() {
                same(&pending, &previous, "previous valid")?;
            }
            working = session.map(|session| (session, previous));
        }
    }
    let Some((mut session, entry)) = working else {
        return Err(Failure::value(format!(
            "Unable to log into database with previous, current, or pending secret of secret arn {arn}"
        )));
    };
    let change = Change::of(&pending, Some(&entry))?;
    session.set_password(&change).await?;
    rotation.log.info(format!("setSecret: Successfully set password for user {} in the database for secret arn {arn}.", change.user));
    Ok(())
}

/// Whether two values are of one user on one host, so that nobody's rotation changes another's password.
fn same(pending: &Entry, other: &Entry, which: &str) -> Result<(), Failure> {
    let (user, found) = (public(pending, "username")?, public(other, "username")?);
    if user != found {
        return Err(Failure::value(format!("Attempting to modify user {user} other than {which} user {found}")));
    }
    let (host, found) = (public(pending, "host")?, public(other, "host")?);
    if host != found {
        return Err(Failure::value(format!("Attempting to modify user for host {host} other than {which} host {found}")));
    }
    Ok(())
}
