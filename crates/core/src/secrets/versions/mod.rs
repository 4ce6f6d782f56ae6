//! The rules of versions and staging labels, as pure functions over a secret: no store, no clock, no cipher.
//!
//! What always holds afterwards: a label is on at most one version; once a value exists, AWSCURRENT is on a version
//! that has one; AWSPREVIOUS is on the version that AWSCURRENT was last moved from; there are at most
//! as many labels and versions as the [`Quotas`] allow; a labelled version is never pruned.

use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;

use super::model::{NotedDay, Secret, Version};
use super::quotas::Quotas;
use super::refusals;
use crate::error::Error;

/// The label of the value that readers get by default.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the value before the current one.
pub const PREVIOUS: &str = "AWSPREVIOUS";
/// The label of a value that a rotation is making.
pub const PENDING: &str = "AWSPENDING";
/// A version younger than this is never pruned, in ms.
pub const PRUNE_AGE_MS_MIN: i64 = DAY_MS;

/// Adds a version that holds a value, or fills the placeholder of that id, and moves the labels onto it. Returns the
/// ids of the versions that were pruned to make room.
///
/// The first version of a secret always gets AWSCURRENT, whatever was asked (spec §3.2).
///
/// # Errors
/// LimitExceeded when there would be too many labels or versions.
pub fn add(
    secret: &mut Secret,
    version_id: &str,
    kms_key_id: String,
    stages: &[String],
    quotas: Quotas,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let placeholder = secret.versions.remove(version_id);
    let created_ms = placeholder.map_or(now.millis(), |version| version.created_ms);
    let version = Version { created_ms, accessed_ms: None, kms_key_ids: vec![kms_key_id], noted: NotedDay::default() };
    secret.versions.insert(version_id.to_owned(), version);
    let first = !secret.stages.contains_key(CURRENT);
    // AWSCURRENT goes last: the AWSPREVIOUS that it leaves behind wins over one that was asked for.
    for stage in stages.iter().filter(|stage| *stage != CURRENT) {
        secret.stages.insert(stage.clone(), version_id.to_owned());
    }
    if first || stages.iter().any(|stage| stage == CURRENT) {
        make_current(secret, version_id);
    }
    if quotas.has_too_many_stages(secret.stages.len()) {
        return Err(refusals::too_many_stages(quotas.stages_max));
    }
    prune(secret, version_id, quotas, now)
}

/// Adds a version without a value that carries AWSPENDING: what a rotation begins with (spec §5.2). Returns the ids of the
/// versions that were pruned to make room.
///
/// # Errors
/// LimitExceeded when there would be too many labels or versions.
pub fn add_placeholder(
    secret: &mut Secret,
    version_id: &str,
    quotas: Quotas,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let version =
        Version { created_ms: now.millis(), accessed_ms: None, kms_key_ids: Vec::new(), noted: NotedDay::default() };
    secret.versions.insert(version_id.to_owned(), version);
    secret.stages.insert(PENDING.to_owned(), version_id.to_owned());
    if quotas.has_too_many_stages(secret.stages.len()) {
        return Err(refusals::too_many_stages(quotas.stages_max));
    }
    prune(secret, version_id, quotas, now)
}

/// Puts AWSCURRENT on a version, and AWSPREVIOUS on the one it leaves.
fn make_current(secret: &mut Secret, version_id: &str) {
    let left = secret.stages.insert(CURRENT.to_owned(), version_id.to_owned());
    if let Some(left) = left.filter(|left| left != version_id) {
        secret.stages.insert(PREVIOUS.to_owned(), left);
    }
}

/// Removes the oldest unlabelled versions beyond those that are allowed, none of them younger than [`PRUNE_AGE_MS_MIN`], and
/// never `kept`.
fn prune(secret: &mut Secret, kept: &str, quotas: Quotas, now: Timestamp) -> Result<Vec<String>, Error> {
    let excess = quotas.excess_versions(secret.versions.len());
    if excess == 0 {
        return Ok(Vec::new());
    }
    let mut old: Vec<(i64, String)> = secret
        .versions
        .iter()
        .filter(|(id, version)| {
            let age_ms = now.millis_since(Timestamp::from_millis(version.created_ms));
            id.as_str() != kept && age_ms >= PRUNE_AGE_MS_MIN && !secret.stages.values().any(|holder| holder == *id)
        })
        .map(|(id, version)| (version.created_ms, id.clone()))
        .collect();
    if old.len() < excess {
        return Err(refusals::too_many_versions(quotas.versions_max));
    }
    old.sort();
    let pruned: Vec<String> = old.into_iter().take(excess).map(|(_, id)| id).collect();
    for id in &pruned {
        secret.versions.remove(id);
    }
    Ok(pruned)
}

/// Moves, attaches or removes one label, as UpdateSecretVersionStage asks (spec §3.14). Returns whether anything
/// changed.
///
/// # Errors
/// For every row of the table in the specification that is one.
pub fn move_stage(
    secret: &mut Secret,
    stage: &str,
    remove_from: Option<&str>,
    move_to: Option<&str>,
    quotas: Quotas,
) -> Result<bool, Error> {
    for id in [remove_from, move_to].into_iter().flatten() {
        if !secret.versions.contains_key(id) {
            return Err(refusals::unknown_version(id));
        }
    }
    let holder = secret.stages.get(stage).cloned();
    match (holder.as_deref(), remove_from, move_to) {
        (_, None, None) => Err(refusals::no_move()),
        (Some(holder), _, Some(to)) if holder == to => Ok(false),
        (Some(holder), from, Some(_)) if from != Some(holder) => Err(refusals::must_remove_from(stage, holder)),
        (None, Some(from), _) => Err(refusals::stage_not_on_version(stage, from)),
        (_, _, Some(to)) => attach(secret, stage, to, quotas),
        (Some(holder), Some(from), None) if holder != from => Err(refusals::stage_not_on_version(stage, from)),
        (Some(_), Some(_), None) if stage == CURRENT => Err(refusals::current_cannot_go()),
        (Some(_), Some(_), None) => {
            secret.stages.remove(stage);
            Ok(true)
        }
    }
}

fn attach(secret: &mut Secret, stage: &str, to: &str, quotas: Quotas) -> Result<bool, Error> {
    if stage == CURRENT {
        if !secret.versions.get(to).is_some_and(Version::has_value) {
            return Err(refusals::current_needs_value(to));
        }
        make_current(secret, to);
        // A rotation that has reached AWSCURRENT is done: the pending label goes in the same step.
        if secret.stages.get(PENDING).is_some_and(|holder| holder == to) {
            secret.stages.remove(PENDING);
        }
    } else {
        secret.stages.insert(stage.to_owned(), to.to_owned());
    }
    if quotas.has_too_many_stages(secret.stages.len()) {
        return Err(refusals::too_many_stages(quotas.stages_max));
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
