//! The first rotation of a secret that a service owns: it begins with the secret.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::Timestamp;

use super::job::{ASKED_MS, Job, Run};
use super::{Purpose, Rotation, Rules, UnderWay, begin};
use crate::documents::Documents;
use crate::error::Error;
use crate::random_uuid;
use crate::secrets::Quotas;
use crate::secrets::events::{self, Event};
use crate::secrets::model::Secret;

/// Turns rotation on and begins one.
///
/// # Errors
/// When the random source fails.
pub fn begin_owned(
    documents: &Documents,
    batch: &mut Batch,
    secret: &mut Secret,
    rules: Rules,
    now: Timestamp,
) -> Result<(), Error> {
    let mut rotation = Rotation { enabled: true, rules, ..Rotation::default() };
    if let Some(schedule) = rotation.schedule() {
        rotation.rules.note_days_between(&schedule, now);
    }
    rotation.count_from(now);
    let window = rotation.next;
    secret.rotation = Some(rotation);
    let (token, run_id) = (random_uuid(documents.random())?, random_uuid(documents.random())?);
    let under_way = UnderWay { token, purpose: Purpose::Rotate, run_id };
    // A secret with one version has room for another.
    begin(secret, under_way.clone(), Quotas::default(), now)?;
    let started = Event::of_run(events::started(Purpose::Rotate), &secret.arn(), &under_way.run_id);
    batch.feed.extend(events::entries(documents, secret, now, &started)?);
    let mut job = Job::of(secret);
    job.run = Some(Run::new(under_way, Some(now.plus_millis(ASKED_MS).millis())));
    job.window = window;
    job.due_ms = Some(now.millis());
    documents.put(batch, None, &Arc::new(job))
}
