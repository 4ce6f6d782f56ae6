//! The operations: metric filters, and the one log group.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::Enumeration as _;
use strongroom_wire::logs::{
    DeleteMetricFilterRequest, DescribeLogGroupsRequest, DescribeLogGroupsResponse, DescribeMetricFiltersRequest,
    DescribeMetricFiltersResponse, LogGroup, LogGroupClass, MetricFilterMatchRecord, MetricTransformation,
    PutMetricFilterRequest, TestMetricFilterRequest, TestMetricFilterResponse, errors,
};

use super::filter::{MetricFilter, place};
use super::pattern::{Pattern, Selector};
use super::{LOG_GROUP_KIND, Logs};
use crate::access::{EntityRef, Permit, RequestKeys, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, retry};
use crate::error::Error;
use crate::page::{self, Query};

/// Filters of a log group, at most.
const FILTERS_MAX: usize = 100;
/// Dimensions of a filter, at most.
const DIMENSIONS_MAX: usize = 3;
/// Filters on a page unless the request says how many.
const PAGE_USUAL: usize = 50;

fn invalid(text: impl Into<String>) -> Error {
    Error::refused(errors::INVALID_PARAMETER_EXCEPTION, text)
}

fn no_group() -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, "The specified log group does not exist.")
}

impl Logs {
    /// Leave to do `action` to a log group.
    ///
    /// # Errors
    /// AccessDeniedException; faults.
    pub fn permitted(
        &self,
        cx: &Ctx,
        action: &'static str,
        group: &str,
        request: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        let entity = EntityRef {
            arn: format!("{}:log-stream:", self.group_arn(cx, group)),
            asked: None,
            account: cx.caller.account.clone(),
            tags: Vec::new(),
            boundary: None,
            kind: LOG_GROUP_KIND,
        };
        authorize(cx, action, Resource::Entity(Arc::new(entity)), request)
    }

    fn group_arn(&self, cx: &Ctx, group: &str) -> String {
        format!("arn:{}:logs:{}:{}:log-group:{group}", self.region.partition(), self.region, cx.caller.account)
    }

    fn place(&self, cx: &Ctx) -> String {
        place(cx.caller.account.as_str(), self.region.as_str(), &self.group)
    }

    /// Puts a filter on the trail's log group, in place of one of the same name.
    ///
    /// # Errors
    /// ResourceNotFoundException for other log groups; InvalidParameterException; LimitExceededException; faults.
    pub async fn put_metric_filter(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: PutMetricFilterRequest,
    ) -> Result<(), Error> {
        if input.log_group_name != self.group {
            return Err(no_group());
        }
        let filter = self.filter(cx, input)?;
        let key = filter.key();
        let _turn = self.documents.writer::<MetricFilter>(&self.place(cx)).await?;
        retry(|| async {
            let before = self.documents.load::<MetricFilter>(key.clone()).await?;
            if before.is_none() {
                let present = self.documents.scan::<MetricFilter>(&self.place(cx), None, FILTERS_MAX).await?;
                if present.len() >= FILTERS_MAX {
                    return Err(Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded."));
                }
            }
            let created_ms = before.as_ref().map_or(filter.created_ms, |before| before.value.created_ms);
            let after = Arc::new(MetricFilter { created_ms, ..filter.clone() });
            let mut batch = Batch::named("put_metric_filter");
            self.documents.put(&mut batch, before.as_ref(), &after)?;
            cx.commit(&self.documents, batch, self.done(cx)).await
        })
        .await?;
        self.forget_filters();
        Ok(())
    }

    fn done(&self, cx: &Ctx) -> Done {
        Done { arn: Some(self.group_arn(cx, &self.group)), resource_kind: LOG_GROUP_KIND, ..Done::default() }
    }

    /// The filter that a request puts.
    fn filter(&self, cx: &Ctx, input: PutMetricFilterRequest) -> Result<MetricFilter, Error> {
        Pattern::parse(&input.filter_pattern).map_err(|_| invalid("Invalid filter pattern"))?;
        let beyond = [
            ("applyOnTransformedLogs", input.apply_on_transformed_logs == Some(true)),
            ("fieldSelectionCriteria", input.field_selection_criteria.as_ref().is_some_and(|text| !text.is_empty())),
            ("emitSystemFieldDimensions", input.emit_system_field_dimensions.as_ref().is_some_and(|it| !it.is_empty())),
        ];
        if let Some((name, _)) = beyond.into_iter().find(|(_, is_given)| *is_given) {
            return Err(invalid(format!("The parameter {name} is not supported.")));
        }
        let mut transformations = input.metric_transformations.into_iter();
        let (Some(made), None) = (transformations.next(), transformations.next()) else {
            return Err(invalid("A metric filter has exactly one metric transformation."));
        };
        check(&made)?;
        Ok(MetricFilter {
            account: cx.caller.account.to_string(),
            region: self.region.to_string(),
            group: self.group.clone(),
            name: input.filter_name,
            pattern: input.filter_pattern,
            namespace: made.metric_namespace,
            metric: made.metric_name,
            value: made.metric_value,
            default: made.default_value,
            dimensions: made.dimensions.unwrap_or_default(),
            unit: made.unit.map(|unit| unit.as_str().to_owned()),
            created_ms: cx.now.millis(),
            put_ms: cx.now.millis(),
        })
    }

    /// Takes a filter away.
    ///
    /// # Errors
    /// ResourceNotFoundException; faults.
    pub async fn delete_metric_filter(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteMetricFilterRequest,
    ) -> Result<(), Error> {
        if input.log_group_name != self.group {
            return Err(no_group());
        }
        let key = format!("{}{}", self.place(cx), input.filter_name);
        retry(|| async {
            let found = self.documents.load::<MetricFilter>(key.clone()).await?;
            let absent = || {
                let text = "The specified metric filter does not exist.";
                Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, text)
            };
            let mut batch = Batch::named("delete_metric_filter");
            self.documents.delete(&mut batch, &found.ok_or_else(absent)?);
            cx.commit(&self.documents, batch, self.done(cx)).await
        })
        .await?;
        self.forget_filters();
        Ok(())
    }

    /// The filters of the caller's account, in the order of their names.
    ///
    /// # Errors
    /// ResourceNotFoundException for other log groups; InvalidParameterException; faults.
    pub async fn describe_metric_filters(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeMetricFiltersRequest,
    ) -> Result<DescribeMetricFiltersResponse, Error> {
        if input.log_group_name.as_ref().is_some_and(|group| *group != self.group) {
            return Err(no_group());
        }
        if input.metric_name.is_some() != input.metric_namespace.is_some() {
            return Err(invalid("metricName and metricNamespace must be specified together."));
        }
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let query = Query::new("DescribeMetricFilters")
            .part(&text(&input.filter_name_prefix))
            .part(&text(&input.metric_name))
            .part(&text(&input.metric_namespace));
        let after = match &input.next_token {
            Some(token) => Some(self.opened(&query, token)?),
            None => None,
        };
        let prefix = format!("{}{}", self.place(cx), text(&input.filter_name_prefix));
        let filters = self.documents.scan::<MetricFilter>(&prefix, after.as_deref(), FILTERS_MAX).await?;
        let wanted = |filter: &MetricFilter| {
            input.metric_name.as_ref().is_none_or(|name| filter.metric == *name)
                && input.metric_namespace.as_ref().is_none_or(|namespace| filter.namespace == *namespace)
        };
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_USUAL);
        let mut rest = filters.iter().filter(|filter| wanted(&filter.value)).peekable();
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let next_token = match (page.last(), rest.peek()) {
            (Some(last), Some(_)) => Some(page::seal(&self.documents, &query, &last.value.key())?),
            _ => None,
        };
        let metric_filters = Some(page.into_iter().map(|filter| filter.value.shown()).collect());
        Ok(DescribeMetricFiltersResponse { metric_filters, next_token })
    }

    fn opened(&self, query: &Query, token: &str) -> Result<String, Error> {
        page::open(&self.documents, query, token).map_err(|error| match error {
            Error::Refused(_) => invalid("The specified nextToken is invalid."),
            other => other,
        })
    }

    /// The trail's log group, if the request asks for it.
    ///
    /// # Errors
    /// Faults.
    pub async fn describe_log_groups(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, Error> {
        let arn = self.group_arn(cx, &self.group);
        let is_meant = |named: &String| *named == self.group || named.trim_end_matches(":*") == arn;
        let wanted = input.log_group_name_prefix.as_ref().is_none_or(|prefix| self.group.starts_with(prefix.as_str()))
            && input.log_group_name_pattern.as_ref().is_none_or(|part| self.group.contains(part.as_str()))
            && input.log_group_class.is_none_or(|class| class == LogGroupClass::Standard)
            && input.log_group_identifiers.as_ref().is_none_or(|named| named.iter().any(is_meant));
        let filters = self.documents.scan::<MetricFilter>(&self.place(cx), None, FILTERS_MAX).await?;
        let group = LogGroup {
            log_group_name: Some(self.group.clone()),
            creation_time: Some(0),
            retention_in_days: None,
            metric_filter_count: i32::try_from(filters.len()).ok(),
            arn: Some(format!("{arn}:*")),
            stored_bytes: Some(0),
            kms_key_id: None,
            data_protection_status: None,
            inherited_properties: None,
            log_group_class: Some(LogGroupClass::Standard),
            log_group_arn: Some(arn),
            deletion_protection_enabled: None,
            bearer_token_authentication_enabled: None,
            retention_policy_name: None,
        };
        Ok(DescribeLogGroupsResponse {
            log_groups: Some(if wanted { vec![group] } else { Vec::new() }),
            next_token: None,
        })
    }

    /// Which of some messages a pattern matches.
    ///
    /// # Errors
    /// InvalidParameterException.
    pub fn test_metric_filter(&self, input: &TestMetricFilterRequest) -> Result<TestMetricFilterResponse, Error> {
        let pattern = Pattern::parse(&input.filter_pattern).map_err(|_| invalid("Invalid filter pattern"))?;
        let mut matches = Vec::new();
        for (at, message) in input.log_event_messages.iter().enumerate() {
            let json = serde_json::from_str(message).ok();
            if pattern.matches(message, json.as_ref()) {
                let extracted = json.as_ref().map(|json| pattern.extracted(json)).unwrap_or_default();
                matches.push(MetricFilterMatchRecord {
                    event_number: i64::try_from(at + 1).ok(),
                    event_message: Some(message.clone()),
                    extracted_values: Some(extracted.into_iter().collect()),
                });
            }
        }
        Ok(TestMetricFilterResponse { matches: Some(matches) })
    }
}

fn check(made: &MetricTransformation) -> Result<(), Error> {
    let is_place = |text: &str| Selector::parse(text).is_ok();
    let is_number = made.metric_value.parse::<f64>().is_ok_and(f64::is_finite);
    if !is_number && !is_place(&made.metric_value) {
        return Err(invalid(
            "Invalid metric transformation: metricValue is neither a number nor a place of the event.",
        ));
    }
    if made.metric_namespace.starts_with("AWS/") {
        return Err(invalid("Invalid metric transformation: the namespace is reserved."));
    }
    let Some(dimensions) = made.dimensions.as_ref().filter(|dimensions| !dimensions.is_empty()) else { return Ok(()) };
    if made.default_value.is_some() {
        let text = "Invalid metric transformation: dimensions and default value are mutually exclusive properties.";
        return Err(invalid(text));
    }
    if dimensions.len() > DIMENSIONS_MAX || !dimensions.values().all(|at| is_place(at)) {
        return Err(invalid("Invalid metric transformation: dimensions are at most three places of the event."));
    }
    Ok(())
}
