//! The rules themselves: what each says of a secret at an instant.

use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;
use strongroom_wire::timestamps::iso;

use super::{Compliance, Facts, Parameters, Rule, UsedKey, Verdict};
use crate::secrets::model::Secret;
use crate::secrets::rotation::{Purpose, Rotation};

/// Days after which a rotation that is due and was not completed counts as failed.
const GRACE_DAYS: i64 = 2;
/// Hours of a day.
const DAY_HOURS: i64 = 24;
/// Characters of an annotation at most, as in Config's API.
const ANNOTATION_CHARS_MAX: usize = 256;
/// How the keys of tags begin that services set.
const SYSTEM_TAGS: &str = "aws:";

/// What `rule` says of a secret at `now`. A secret that waits for its deletion, which can be neither read nor rotated, is not
/// judged (what AWS says of those is unconfirmed).
#[must_use]
pub fn verdict(rule: Rule, parameters: &Parameters, facts: &Facts<'_>, now: Timestamp) -> Verdict {
    let secret = facts.secret;
    if secret.deletion.is_some() {
        return not_applicable("the secret is scheduled for deletion");
    }
    match rule {
        Rule::RotationEnabled => rotation_enabled(parameters, secret, now),
        Rule::RotationSuccess => rotation_success(secret, now),
        Rule::Unused => unused(parameters, secret, now),
        Rule::PeriodicRotation => periodic_rotation(parameters, secret, now),
        Rule::Tagged => tagged(parameters, secret),
        Rule::CustomerKey => customer_key(parameters, facts.key),
    }
}

fn rotation_enabled(parameters: &Parameters, secret: &Secret, now: Timestamp) -> Verdict {
    let Some(rotation) = enabled(secret) else { return non_compliant("automatic rotation is not enabled") };
    let days = parameters.rotation_days_max.map(|days| i64::from(days).saturating_mul(DAY_HOURS));
    let hours = parameters.rotation_hours_max.map(i64::from);
    let Some(allowed) = [days, hours].into_iter().flatten().min() else {
        return compliant("automatic rotation is enabled");
    };
    match rotation.schedule().and_then(|schedule| schedule.longest_gap_hours(now)) {
        Some(gap) if gap <= allowed => {
            compliant(format!("it rotates every {gap} hours at least; allowed are {allowed}"))
        }
        Some(gap) => non_compliant(format!("{gap} hours can pass between two rotations; allowed are {allowed}")),
        None => non_compliant("automatic rotation has no schedule that goes on"),
    }
}

fn rotation_success(secret: &Secret, now: Timestamp) -> Verdict {
    let Some(rotation) = enabled(secret) else { return not_applicable("automatic rotation is not enabled") };
    let is_over = |ms: i64| now >= Timestamp::from_millis(ms).plus_days(GRACE_DAYS);
    if let Some(next) = rotation.next
        && is_over(next.end_ms)
    {
        return non_compliant(format!("it was to be rotated by {} and was not", iso(next.shown_end())));
    }
    let under_way = rotation.under_way.as_ref().filter(|under_way| under_way.purpose == Purpose::Rotate);
    let began_ms = under_way.and_then(|under_way| secret.versions.get(&under_way.token)).map(|made| made.created_ms);
    match began_ms {
        Some(ms) if is_over(ms) => {
            let began = iso(Timestamp::from_millis(ms));
            non_compliant(format!("the rotation that began at {began} is not complete"))
        }
        _ => compliant("no rotation is overdue"),
    }
}

/// The day counts of whoever never read it: from its creation on (what AWS says of those is unconfirmed).
fn unused(parameters: &Parameters, secret: &Secret, now: Timestamp) -> Verdict {
    let allowed = i64::from(parameters.unused_days_max);
    let (since, what) = match secret.accessed() {
        Some(accessed) => (accessed, "it was last read"),
        None => (Timestamp::from_millis(secret.created_ms), "it was never read since it was created"),
    };
    // Reads are known by their days.
    let days = now.start_of_day().millis_since(since.start_of_day()).div_euclid(DAY_MS).max(0);
    told(days <= allowed, format!("{what} {days} days ago; allowed are {allowed}"))
}

/// Who never rotated it: from its creation on (what AWS says of those is unconfirmed).
fn periodic_rotation(parameters: &Parameters, secret: &Secret, now: Timestamp) -> Verdict {
    let allowed = i64::from(parameters.since_rotation_days_max);
    let rotated_ms = secret.rotation.as_ref().and_then(|rotation| rotation.rotated_ms);
    let (since_ms, what) = match rotated_ms {
        Some(ms) => (ms, "it was last rotated"),
        None => (secret.created_ms, "it was never rotated since it was created"),
    };
    let past_ms = now.millis_since(Timestamp::from_millis(since_ms));
    let days = past_ms.div_euclid(DAY_MS).max(0);
    told(past_ms <= allowed.saturating_mul(DAY_MS), format!("{what} {days} days ago; allowed are {allowed}"))
}

fn tagged(parameters: &Parameters, secret: &Secret) -> Verdict {
    let has = |wanted: &str| secret.tags.iter().any(|tag| tag.key == wanted);
    if parameters.required_tags.is_empty() {
        let any = secret.tags.iter().any(|tag| !tag.key.starts_with(SYSTEM_TAGS));
        return if any { compliant("it has tags") } else { non_compliant("it has no tags") };
    }
    let required = parameters.required_tags.iter().map(String::as_str);
    let missing: Vec<&str> = required.filter(|wanted| !has(wanted)).collect();
    if missing.is_empty() {
        compliant("it has all required tags")
    } else {
        non_compliant(format!("it lacks the tags {}", missing.join(", ")))
    }
}

fn customer_key(parameters: &Parameters, key: &UsedKey) -> Verdict {
    match key {
        UsedKey::Default => non_compliant("it is encrypted under aws/secretsmanager"),
        UsedKey::OtherAccount(arn) => non_compliant(format!("it is encrypted under a key of another account, {arn}")),
        UsedKey::Absent(asked) => non_compliant(format!("its key {asked} is not there")),
        UsedKey::Customer(arn) if parameters.kms_keys.is_empty() || parameters.kms_keys.contains(arn) => {
            compliant(format!("it is encrypted under {arn}"))
        }
        UsedKey::Customer(arn) => non_compliant(format!("it is encrypted under {arn}, which is none of those allowed")),
    }
}

/// The rotation of a secret, if it is on.
fn enabled(secret: &Secret) -> Option<&Rotation> {
    secret.rotation.as_ref().filter(|rotation| rotation.enabled)
}

fn told(is_kept: bool, annotation: String) -> Verdict {
    if is_kept { compliant(annotation) } else { non_compliant(annotation) }
}

fn compliant(annotation: impl Into<String>) -> Verdict {
    told_as(Compliance::Compliant, annotation.into())
}

fn non_compliant(annotation: impl Into<String>) -> Verdict {
    told_as(Compliance::NonCompliant, annotation.into())
}

fn not_applicable(annotation: impl Into<String>) -> Verdict {
    told_as(Compliance::NotApplicable, annotation.into())
}

fn told_as(compliance: Compliance, annotation: String) -> Verdict {
    let annotation = match annotation.char_indices().nth(ANNOTATION_CHARS_MAX) {
        Some((end, _)) => annotation.get(..end).unwrap_or_default().to_owned(),
        None => annotation,
    };
    Verdict { compliance, annotation }
}
