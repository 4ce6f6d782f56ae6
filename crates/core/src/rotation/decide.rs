//! What is to be done next for a job, as a pure function of the job, its secret and the time.

use strongroom_types::Timestamp;

use crate::secrets::model::Secret;
use crate::secrets::rotation::job::{ASKED_MS, Job, Run, Step};
use crate::secrets::rotation::{NextWindow, Rotation, is_incomplete};

/// Between two looks at a secret whose deletion is scheduled while its rotation is under way, in ms.
const DELETED_MS: i64 = 3_600_000;
/// Windows that are counted one by one when many passed; the rest is passed over.
const MISSED_MAX: u64 = 100_000;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The secret is gone: the job goes too.
    Remove,
    /// Nothing now. The job waits as it was changed to.
    Wait,
    /// Windows passed without anything being done: say so, then decide again.
    TellMissed {
        /// The first of them.
        window: NextWindow,
        /// How many.
        windows: u64,
    },
    /// A rotation begins in the job's window.
    Begin,
    /// It cannot begin, as an earlier one left AWSPENDING behind.
    Blocked,
    /// A step is carried out.
    Carry(Step),
}

/// Decides, and changes `job` to what it is to wait for.
pub fn decide(job: &mut Job, secret: Option<&Secret>, now: Timestamp) -> Move {
    let Some(secret) = secret.filter(|secret| secret.suffix == job.suffix) else { return Move::Remove };
    let rotation = secret.rotation.as_ref().filter(|rotation| rotation.enabled);
    let Some(rotation) = rotation else {
        (job.run, job.window, job.due_ms) = (None, None, None);
        return Move::Wait;
    };
    keep_to_secret(job, rotation, now);
    if secret.deletion.is_some() {
        job.due_ms = Some(now.plus_millis(DELETED_MS).millis());
        return Move::Wait;
    }
    if let Some(run) = &job.run {
        let (step, is_asked) = (run.step, run.is_asked_at(now.millis()));
        if let Some(told) = missed(job, rotation, now) {
            return told;
        }
        if is_asked || job.window_begun(now).is_some() {
            return Move::Carry(step);
        }
        job.wait_for(job.window);
        return Move::Wait;
    }
    let window = match job.window.or(rotation.next) {
        Some(window) => window,
        None => match rotation.window_after(now) {
            Some(window) => window,
            None => {
                (job.window, job.due_ms) = (None, None);
                return Move::Wait;
            }
        },
    };
    if now.millis() < window.start_ms {
        job.wait_for(Some(window));
        return Move::Wait;
    }
    job.window = Some(window);
    if let Some(told) = missed(job, rotation, now) {
        return told;
    }
    if is_incomplete(secret) { Move::Blocked } else { Move::Begin }
}

/// Takes over what the secret says of its rotation, which is right where they differ: one that was abandoned, one that
/// was changed by hand and waits for a later window.
fn keep_to_secret(job: &mut Job, rotation: &Rotation, now: Timestamp) {
    let same = |run: &Run| rotation.under_way.as_ref() == Some(&run.under_way);
    if job.run.as_ref().is_some_and(same) {
        return;
    }
    job.run = None;
    job.window = rotation.next_unsettled(job.window);
    if let Some(under_way) = &rotation.under_way {
        job.run = Some(Run::new(under_way.clone(), Some(now.plus_millis(ASKED_MS).millis())));
    }
}

/// Whether windows passed that the job waited for, and in which nothing was tried.
fn missed(job: &mut Job, rotation: &Rotation, now: Timestamp) -> Option<Move> {
    let first = job.window.filter(|window| window.end_ms <= now.millis())?;
    let (mut windows, mut last) = (1, first);
    let following = loop {
        match rotation.window_after(Timestamp::from_millis(last.start_ms)) {
            Some(next) if next.end_ms <= now.millis() && windows < MISSED_MAX => (windows, last) = (windows + 1, next),
            Some(next) if next.end_ms <= now.millis() => break rotation.window_at(now).or(rotation.window_after(now)),
            next => break next,
        }
    };
    job.wait_for(following);
    Some(Move::TellMissed { window: first, windows })
}

/// Plans what comes after a failure: another attempt after a pause while the window is open, or while it is tried because
/// somebody asked for it; or else the next window. A run begins anew, with the same version.
pub fn plan_after_failure(job: &mut Job, rotation: &Rotation, now: Timestamp) {
    let begun = job.window_begun(now);
    let Some(run) = &mut job.run else { return };
    run.failures = run.failures.saturating_add(1);
    run.step = Step::first(run.under_way.purpose);
    let again_ms = now.plus_millis(run.pause_ms()).millis();
    if run.is_asked_at(again_ms) || begun.is_some_and(|window| again_ms < window.end_ms) {
        job.due_ms = Some(again_ms);
        return;
    }
    (run.failures, run.asked_until_ms) = (0, None);
    plan_next(job, rotation, now);
}

/// Plans the first window that has not begun.
pub fn plan_next(job: &mut Job, rotation: &Rotation, now: Timestamp) {
    match job.window_begun(now) {
        Some(begun) => {
            let behind = now.max(Timestamp::from_millis(begun.end_ms - 1));
            job.wait_for(rotation.window_after(behind));
        }
        None => job.wait_for(job.window.or_else(|| rotation.window_after(now))),
    }
}
