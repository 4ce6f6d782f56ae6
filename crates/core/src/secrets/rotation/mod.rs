//! Rotation of a secret: its configuration, the rotation under way, and the pure rules of what changes both
//! (specification §5.3-5.6).

pub mod history;
pub mod job;
mod operations;
mod owned;
pub mod rotator;
mod rules;
mod token;

use serde::{Deserialize, Serialize};
use strongroom_schedule::{Schedule, Window};
use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::ExternalSecretRotationMetadataItem;

use super::model::Secret;
use super::owned::Owner;
use super::pairs::Pairs;
use super::quotas::Quotas;
use super::versions::{self, CURRENT, PENDING};
use crate::error::Error;

pub use self::owned::begin_owned;
pub use self::rules::Rules;
pub use self::token::{check as check_token, made as rotation_token};

/// A secret's rotation, as the secret's own document has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Whether it rotates: false after CancelRotateSecret.
    pub enabled: bool,
    /// The function; kept after CancelRotateSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_arn: Option<String>,
    /// How a managed external secret is rotated, in the function's place; kept after CancelRotateSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<Box<External>>,
    /// When it rotates; kept after CancelRotateSecret.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
    /// When the last rotation was completed, in ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_ms: Option<i64>,
    /// From when windows are counted: the last completed rotation, change of the value by hand or of the rules, in ms
    /// since the epoch.
    pub anchor_ms: i64,
    /// The window of the next rotation. One that passed without success stays, as NextRotationDate does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextWindow>,
    /// The rotation that has begun and is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
}

/// How a managed external secret is rotated (specification §5.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// What the partner needs to know, by the keys of the secret's type.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub metadata: Pairs<String>,
    /// The role that Secrets Manager assumes.
    pub role_arn: String,
}

impl External {
    /// The metadata as the API shows them.
    #[must_use]
    pub fn shown_metadata(&self) -> Vec<ExternalSecretRotationMetadataItem> {
        let item = |(key, value): (&String, &String)| ExternalSecretRotationMetadataItem {
            key: Some(key.clone()),
            value: Some(value.clone()),
        };
        self.metadata.iter().map(item).collect()
    }
}

/// Who rotates a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotatedBy {
    /// The function of an ARN, possibly with a version or alias.
    Function(String),
    /// Secrets Manager itself, over the API of the partner that the secret's type names.
    Partner(External),
    /// The service that owns the secret, over the database's own protocol.
    Owner(Owner),
}

/// Who rotates a secret, if that is known.
#[must_use]
pub fn by(secret: &Secret) -> Option<RotatedBy> {
    let owner = secret.owner.clone().map(RotatedBy::Owner);
    owner.or_else(|| secret.rotation.as_ref().and_then(Rotation::by))
}

impl Rotation {
    /// Which function or partner carries the rotation out, if one is configured.
    fn by(&self) -> Option<RotatedBy> {
        let external = || self.external.as_deref().cloned().map(RotatedBy::Partner);
        self.function_arn.clone().map(RotatedBy::Function).or_else(external)
    }

    fn set_by(&mut self, by: &RotatedBy) {
        (self.function_arn, self.external) = match by {
            RotatedBy::Function(arn) => (Some(arn.clone()), None),
            RotatedBy::Partner(external) => (None, Some(Box::new(external.clone()))),
            RotatedBy::Owner(_) => (None, None),
        };
    }
}

/// A window, in ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextWindow {
    /// Its beginning.
    pub start_ms: i64,
    /// Its end, which is not part of it.
    pub end_ms: i64,
}

impl From<Window> for NextWindow {
    fn from(window: Window) -> Self {
        Self { start_ms: window.start.millis(), end_ms: window.end.millis() }
    }
}

impl NextWindow {
    /// The last second of it, as NextRotationDate shows it.
    #[must_use]
    pub fn shown_end(self) -> Timestamp {
        let window = Window { start: Timestamp::from_millis(self.start_ms), end: Timestamp::from_millis(self.end_ms) };
        window.shown_end()
    }
}

/// What a rotation under way is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To have a new value.
    Rotate,
    /// To try the configuration: RotateImmediately=false (specification §5.4).
    Test,
}

/// A rotation that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The id of the version that it makes: the ClientRequestToken of its steps.
    pub token: String,
    /// What for.
    pub purpose: Purpose,
    /// Names it in the trail and in its history.
    pub run_id: String,
}

impl Rotation {
    /// The checked schedule, if there is one.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        self.rules.schedule().ok().flatten()
    }

    /// Counts the windows from `now` on.
    fn count_from(&mut self, now: Timestamp) {
        self.anchor_ms = now.millis();
        self.next = self.window_after(now);
    }

    /// The first window that begins after `now`.
    #[must_use]
    pub fn window_after(&self, now: Timestamp) -> Option<NextWindow> {
        self.schedule()?.next_window(Timestamp::from_millis(self.anchor_ms), now).map(NextWindow::from)
    }

    /// The first window that nothing is settled of, when a job has waited for `waited`.
    #[must_use]
    pub fn next_unsettled(&self, waited: Option<NextWindow>) -> Option<NextWindow> {
        // What was waited for is later where rotations failed in earlier windows.
        let next = self.next?;
        Some(waited.filter(|waited| waited.start_ms > next.start_ms && self.is_window(*waited)).unwrap_or(next))
    }

    /// Whether the schedule has a window, as it is counted now.
    fn is_window(&self, window: NextWindow) -> bool {
        self.window_at(Timestamp::from_millis(window.start_ms)) == Some(window)
    }

    /// The window that `now` lies in.
    #[must_use]
    pub fn window_at(&self, now: Timestamp) -> Option<NextWindow> {
        self.schedule()?.window_at(Timestamp::from_millis(self.anchor_ms), now).map(NextWindow::from)
    }
}

/// Whether AWSPENDING stands on a version that is not AWSCURRENT: a rotation is not complete (specification §5.3).
#[must_use]
pub fn is_incomplete(secret: &Secret) -> bool {
    secret.stages.get(PENDING).is_some_and(|pending| secret.stages.get(CURRENT) != Some(pending))
}

/// Begins a rotation: AWSPENDING on an empty version. Returns the ids of the versions that made room.
///
/// # Errors
/// LimitExceeded when there is no room for a version or label.
pub fn begin(secret: &mut Secret, under_way: UnderWay, quotas: Quotas, now: Timestamp) -> Result<Vec<String>, Error> {
    let pruned = versions::add_placeholder(secret, &under_way.token, quotas, now)?;
    secret.rotation.get_or_insert_default().under_way = Some(under_way);
    secret.changed_ms = now.millis();
    Ok(pruned)
}

/// Ends a rotation whose version has become AWSCURRENT.
pub fn complete(secret: &mut Secret, now: Timestamp) {
    if !is_incomplete(secret) {
        secret.stages.remove(PENDING);
    }
    let Some(rotation) = &mut secret.rotation else { return };
    rotation.under_way = None;
    rotation.rotated_ms = Some(now.millis());
    if let Some(schedule) = rotation.schedule() {
        rotation.rules.note_days_between(&schedule, now);
    }
    rotation.count_from(now);
    secret.changed_ms = now.millis();
}

/// Ends a test: its version goes. The id of that version, whose value has to go too.
pub fn end_test(secret: &mut Secret, now: Timestamp) -> Option<String> {
    let under_way = secret.rotation.as_mut()?.under_way.take()?;
    if secret.stages.get(PENDING) == Some(&under_way.token) {
        secret.stages.remove(PENDING);
    }
    secret.changed_ms = now.millis();
    let labelled = secret.stages.values().any(|holder| *holder == under_way.token);
    (!labelled && secret.versions.remove(&under_way.token).is_some()).then_some(under_way.token)
}

/// What a new version that is not the rotation's own means: a rotation under way is abandoned, and one that has become
/// AWSCURRENT counts as a rotation for the schedule (specification §5.5). Returns the abandoned rotation.
pub fn note_new_version(secret: &mut Secret, version_id: &str, now: Timestamp) -> Option<UnderWay> {
    let is_current = secret.stages.get(CURRENT).is_some_and(|current| current == version_id);
    let rotation = secret.rotation.as_mut().filter(|rotation| rotation.enabled)?;
    let under_way = rotation.under_way.take_if(|under_way| under_way.token != version_id);
    if rotation.under_way.is_some() {
        return None;
    }
    if is_current {
        rotation.count_from(now);
    }
    let under_way = under_way?;
    if secret.stages.get(PENDING) == Some(&under_way.token) {
        secret.stages.remove(PENDING);
    }
    Some(under_way)
}

/// What a moved label means: the rotation under way is abandoned when AWSPENDING was taken from its version, other than by
/// that version's becoming AWSCURRENT. Returns the abandoned rotation.
pub fn note_moved_label(secret: &mut Secret) -> Option<UnderWay> {
    let stages = &secret.stages;
    let stands =
        |under_way: &mut UnderWay| [PENDING, CURRENT].iter().any(|stage| stages.get(stage) == Some(&under_way.token));
    secret.rotation.as_mut()?.under_way.take_if(|under_way| !stands(under_way))
}
