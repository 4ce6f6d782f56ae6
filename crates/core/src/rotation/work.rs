//! Work on a job that was taken: from one move to the next, each written down before the one behind it begins.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_store::Batch;
use strongroom_types::{SecretBytes, Timestamp};

use super::decide::{Move, decide, plan_after_failure, plan_next};
use super::{LEASE_MS, Rotations, Taken, hold, redact};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::random_uuid;
use crate::secrets::events::{self, Event};
use crate::secrets::model::{Secret, place};
use crate::secrets::rotation::history::{self, Happened, HistoryEntry};
use crate::secrets::rotation::job::{Job, Run, Step};
use crate::secrets::rotation::rotator::{RotationCall, StepEnd};
use crate::secrets::rotation::{self, NextWindow, Purpose, RotatedBy, Rotation, UnderWay};
use crate::secrets::values::drop_value;
use crate::secrets::versions::CURRENT;

/// Moves of one job in a row, at most: a bound on what cannot happen.
const MOVES_MAX: u32 = 64;

/// What was decided, on what.
struct Decided {
    job: Loaded<Job>,
    /// The job as the decision leaves it.
    next: Job,
    secret: Option<Loaded<Secret>>,
    what: Move,
    now: Timestamp,
}

impl Rotations {
    /// Works on a job until there is nothing to be done for now, or somebody else has it.
    ///
    /// # Errors
    /// Faults of the store: the lease ends, and the job is taken again then.
    pub async fn work_on(&self, taken: &Taken) -> Result<(), Error> {
        for _ in 0..MOVES_MAX {
            let (call, step) = match retry(|| self.decide_once(taken)).await? {
                Next::Nothing => return Ok(()),
                Next::Decide => continue,
                Next::Carry(call, step) => (call, step),
            };
            let Some((end, took_ms)) = self.carried_out(taken, &call).await? else { return Ok(()) };
            retry(|| self.settle(taken, &call, step, &end, took_ms)).await?;
        }
        Err(Error::internal("a rotation made too many moves in a row"))
    }

    /// Decides on the next move and makes it, up to a step of the function.
    async fn decide_once(&self, taken: &Taken) -> Result<Next, Error> {
        let Some(mut decided) = self.decided(taken).await? else { return Ok(Next::Nothing) };
        let now = decided.now;
        match decided.what {
            Move::Remove => {
                let mut batch = Batch::named("remove_rotation");
                self.documents.delete(&mut batch, &decided.job);
                self.documents.commit(batch).await.map(|()| Next::Nothing)
            }
            Move::Wait => {
                decided.next.lease = None;
                self.write(decided.job, decided.next, "wait_for_rotation").await.map(|()| Next::Nothing)
            }
            Move::TellMissed { window, windows } => {
                self.tell_missed(decided, taken, window, windows).await.map(|()| Next::Decide)
            }
            Move::Blocked => self.tell_blocked(decided).await.map(|()| Next::Nothing),
            Move::Begin => self.begin(decided, taken).await.map(|()| Next::Decide),
            Move::Carry(step) => {
                let Some(secret) = decided.secret else { return Ok(Next::Nothing) };
                let Some(run) = &decided.next.run else { return Ok(Next::Nothing) };
                let call = self.call(&secret.value, run, step)?;
                hold(&mut decided.next, taken.fence, now);
                self.write(decided.job, decided.next, "carry_rotation").await?;
                Ok(Next::Carry(call, step))
            }
        }
    }

    async fn decided(&self, taken: &Taken) -> Result<Option<Decided>, Error> {
        let Some(job) = self.mine(taken).await? else { return Ok(None) };
        let secret = self.documents.load_newest::<Secret>(secret_key(&job.value)).await?;
        let mut next = Job::clone(&job.value);
        let now = self.clock.now();
        let what = decide(&mut next, secret.as_ref().map(|secret| secret.value.as_ref()), now);
        Ok(Some(Decided { job, next, secret, what, now }))
    }

    /// The job, if it still is the taker's.
    async fn mine(&self, taken: &Taken) -> Result<Option<Loaded<Job>>, Error> {
        let job = self.documents.load::<Job>(Arc::clone(&taken.key)).await?;
        Ok(job.filter(|job| job.value.lease.is_some_and(|lease| lease.fence == taken.fence)))
    }

    /// Changes the job if it still is the taker's; whether it was.
    pub(super) async fn change_job(
        &self,
        name: &'static str,
        taken: &Taken,
        change: impl Fn(&mut Job),
    ) -> Result<bool, Error> {
        retry(|| async {
            let Some(job) = self.mine(taken).await? else { return Ok(false) };
            let mut next = Job::clone(&job.value);
            change(&mut next);
            self.write(job, next, name).await.map(|()| true)
        })
        .await
    }

    async fn write(&self, job: Loaded<Job>, next: Job, name: &'static str) -> Result<(), Error> {
        let mut batch = Batch::named(name);
        self.documents.put(&mut batch, Some(&job), &Arc::new(next))?;
        self.documents.commit(batch).await
    }

    /// Tells of windows that passed. The job stays the taker's: it is decided anew.
    async fn tell_missed(&self, decided: Decided, taken: &Taken, first: NextWindow, windows: u64) -> Result<(), Error> {
        let text = "No rotation could be started during the rotation window.";
        let (fence, now) = (taken.fence, decided.now);
        self.tell_of_window(decided, Some(first), Happened::Missed { windows }, text, |job, _| hold(job, fence, now))
            .await
    }

    /// Tells that no rotation can begin in the window; the job waits for the next one.
    async fn tell_blocked(&self, decided: Decided) -> Result<(), Error> {
        let text = "A previous rotation isn't complete.";
        let (window, now) = (decided.next.window, decided.now);
        let plan = |job: &mut Job, rotation: &Rotation| {
            plan_next(job, rotation, now);
            job.lease = None;
        };
        self.tell_of_window(decided, window, Happened::Refused { reason: text.to_owned() }, text, plan).await
    }

    /// Writes that a window has no rotation into history and trail, and what the job does then.
    async fn tell_of_window(
        &self,
        mut decided: Decided,
        window: Option<NextWindow>,
        happened: Happened,
        text: &str,
        plan: impl FnOnce(&mut Job, &Rotation),
    ) -> Result<(), Error> {
        let Some(secret) = decided.secret else { return Ok(()) };
        let Some(rotation) = &secret.value.rotation else { return Ok(()) };
        let mut batch = Batch::named("tell_of_rotation_window");
        let entry = HistoryEntry { window, ..entry_of(&secret.value, None, decided.now, happened) };
        history::add(&self.documents, &mut batch, &mut decided.next, entry)?;
        let (arn, run_id) = (secret.value.arn(), random_uuid(self.documents.random())?);
        let event = Event::failed(events::failed(Purpose::Rotate), &arn, &run_id, text);
        batch.feed.extend(events::entries(&self.documents, &secret.value, decided.now, &event)?);
        plan(&mut decided.next, rotation);
        self.documents.put(&mut batch, Some(&decided.job), &Arc::new(decided.next))?;
        self.documents.commit(batch).await
    }

    /// Begins a rotation in the job's window.
    async fn begin(&self, mut decided: Decided, taken: &Taken) -> Result<(), Error> {
        let (Some(secret), Some(window)) = (decided.secret, decided.next.window) else { return Ok(()) };
        let now = decided.now;
        let random = self.documents.random();
        let under_way =
            UnderWay { token: random_uuid(random)?, purpose: Purpose::Rotate, run_id: random_uuid(random)? };
        let mut after = Secret::clone(&secret.value);
        let mut batch = Batch::named("begin_rotation");
        for pruned in rotation::begin(&mut after, under_way.clone(), self.quotas, now)? {
            drop_value(&self.documents, &mut batch, &after, &pruned).await?;
        }
        let arn = after.arn();
        let event = Event::of_run(events::started(Purpose::Rotate), &arn, &under_way.run_id);
        batch.feed.extend(events::entries(&self.documents, &after, now, &event)?);
        let run = Run::new(under_way, None);
        let entry = HistoryEntry { window: Some(window), ..entry_of(&after, Some(&run), now, Happened::Began) };
        decided.next.run = Some(run);
        hold(&mut decided.next, taken.fence, now);
        history::add(&self.documents, &mut batch, &mut decided.next, entry)?;
        self.documents.put(&mut batch, Some(&secret), &Arc::new(after))?;
        self.documents.put(&mut batch, Some(&decided.job), &Arc::new(decided.next))?;
        self.documents.commit(batch).await
    }

    fn call(&self, secret: &Arc<Secret>, run: &Run, step: Step) -> Result<Call, Error> {
        let token = &run.under_way.token;
        let rotation_token = rotation::rotation_token(&self.documents, secret, token)?;
        let payload = json!({
            "Step": step.as_str(),
            "SecretId": secret.arn(),
            "ClientRequestToken": token,
            "RotationToken": rotation_token.expose(),
        });
        let by = rotation::by(secret);
        Ok(Call {
            secret: Arc::clone(secret),
            by: by.ok_or_else(|| Error::internal("a rotation that nobody carries out"))?,
            run: run.clone(),
            payload: SecretBytes::new(payload.to_string().into_bytes()),
        })
    }

    /// Has the function carry out a step, and keeps the lease meanwhile. Nothing when the lease was lost: then somebody
    /// else does the step.
    async fn carried_out(&self, taken: &Taken, call: &Call) -> Result<Option<(StepEnd, i64)>, Error> {
        let began = self.clock.now();
        let asked = RotationCall { by: &call.by, secret: &call.secret, payload: call.payload.clone(), now: began };
        let mut invoking = self.rotator.carry_out(asked);
        let pause = Duration::from_millis(u64::try_from(LEASE_MS / 3).unwrap_or(1000));
        let end = loop {
            tokio::select! {
                end = &mut invoking => break end,
                () = tokio::time::sleep(pause) => {
                    let now = self.clock.now();
                    if !self.change_job("renew_rotation", taken, |job| hold(job, taken.fence, now)).await? {
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some((end, self.clock.now().millis_since(began).max(0))))
    }

    /// Writes down how a step ended, and what follows.
    async fn settle(&self, taken: &Taken, call: &Call, step: Step, end: &StepEnd, took_ms: i64) -> Result<(), Error> {
        let Some(job) = self.mine(taken).await? else { return Ok(()) };
        let secret = self.documents.load_newest::<Secret>(secret_key(&job.value)).await?;
        let secret = secret.filter(|secret| secret.value.suffix == job.value.suffix);
        // Gone, or not this run's any more: the next decision sees it.
        let Some(secret) = secret.filter(|secret| is_of(&secret.value, call)) else { return Ok(()) };
        let now = self.clock.now();
        let mut settled =
            Settled { after: Secret::clone(&secret.value), next: Job::clone(&job.value), events: Vec::new() };
        let run = &call.run;
        let log_tail = match &end.log_tail {
            Some(tail) => Some(self.redacted(&secret.value, tail).await?),
            None => None,
        };
        let failure = end.outcome.clone().err().or_else(|| unfinished(&secret.value, step, run));
        let failure = match failure {
            Some(failure) => Some(self.redacted(&secret.value, &failure).await?),
            None => None,
        };
        let mut batch = Batch::named("settle_rotation");
        let happened = match &failure {
            None => Happened::StepSucceeded { step },
            Some(reason) => Happened::StepFailed { step, reason: reason.clone() },
        };
        let entry = HistoryEntry {
            took_ms,
            log_tail,
            window: settled.next.window_begun(now),
            ..entry_of(&secret.value, Some(run), now, happened)
        };
        history::add(&self.documents, &mut batch, &mut settled.next, entry)?;
        match (failure.is_some(), step.next(run.under_way.purpose)) {
            (true, _) => self.fail(&mut batch, &mut settled, call, step, now).await?,
            (false, Some(following)) => {
                if let Some(run) = &mut settled.next.run {
                    run.step = following;
                }
                hold(&mut settled.next, taken.fence, now);
            }
            (false, None) => self.succeed(&mut batch, &mut settled, call, now).await?,
        }
        for (name, text) in &settled.events {
            let (arn, run_id) = (settled.after.arn(), &run.under_way.run_id);
            let event = match text {
                Some(text) => Event::failed(name, &arn, run_id, text),
                None => Event::of_run(name, &arn, run_id),
            };
            batch.feed.extend(events::entries(&self.documents, &settled.after, now, &event)?);
        }
        if settled.after != *secret.value {
            self.documents.put(&mut batch, Some(&secret), &Arc::new(settled.after))?;
        }
        self.documents.put(&mut batch, Some(&job), &Arc::new(settled.next))?;
        self.documents.commit(batch).await
    }

    async fn fail(
        &self,
        batch: &mut Batch,
        settled: &mut Settled,
        call: &Call,
        step: Step,
        now: Timestamp,
    ) -> Result<(), Error> {
        let purpose = call.run.under_way.purpose;
        let text = match &call.by {
            RotatedBy::Function(arn) => format!("Error when executing lambda {arn} during {} step", step.as_str()),
            RotatedBy::Partner(_) => {
                let kind = call.secret.kind.as_deref().unwrap_or_default();
                format!("Error when rotating a secret of type {kind} during {} step", step.as_str())
            }
            RotatedBy::Owner(owner) => {
                format!("Error when rotating a secret of service {} during {} step", owner.service, step.as_str())
            }
        };
        settled.events.push((events::failed(purpose), Some(text)));
        match purpose {
            Purpose::Rotate => {
                let rotation = settled.after.rotation.clone().unwrap_or_default();
                plan_after_failure(&mut settled.next, &rotation, now);
                settled.next.lease = None;
                Ok(())
            }
            Purpose::Test => self.end_test(batch, settled, now).await,
        }
    }

    async fn succeed(
        &self,
        batch: &mut Batch,
        settled: &mut Settled,
        call: &Call,
        now: Timestamp,
    ) -> Result<(), Error> {
        let purpose = call.run.under_way.purpose;
        settled.events.push((events::succeeded(purpose), None));
        match purpose {
            Purpose::Rotate => {
                rotation::complete(&mut settled.after, now);
                let entry = HistoryEntry {
                    window: settled.next.window_begun(now),
                    ..entry_of(&settled.after, Some(&call.run), now, Happened::Succeeded)
                };
                history::add(&self.documents, batch, &mut settled.next, entry)?;
                end_run(settled);
                Ok(())
            }
            Purpose::Test => self.end_test(batch, settled, now).await,
        }
    }

    async fn end_test(&self, batch: &mut Batch, settled: &mut Settled, now: Timestamp) -> Result<(), Error> {
        if let Some(version) = rotation::end_test(&mut settled.after, now) {
            drop_value(&self.documents, batch, &settled.after, &version).await?;
        }
        end_run(settled);
        Ok(())
    }

    async fn redacted(&self, secret: &Secret, text: &str) -> Result<String, Error> {
        redact::without_values(&self.documents, &self.kms, secret, text).await
    }
}

/// What follows a decision.
enum Next {
    /// Nothing for now.
    Nothing,
    /// Another decision.
    Decide,
    /// A step of the function.
    Carry(Call, Step),
}

/// A step that is being carried out.
struct Call {
    secret: Arc<Secret>,
    by: RotatedBy,
    run: Run,
    payload: SecretBytes,
}

/// What a step leaves.
struct Settled {
    after: Secret,
    next: Job,
    events: Vec<(&'static str, Option<String>)>,
}

/// Ends the run; the job waits for the secret's next window.
fn end_run(settled: &mut Settled) {
    settled.next.run = None;
    settled.next.lease = None;
    settled.next.wait_for(settled.after.rotation.as_ref().and_then(|rotation| rotation.next));
}

/// Whether a secret's rotation under way is the one that a step was for.
fn is_of(secret: &Secret, call: &Call) -> bool {
    let enabled = secret.rotation.as_ref().filter(|rotation: &&Rotation| rotation.enabled);
    enabled.and_then(|rotation| rotation.under_way.as_ref()) == Some(&call.run.under_way)
}

/// What is wrong when finishSecret succeeded without making the version AWSCURRENT.
fn unfinished(secret: &Secret, step: Step, run: &Run) -> Option<String> {
    let is_current = secret.stages.get(CURRENT) == Some(&run.under_way.token);
    (step == Step::FinishSecret && !is_current)
        .then(|| "The function succeeded, but AWSCURRENT is not on the new version.".to_owned())
}

fn entry_of(secret: &Secret, run: Option<&Run>, now: Timestamp, happened: Happened) -> HistoryEntry {
    HistoryEntry {
        job: String::new(),
        number: 0,
        at_ms: now.millis(),
        took_ms: 0,
        purpose: run.map_or(Purpose::Rotate, |run| run.under_way.purpose),
        token: run.map(|run| run.under_way.token.clone()),
        function_arn: secret.rotation.as_ref().and_then(|rotation| rotation.function_arn.clone()),
        window: None,
        happened,
        log_tail: None,
    }
}

/// The key of the secret that a job is of.
fn secret_key(job: &Job) -> String {
    place(&job.account, &job.region) + &job.name
}
