//! Two users in turn: while one is in use, the other gets a new password from a superuser.

use strongroom_types::secret::SecretText;

use super::{Pending, Rotation, public};
use crate::{Failure, drivers::Change, environment::username_limit, package::Naming, run::CURRENT};

/// The name of the other user of a pair.
///
/// # Errors
/// A `ValueError` when a clone's name would be too long.
pub fn other_user(user: &str, naming: Naming, limit: Option<u64>) -> Result<String, Failure> {
    let (suffix, capitals) = match naming {
        Naming::Suffix => ("_clone", false),
        #[cfg(feature = "oracle")]
        Naming::Capitals => ("_CLONE", true),
    };
    let spelt = |name: &str| if capitals { name.to_uppercase() } else { name.to_owned() };
    let user = spelt(user);
    if let Some(first) = user.strip_suffix(suffix) {
        return Ok(first.to_owned());
    }
    let clone = format!("{user}{suffix}");
    match limit {
        Some(limit) if u64::try_from(clone.chars().count()).is_ok_and(|length| length > limit) => Err(Failure::value(
            format!("Unable to clone user, username length with {suffix} appended would exceed {limit} characters"),
        )),
        _ => Ok(clone),
    }
}

/// Makes a value of the other user with a new password.
///
/// # Errors
/// When the value in use lacks something, the clone's name is too long, and those of Secrets Manager.
pub async fn create(rotation: &mut Rotation<'_>) -> Result<(), Failure> {
    let mut entry = rotation.required(CURRENT, None).await?;
    if rotation.is_created().await? {
        return Ok(());
    }
    let limit = username_limit(rotation.environment, rotation.package.username_limit)?;
    let other = other_user(&public(&entry, "username")?, rotation.package.naming, limit)?;
    entry.set_text("username", &SecretText::new(other));
    entry.set_text("password", &rotation.password().await?);
    rotation.put(entry.to_json()).await
}

/// Makes the other user, with the rights of the one in use, or gives it the new password.
///
/// # Errors
/// When the values are not of a pair on one host, or a login does not work.
pub async fn set(rotation: &mut Rotation<'_>) -> Result<(), Failure> {
    let arn = rotation.event.secret_id.clone();
    let pending = rotation.pending().await?;
    let current = rotation.required(CURRENT, None).await?;
    if let Pending::Works = rotation.try_pending(&pending).await? {
        return Ok(());
    }
    let (user, clone) = (public(&current, "username")?, public(&pending, "username")?);
    // The name's length was checked when it was made.
    if other_user(&user, rotation.package.naming, None)? != clone {
        return Err(Failure::value(format!(
            "Attempting to modify user {clone} other than current user or clone {user}"
        )));
    }
    let (host, found) = (public(&pending, "host")?, public(&current, "host")?);
    if host != found {
        return Err(Failure::value(format!(
            "Attempting to modify user for host {host} other than current host {found}"
        )));
    }
    // Whoever cannot log in gets no clone made of its name.
    if rotation.log_in("the AWSCURRENT secret", &current).await?.is_none() {
        return Err(Failure::value(format!("Unable to log into database using current credentials for secret {arn}")));
    }
    let mut session = rotation.log_in_superuser(&current).await?;
    let change = Change::of(&pending, None)?;
    let note = session.set_clone(&user, &change).await?;
    rotation
        .log
        .info(format!("setSecret: Successfully set password for {clone} in the database for secret arn {arn}."));
    rotation.note(note);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_of_the_other_is_the_first() {
        assert_eq!(other_user("app", Naming::Suffix, Some(16)).as_deref(), Ok("app_clone"));
        assert_eq!(other_user("app_clone", Naming::Suffix, Some(3)).as_deref(), Ok("app"));
        assert_eq!(other_user("0123456789", Naming::Suffix, Some(16)).as_deref(), Ok("0123456789_clone"));
        let refused = other_user("0123456789a", Naming::Suffix, Some(16)).expect_err("too long");
        assert_eq!(
            refused.message,
            "Unable to clone user, username length with _clone appended would exceed 16 characters"
        );
    }

    #[cfg(feature = "oracle")]
    #[test]
    fn in_capitals_either_spelling_is_the_same_user() {
        assert_eq!(other_user("app", Naming::Capitals, Some(30)).as_deref(), Ok("APP_CLONE"));
        assert_eq!(other_user("App_Clone", Naming::Capitals, Some(30)).as_deref(), Ok("APP"));
        let refused = other_user(&"a".repeat(25), Naming::Capitals, Some(30)).expect_err("too long");
        assert!(refused.message.ends_with("length with _CLONE appended would exceed 30 characters"), "{refused}");
    }
}
