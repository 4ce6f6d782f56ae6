//! BatchGetSecretValue (specification §3.5): many values at once, a failure of one told beside the others.

use std::sync::Arc;

use strongroom_types::SecretBytes;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{
    APIErrorType, BatchGetSecretValueRequest, BatchGetSecretValueResponse, GetSecretValueRequest,
    GetSecretValueResponse, Operation, SecretValueEntry,
};

use super::search::PAGE_BYTES_MAX;
use super::{RESOURCE_KIND, Secrets, refusals};
use crate::access::{Permit, Resource, authorize};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::record::{Outcome, Resource as RecordedResource};

/// Values on a page when the caller does not say.
const PAGE_DEFAULT: usize = 20;

/// What was read for a page so far.
#[derive(Default)]
struct Read {
    values: Vec<SecretValueEntry>,
    errors: Vec<APIErrorType>,
    /// Bytes of the values.
    bytes: usize,
}

impl Secrets {
    /// The current values of the listed secrets, or of those that pass the filters.
    ///
    /// # Errors
    /// InvalidParameter for a wrong choice of selectors, InvalidNextToken. What fails for one secret stands in the
    /// answer's `Errors`.
    pub async fn batch_get_secret_value(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: BatchGetSecretValueRequest,
    ) -> Result<BatchGetSecretValueResponse, Error> {
        let ids = input.secret_id_list.unwrap_or_default();
        let filters = input.filters.unwrap_or_default();
        let page = match (ids.is_empty(), filters.is_empty()) {
            (false, true) if input.max_results.is_some() => return Err(refusals::batch_page_without_filters()),
            (false, true) => None,
            (true, false) => {
                authorize(cx, Operation::ListSecrets.action(), Resource::Account, &())?;
                let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_DEFAULT);
                Some(self.filtered_arns(cx, &filters, limit, input.next_token.as_deref()).await?)
            }
            _ => return Err(refusals::batch_selectors()),
        };
        let mut read = Read::default();
        let mut next_token = None;
        if let Some(page) = page {
            let mut cut = None;
            for (at, (place, arn)) in page.arns.iter().enumerate() {
                self.get_into(cx, arn, &mut read).await?;
                if read.bytes >= PAGE_BYTES_MAX && at + 1 < page.arns.len() {
                    cut = Some(place);
                    break;
                }
            }
            next_token = self.token_behind(&page, cut)?;
        }
        for secret_id in ids {
            self.get_into(cx, &secret_id, &mut read).await?;
        }
        Ok(BatchGetSecretValueResponse { secret_values: Some(read.values), errors: Some(read.errors), next_token })
    }

    /// Reads one value, or why it cannot be had.
    async fn get_into(&self, cx: &Ctx, secret_id: &str, read: &mut Read) -> Result<(), Error> {
        match self.get_one(cx, secret_id).await {
            Ok(value) => {
                let text = value.secret_string.as_ref().map_or(0, |text| text.expose().len());
                let binary = value.secret_binary.as_ref().map_or(0, SecretBytes::len);
                read.bytes = read.bytes.saturating_add(text).saturating_add(binary);
                read.values.push(entry(value));
            }
            Err(Error::Refused(refusal)) => read.errors.push(APIErrorType {
                secret_id: Some(secret_id.to_owned()),
                error_code: Some(refusal.code.name.to_owned()),
                message: Some(refusal.message),
            }),
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Reads one value as GetSecretValue does: authorised by itself, with a record of its own.
    async fn get_one(&self, cx: &Ctx, secret_id: &str) -> Result<GetSecretValueResponse, Error> {
        let input = GetSecretValueRequest { secret_id: secret_id.to_owned(), version_id: None, version_stage: None };
        let parameters = record::encode(&input);
        let result = self.get_authorized(cx, input).await;
        let outcome = match &result {
            Ok(value) => {
                let arn = value.arn.clone().unwrap_or_default();
                let account_id = cx.caller.account.to_string();
                let resource = RecordedResource { arn, account_id, kind: RESOURCE_KIND.to_owned() };
                Outcome::Success { response_elements: None, resources: vec![resource] }
            }
            Err(Error::Refused(refusal)) => {
                Outcome::Failure { code: refusal.code.name.to_owned(), message: refusal.message.clone() }
            }
            Err(_) => return result,
        };
        let mut part = cx.record();
        // Why this secret was denied is told in its own record alone.
        cx.amend_record(|record| record.additional_event_data.clear());
        drop(cx.take_denied());
        part.event_id = random_uuid(self.documents.random())?;
        part.event_name = Operation::GetSecretValue.name().into();
        part.request_parameters = Some(parameters);
        self.trail
            .append_aside(part.finish(&outcome))
            .await
            .map_err(|error| Error::internal(format!("the trail cannot be written: {error}")))?;
        result
    }

    async fn get_authorized(&self, cx: &Ctx, input: GetSecretValueRequest) -> Result<GetSecretValueResponse, Error> {
        let secret = Arc::new(self.resolve(cx, &input.secret_id).await?);
        let permit = authorize(cx, Operation::GetSecretValue.action(), Resource::Secret(secret), &input)?;
        self.get_secret_value(cx, &permit, input).await
    }
}

fn entry(value: GetSecretValueResponse) -> SecretValueEntry {
    SecretValueEntry {
        arn: value.arn,
        name: value.name,
        version_id: value.version_id,
        secret_binary: value.secret_binary,
        secret_string: value.secret_string,
        version_stages: value.version_stages,
        created_date: value.created_date,
    }
}
