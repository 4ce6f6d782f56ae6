//! RotateSecret and CancelRotateSecret (specification §§3.12, 3.13).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{
    CancelRotateSecretRequest, CancelRotateSecretResponse, ExternalSecretRotationMetadataItem, RotateSecretRequest,
    RotateSecretResponse, RotationRulesType,
};

use super::job::{ASKED_MS, Job, Run, job_key};
use super::{External, Purpose, RotatedBy, Rotation, Rules, UnderWay, begin, complete, end_test, is_incomplete};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::random_uuid;
use crate::secrets::events::{self, Event};
use crate::secrets::keys::shown_key;
use crate::secrets::model::{Secret, Version};
use crate::secrets::owned::guard;
use crate::secrets::pairs::Pairs;
use crate::secrets::versions::{CURRENT, PENDING};
use crate::secrets::{Secrets, refusals};

/// What RotateSecret asks for, checked.
struct Asked {
    token: String,
    function_arn: Option<String>,
    metadata: Option<Pairs<String>>,
    role_arn: Option<String>,
    rules: Option<Rules>,
    purpose: Purpose,
    run_id: String,
}

impl Asked {
    fn of(input: RotateSecretRequest, run_id: String) -> Result<Self, Error> {
        // Rules that say nothing are none: those of before stay.
        let given = input.rotation_rules.as_ref().filter(|rules| **rules != RotationRulesType::default());
        let rules = given.map(Rules::of).transpose();
        let rules = rules.map_err(|fault| refusals::wrong_rules(&fault.to_string()))?;
        let at_once = input.rotate_immediately.unwrap_or(true);
        Ok(Self {
            token: input.client_request_token.ok_or_else(refusals::token_missing)?,
            function_arn: input.rotation_lambda_arn.filter(|arn| !arn.is_empty()),
            metadata: input.external_secret_rotation_metadata.map(metadata).transpose()?,
            role_arn: input.external_secret_rotation_role_arn.filter(|arn| !arn.is_empty()),
            rules,
            purpose: if at_once { Purpose::Rotate } else { Purpose::Test },
            run_id,
        })
    }

    /// Who is to rotate a secret: as the request says, or as it was configured.
    fn by(&self, secret: &Secret) -> Result<RotatedBy, Error> {
        let is_external = self.metadata.is_some() || self.role_arn.is_some();
        let rotation = secret.rotation.as_ref();
        if let Some(owner) = &secret.owner {
            let is_own = self.function_arn.is_none() && !is_external;
            return if is_own { Ok(RotatedBy::Owner(owner.clone())) } else { Err(refusals::managed()) };
        }
        match (&self.function_arn, is_external) {
            (Some(_), true) => return Err(refusals::function_and_partner()),
            (Some(function_arn), false) => return Ok(RotatedBy::Function(function_arn.clone())),
            (None, true) if secret.kind.is_none() => return Err(refusals::no_kind()),
            (None, true) => {}
            (None, false) => {
                let missing = if secret.kind.is_some() { refusals::no_role } else { refusals::no_function };
                return rotation.and_then(Rotation::by).ok_or_else(missing);
            }
        }
        let known = rotation.and_then(|rotation| rotation.external.as_deref().cloned()).unwrap_or_default();
        let role_arn = self.role_arn.clone().unwrap_or(known.role_arn);
        if role_arn.is_empty() {
            return Err(refusals::no_role());
        }
        let metadata = self.metadata.clone().unwrap_or(known.metadata);
        Ok(RotatedBy::Partner(External { metadata, role_arn }))
    }
}

/// The metadata of a managed external secret's rotation, each key once.
fn metadata(items: Vec<ExternalSecretRotationMetadataItem>) -> Result<Pairs<String>, Error> {
    let mut pairs = Pairs::new();
    for item in items {
        let (Some(key), Some(value)) = (item.key, item.value) else { return Err(refusals::metadata_incomplete()) };
        if pairs.contains_key(&key) {
            return Err(refusals::metadata_twice(&key));
        }
        pairs.insert(key, value);
    }
    Ok(pairs)
}

impl Secrets {
    /// Configures rotation and begins one, or a test of the configuration.
    ///
    /// # Errors
    /// As specification §3.12.
    pub async fn rotate_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: RotateSecretRequest,
    ) -> Result<RotateSecretResponse, Error> {
        let asked = Asked::of(input, random_uuid(self.documents.random())?)?;
        let present = self.live(permit.secret()?).await?;
        self.rotator.check(cx, &asked.by(&present.value)?, &present.value).await?;
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| self.rotate_once(cx, permit, &asked)).await
    }

    async fn rotate_once(&self, cx: &Ctx, permit: &Permit, asked: &Asked) -> Result<RotateSecretResponse, Error> {
        let before = self.live(permit.secret()?).await?;
        if let Some(answer) = repeated(&before.value, asked)? {
            return Ok(answer);
        }
        let job = self.documents.load::<Job>(job_key(&before.value)).await?;
        let mut after = Secret::clone(&before.value);
        let mut batch = Batch::named("rotate_secret");
        self.end_previous(cx, &mut batch, &mut after).await?;
        if is_incomplete(&after) {
            self.reattempt(cx, job).await?;
            return Err(refusals::rotation_incomplete());
        }
        let by = asked.by(&before.value)?;
        configure(&mut after, asked, &by, cx);
        let under_way = UnderWay { token: asked.token.clone(), purpose: asked.purpose, run_id: asked.run_id.clone() };
        for id in begin(&mut after, under_way.clone(), self.quotas, cx.now)? {
            self.drop_value(&mut batch, &after, &id).await?;
            self.add_event(cx, &mut batch, &after, events::PRUNED)?;
        }
        if asked.purpose == Purpose::Test {
            self.copy_current(cx, &mut batch, &mut after, &asked.token).await?;
        }
        let started = Event::of_run(events::started(asked.purpose), &after.arn(), &under_way.run_id);
        batch.feed.extend(events::entries(&self.documents, &after, cx.now, &started)?);
        let mut next = job.as_ref().map_or_else(|| Job::of(&after), |job| Job::clone(&job.value));
        next.run = Some(Run::new(under_way, Some(cx.now.plus_millis(ASKED_MS).millis())));
        next.window = after.rotation.as_ref().and_then(|rotation| rotation.next_unsettled(next.window));
        next.due_ms = Some(cx.now.millis());
        // Whoever worked for an earlier run finds that it is not his any more.
        next.lease = None;
        self.documents.put(&mut batch, job.as_ref(), &Arc::new(next))?;
        let response = response(&after, &asked.token);
        self.commit(cx, batch, &before, &Arc::new(after), Some(record::encode(&response))).await?;
        Ok(response)
    }

    /// Ends what an earlier run has left: a rotation whose version is AWSCURRENT already, a test.
    async fn end_previous(&self, cx: &Ctx, batch: &mut Batch, secret: &mut Secret) -> Result<(), Error> {
        let under_way = secret.rotation.as_ref().and_then(|rotation| rotation.under_way.clone());
        let Some(under_way) = under_way else { return Ok(()) };
        let (arn, run_id) = (secret.arn(), &under_way.run_id);
        match under_way.purpose {
            Purpose::Test => {
                if let Some(version) = end_test(secret, cx.now) {
                    self.drop_value(batch, secret, &version).await?;
                }
                let text = "The test was ended by another RotateSecret.";
                let event = Event::failed(events::failed(Purpose::Test), &arn, run_id, text);
                batch.feed.extend(events::entries(&self.documents, secret, cx.now, &event)?);
            }
            Purpose::Rotate if secret.stages.get(CURRENT) == Some(&under_way.token) => {
                complete(secret, cx.now);
                let event = Event::of_run(events::succeeded(Purpose::Rotate), &arn, run_id);
                batch.feed.extend(events::entries(&self.documents, secret, cx.now, &event)?);
            }
            Purpose::Rotate => {}
        }
        Ok(())
    }

    /// Has the run that is not complete tried again at once.
    async fn reattempt(&self, cx: &Ctx, job: Option<Loaded<Job>>) -> Result<(), Error> {
        let Some(job) = job.filter(|job| job.value.run.is_some() && !job.value.is_taken(cx.now)) else { return Ok(()) };
        let mut next = Job::clone(&job.value);
        next.due_ms = Some(cx.now.millis());
        if let Some(run) = &mut next.run {
            run.asked_until_ms = Some(cx.now.plus_millis(ASKED_MS).millis());
        }
        let mut batch = Batch::named("reattempt_rotation");
        self.documents.put(&mut batch, Some(&job), &Arc::new(next))?;
        self.documents.commit(batch).await
    }

    /// Gives a test's version the present value, so that testSecret has something to test (unconfirmed, §5.4). It stays
    /// empty when there is none, or the caller may not read it.
    async fn copy_current(&self, cx: &Ctx, batch: &mut Batch, secret: &mut Secret, token: &str) -> Result<(), Error> {
        let Some(current) = secret.stages.get(CURRENT).cloned() else { return Ok(()) };
        let value = match self.value(cx, secret, &current).await {
            Ok(Some(value)) => value,
            Ok(None) | Err(Error::Refused(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        match self.put_value(cx, batch, secret, token, &value).await {
            Ok(()) => {}
            Err(Error::Refused(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        }
        let shown = shown_key(secret);
        if let Some(version) = secret.versions.get_mut(token) {
            version.kms_key_ids = vec![shown];
        }
        Ok(())
    }

    /// Turns rotation off. AWSPENDING stays where it is.
    ///
    /// # Errors
    /// As specification §3.13; InvalidRequest without a function (unconfirmed).
    pub async fn cancel_rotate_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: CancelRotateSecretRequest,
    ) -> Result<CancelRotateSecretResponse, Error> {
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| self.cancel_once(cx, permit)).await
    }

    async fn cancel_once(&self, cx: &Ctx, permit: &Permit) -> Result<CancelRotateSecretResponse, Error> {
        let before = self.live(permit.secret()?).await?;
        guard(cx, &before.value)?;
        let mut after = Secret::clone(&before.value);
        let rotation = after.rotation.as_mut().ok_or_else(refusals::no_function)?;
        rotation.enabled = false;
        rotation.next = None;
        rotation.under_way = None;
        let response = CancelRotateSecretResponse {
            arn: Some(after.arn()),
            name: Some(after.name.clone()),
            version_id: after.stages.get(PENDING).filter(|_| is_incomplete(&after)).cloned(),
        };
        if after == *before.value {
            return Ok(response);
        }
        after.changed_ms = cx.now.millis();
        let mut batch = Batch::named("cancel_rotate_secret");
        if let Some(job) = self.documents.load::<Job>(job_key(&after)).await? {
            let mut idle = Job::clone(&job.value);
            (idle.run, idle.due_ms, idle.window, idle.lease) = (None, None, None, None);
            self.documents.put(&mut batch, Some(&job), &Arc::new(idle))?;
        }
        self.commit(cx, batch, &before, &Arc::new(after), Some(record::encode(&response))).await?;
        Ok(response)
    }
}

/// The answer to a request whose version is there already: of the rotation under way, or of one that is done.
fn repeated(secret: &Secret, asked: &Asked) -> Result<Option<RotateSecretResponse>, Error> {
    let Some(version) = secret.versions.get(&asked.token) else { return Ok(None) };
    let rotation = secret.rotation.as_ref();
    let under_way = rotation.and_then(|rotation| rotation.under_way.as_ref());
    let is_own = under_way.is_some_and(|under_way| under_way.token == asked.token);
    let is_done = Version::has_value(version) && secret.stages.get(CURRENT) == Some(&asked.token);
    if is_own || (is_done && rotation.is_some_and(|rotation| rotation.rotated_ms.is_some())) {
        return Ok(Some(response(secret, &asked.token)));
    }
    Err(refusals::rotation_token_in_use(&asked.token, &secret.arn()))
}

/// Writes the configuration into the secret. Windows are counted anew when it rotated by other rules, or not at all.
fn configure(secret: &mut Secret, asked: &Asked, by: &RotatedBy, cx: &Ctx) {
    let rotation: &mut Rotation = secret.rotation.get_or_insert_default();
    let was_enabled = std::mem::replace(&mut rotation.enabled, true);
    let same_rules = asked.rules.as_ref().is_none_or(|rules| {
        let computed = rules.expression.is_some().then_some(rotation.rules.after_days).flatten();
        Rules { after_days: rules.after_days.or(computed), ..rules.clone() } == rotation.rules
    });
    if let Some(rules) = &asked.rules
        && !same_rules
    {
        rotation.rules = rules.clone();
        if let Some(schedule) = rotation.schedule() {
            rotation.rules.note_days_between(&schedule, cx.now);
        }
    }
    rotation.set_by(by);
    if !(was_enabled && same_rules) {
        rotation.count_from(cx.now);
    }
}

fn response(secret: &Secret, token: &str) -> RotateSecretResponse {
    RotateSecretResponse {
        arn: Some(secret.arn()),
        name: Some(secret.name.clone()),
        version_id: Some(token.to_owned()),
    }
}
