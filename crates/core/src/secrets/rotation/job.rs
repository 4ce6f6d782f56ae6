//! The job of a secret's rotation: when it is to be looked at next, who works on it, how far its run has come.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, Timestamp};

use super::{NextWindow, Purpose, UnderWay};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::model::{Secret, instant_term};

/// Kind of the documents of this module.
pub const ROTATION_JOB: Kind = Kind("rotation-job");
/// Index of the instants at which jobs are due, by region.
pub const BY_DUE: Index = Index("rotation-due");

/// From the end of an attempt to the next one, in ms; doubled with each attempt.
pub const PAUSE_MS_MIN: i64 = 60_000;
/// The longest pause between two attempts, in ms.
pub const PAUSE_MS_MAX: i64 = 3_600_000;
/// How long a rotation that was asked for is tried again, in ms; after that, in the schedule's windows.
pub const ASKED_MS: i64 = 2 * 3_600_000;

/// The steps in their order, as functions get them (specification §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the new value.
    CreateSecret,
    /// Sets it where it is used.
    SetSecret,
    /// Tries it.
    TestSecret,
    /// Makes it AWSCURRENT.
    FinishSecret,
}

impl Step {
    /// As events and messages have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }

    /// The first step of a run.
    #[must_use]
    pub const fn first(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Rotate => Self::CreateSecret,
            Purpose::Test => Self::TestSecret,
        }
    }

    /// The step behind this one.
    #[must_use]
    pub const fn next(self, purpose: Purpose) -> Option<Self> {
        match (purpose, self) {
            (Purpose::Rotate, Self::CreateSecret) => Some(Self::SetSecret),
            (Purpose::Rotate, Self::SetSecret) => Some(Self::TestSecret),
            (Purpose::Rotate, Self::TestSecret) => Some(Self::FinishSecret),
            (Purpose::Rotate, Self::FinishSecret) | (Purpose::Test, _) => None,
        }
    }
}

/// A run: one rotation or test from its beginning to its end, however many attempts it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What is under way, as the secret has it too. When they differ, the secret is right.
    pub under_way: UnderWay,
    /// The step to be carried out.
    pub step: Step,
    /// Failed attempts so far.
    pub failures: u32,
    /// Until when it is tried because somebody asked for it, outside of windows too, in ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_until_ms: Option<i64>,
}

impl Run {
    /// A run that begins.
    #[must_use]
    pub fn new(under_way: UnderWay, asked_until_ms: Option<i64>) -> Self {
        let step = Step::first(under_way.purpose);
        Self { under_way, step, failures: 0, asked_until_ms }
    }

    /// Whether it is tried at an instant because somebody asked for it.
    #[must_use]
    pub fn is_asked_at(&self, ms: i64) -> bool {
        self.asked_until_ms.is_some_and(|until_ms| ms < until_ms)
    }

    /// From a failed attempt to the next one, in ms.
    #[must_use]
    pub fn pause_ms(&self) -> i64 {
        let doublings = self.failures.saturating_sub(1).min(16);
        (PAUSE_MS_MIN << doublings).min(PAUSE_MS_MAX)
    }
}

/// Who works on a job. Whoever takes it over raises the number; who finds another number than his own stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The fencing number.
    pub fence: u64,
    /// When it ends unless it is renewed, in ms since the epoch.
    pub until_ms: i64,
}

/// The job of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The account of the secret.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The random end of its ARN: one created anew under the name has another job.
    pub suffix: String,
    /// When it is to be looked at, in ms since the epoch; never, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The first window that nothing is settled of: the job waits for it, or is tried in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<NextWindow>,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The greatest fencing number that was given out.
    pub fence: u64,
    /// The run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Entries that its history has had.
    pub entries: u64,
}

impl Job {
    /// A job without anything to do.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        Self {
            account: secret.account.clone(),
            region: secret.region.clone(),
            name: secret.name.clone(),
            suffix: secret.suffix.clone(),
            due_ms: None,
            window: None,
            lease: None,
            fence: 0,
            run: None,
            entries: 0,
        }
    }

    /// Waits for a window.
    pub fn wait_for(&mut self, window: Option<NextWindow>) {
        self.window = window;
        self.due_ms = window.map(|window| window.start_ms + self.spread_ms(window));
    }

    /// How far into a window the job is due: spread over its first half, an hour of it at most, so that those of one
    /// hour do not all come at once.
    fn spread_ms(&self, window: NextWindow) -> i64 {
        const HOUR_MS: i64 = 3_600_000;
        let room = ((window.end_ms - window.start_ms) / 2).clamp(1, HOUR_MS);
        let mixed = self
            .name
            .bytes()
            .chain(self.suffix.bytes())
            .fold(0_i64, |mixed, byte| (mixed * 31 + i64::from(byte)) % HOUR_MS);
        mixed % room
    }

    /// The window of the job, if it has begun at `now`.
    #[must_use]
    pub fn window_begun(&self, now: Timestamp) -> Option<NextWindow> {
        self.window.filter(|window| window.start_ms <= now.millis())
    }

    /// Whether somebody works on it at `now`.
    #[must_use]
    pub fn is_taken(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.until_ms > now.millis())
    }
}

/// The key of a secret's job.
#[must_use]
pub fn job_key(secret: &Secret) -> String {
    let Secret { account, region, name, suffix, .. } = secret;
    [account, ":", region, ":", name, "-", suffix].concat()
}

/// The beginning of a region's values in the index of due jobs.
#[must_use]
pub fn due_prefix(region: &str) -> String {
    [region, ":"].concat()
}

impl Document for Job {
    const KIND: Kind = ROTATION_JOB;
    // Looked at once in a while: what is read often needs the room more.
    const CACHED: bool = false;

    fn key(&self) -> String {
        [&self.account, ":", &self.region, ":", &self.name, "-", &self.suffix].concat()
    }

    fn terms(&self) -> Vec<Term> {
        let due = self.due_ms.map(|due_ms| Term::new(BY_DUE, due_prefix(&self.region) + &instant_term(due_ms)));
        due.into_iter().collect()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ROTATION_JOB, body)
    }
}
