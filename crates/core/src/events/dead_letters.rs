//! Deliveries that were given up: shown, begun anew, dropped. Operations of Strongroom's own service.

use std::sync::Arc;

use strongroom_store::{Batch, Entry, Range};
use strongroom_types::Timestamp;
use strongroom_wire::strongroom::{
    DeadLetter, DescribeDeadLettersRequest, DescribeDeadLettersResponse, DropDeadLettersRequest,
    DropDeadLettersResponse, RetryDeadLettersRequest, RetryDeadLettersResponse, errors::RESOURCE_NOT_FOUND_EXCEPTION,
};

use super::Events;
use super::delivery::{BY_DEAD, Delivery, dead_prefix};
use crate::access::{Permit, without_keys};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;
use crate::page;

/// Dead letters on a page when the request does not say, and at most.
const PAGE_DEFAULT: usize = 100;
/// Bytes of events with which a page ends.
const PAGE_BYTES: usize = 1024 * 1024;
/// How records name the type of a dead letter.
const DEAD_LETTER_KIND: &str = "Strongroom::Events::DeadLetter";

without_keys!(DescribeDeadLettersRequest, DropDeadLettersRequest, RetryDeadLettersRequest);

impl Events {
    /// The account's dead letters, the oldest first.
    ///
    /// # Errors
    /// InvalidNextTokenException.
    pub async fn describe_dead_letters(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeDeadLettersRequest,
    ) -> Result<DescribeDeadLettersResponse, Error> {
        let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_DEFAULT);
        let limit = limit.clamp(1, PAGE_DEFAULT);
        let prefix = dead_prefix(cx.caller.account.as_str(), cx.region.as_str());
        let query = page::Query::new("DescribeDeadLetters").part(&prefix);
        let after = match &input.next_token {
            None => None,
            Some(token) => {
                let place = page::open(&self.documents, &query, token)?;
                let (value, key) = place.split_once('\n').ok_or_else(|| Error::internal("a token without a place"))?;
                Some(Entry { value: value.to_owned(), key: key.into() })
            }
        };
        let range = Range { index: BY_DEAD, prefix, after, descending: false, limit: limit + 1 };
        let mut entries = self.documents.range(&range).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let (mut dead_letters, mut bytes, mut last) = (Vec::new(), 0, None);
        for entry in &entries {
            for found in self.documents.load_entries::<Delivery>(BY_DEAD, std::slice::from_ref(entry)).await? {
                bytes += found.value.event.len();
                dead_letters.push(shown(&found.value));
            }
            last = Some(entry);
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        let more = more || last != entries.last();
        let place = last.filter(|_| more).map(|last| [last.value.as_str(), "\n", &*last.key].concat());
        let next_token = place.map(|place| page::seal(&self.documents, &query, &place)).transpose()?;
        Ok(DescribeDeadLettersResponse { dead_letters: Some(dead_letters), next_token })
    }

    /// Begins the deliveries of dead letters anew.
    ///
    /// # Errors
    /// ResourceNotFoundException when one of them is not there: then none is begun.
    pub async fn retry_dead_letters(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: RetryDeadLettersRequest,
    ) -> Result<RetryDeadLettersResponse, Error> {
        retry(|| async {
            let mut batch = Batch::named("retry_dead_letters");
            for dead in self.dead(cx, &input.dead_letter_ids).await? {
                let anew = dead.value.begun_anew(cx.now);
                self.documents.put(&mut batch, Some(&dead), &Arc::new(anew))?;
            }
            cx.commit(&self.documents, batch, done()).await
        })
        .await?;
        Ok(RetryDeadLettersResponse::default())
    }

    /// Forgets dead letters.
    ///
    /// # Errors
    /// ResourceNotFoundException when one of them is not there: then none is forgotten.
    pub async fn drop_dead_letters(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DropDeadLettersRequest,
    ) -> Result<DropDeadLettersResponse, Error> {
        retry(|| async {
            let mut batch = Batch::named("drop_dead_letters");
            for dead in self.dead(cx, &input.dead_letter_ids).await? {
                self.documents.delete(&mut batch, &dead);
            }
            cx.commit(&self.documents, batch, done()).await
        })
        .await?;
        Ok(DropDeadLettersResponse::default())
    }

    /// The dead letters of these ids, each once.
    async fn dead(&self, cx: &Ctx, ids: &[String]) -> Result<Vec<Loaded<Delivery>>, Error> {
        let mut ids: Vec<&String> = ids.iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let prefix = dead_prefix(cx.caller.account.as_str(), cx.region.as_str());
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let dead = self.documents.load::<Delivery>([&prefix, id.as_str()].concat()).await?;
            let dead = dead.filter(|dead| dead.value.dead_ms.is_some());
            let absent = || Error::refused(RESOURCE_NOT_FOUND_EXCEPTION, format!("The dead letter {id} is not there."));
            found.push(dead.ok_or_else(absent)?);
        }
        Ok(found)
    }
}

fn done() -> Done {
    Done { resource_kind: DEAD_LETTER_KIND, ..Done::default() }
}

fn shown(delivery: &Delivery) -> DeadLetter {
    let key = delivery.key();
    let id = key.strip_prefix(dead_prefix(&delivery.account, &delivery.region).as_str()).unwrap_or(&key);
    DeadLetter {
        dead_letter_id: Some(id.to_owned()),
        rule_arn: Some(delivery.rule_arn.clone()),
        target_id: Some(delivery.target.id.clone()),
        target_arn: Some(delivery.target.arn.clone()),
        dead_letter_queue_arn: delivery.target.dead_letter_arn.clone(),
        event: Some(delivery.event.clone()),
        failure: delivery.failure.clone(),
        attempts: i32::try_from(delivery.attempts).ok(),
        begun_date: Some(Timestamp::from_millis(delivery.begun_ms)),
        given_up_date: delivery.dead_ms.map(Timestamp::from_millis),
    }
}
