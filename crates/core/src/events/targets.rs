//! Targets: put on rules, listed, removed.

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_patterns::{Path, Template};
use strongroom_wire::events::{
    DeadLetterConfig, HttpParameters, InputTransformer, ListRuleNamesByTargetRequest, ListRuleNamesByTargetResponse,
    ListTargetsByRuleRequest, ListTargetsByRuleResponse, PutTargetsRequest, PutTargetsResponse, RemoveTargetsRequest,
    RemoveTargetsResponse, RetryPolicy, Target as Shown,
};

use super::named::{check_bus, check_header, own_arn};
use super::rule::{Http, Rule, Target, Transformer};
use super::{Events, refusals};
use crate::access::{Permit, without_keys};
use crate::ctx::Ctx;
use crate::error::Error;

/// Targets of a rule, at most (EventBridge's quotas).
const TARGETS_MAX: usize = 5;

without_keys!(ListRuleNamesByTargetRequest, ListTargetsByRuleRequest, RemoveTargetsRequest);

/// What a target is, by its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A function of Lambda.
    Function,
    /// An API destination: an endpoint of HTTP.
    Destination,
    /// A log group of CloudWatch Logs: the server's log.
    Log,
}

/// What the target of an ARN is, for the account and region of `rule_arn`; none for what is no target here.
#[must_use]
pub fn kind_of(arn: &str, rule_arn: &str) -> Option<TargetKind> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let own: Vec<&str> = rule_arn.splitn(6, ':').collect();
    let ([_, partition, service, region, account, resource], [_, own_partition, _, own_region, own_account, _]) =
        (parts.as_slice(), own.as_slice())
    else {
        return None;
    };
    if (partition, region, account) != (own_partition, own_region, own_account) {
        return None;
    }
    match *service {
        "lambda" if resource.starts_with("function:") => Some(TargetKind::Function),
        "events" if resource.starts_with("api-destination/") => Some(TargetKind::Destination),
        "logs" if resource.starts_with("log-group:") => Some(TargetKind::Log),
        _ => None,
    }
}

impl Events {
    /// Adds targets to a rule, or changes those of the same ids.
    ///
    /// # Errors
    /// ResourceNotFoundException, LimitExceededException; ValidationException for what can be no target here;
    /// AccessDeniedException for a role that may not be passed.
    pub async fn put_targets(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: PutTargetsRequest,
    ) -> Result<PutTargetsResponse, Error> {
        let rule_arn = self.rule(cx, permit).await?.value.arn();
        let mut targets = Vec::with_capacity(input.targets.len());
        for asked in input.targets {
            let target = checked(cx, &rule_arn, asked)?;
            if let Some(role_arn) = &target.role_arn {
                self.functions.check_events_role(cx, role_arn, &rule_arn).await?;
            }
            if kind_of(&target.arn, &rule_arn) == Some(TargetKind::Destination)
                && self.destination_of(&target.arn).await?.is_none()
            {
                return Err(refusals::not_valid(&target.arn, "The API destination does not exist."));
            }
            targets.push(target);
        }
        let change = |rule: &mut Rule| {
            for target in &targets {
                match rule.targets.iter_mut().find(|other| other.id == target.id) {
                    Some(other) => *other = target.clone(),
                    None => rule.targets.push(target.clone()),
                }
            }
            if rule.targets.len() > TARGETS_MAX {
                return Err(refusals::limit());
            }
            Ok(PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
        };
        self.change_rule(cx, permit, "put_targets", change, |_| None).await
    }

    /// Takes targets off a rule; those that are not there are no error.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn remove_targets(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: RemoveTargetsRequest,
    ) -> Result<RemoveTargetsResponse, Error> {
        let change = |rule: &mut Rule| {
            rule.targets.retain(|target| !input.ids.contains(&target.id));
            Ok(RemoveTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
        };
        self.change_rule(cx, permit, "remove_targets", change, |_| None).await
    }

    /// The targets of a rule.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn list_targets_by_rule(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: ListTargetsByRuleRequest,
    ) -> Result<ListTargetsByRuleResponse, Error> {
        let rule = self.rule(cx, permit).await?.value;
        // A rule has five at most: always one page.
        let targets = rule.targets.iter().map(shown).collect();
        Ok(ListTargetsByRuleResponse { targets: Some(targets), next_token: None })
    }

    /// The names of the rules that have a target of an ARN.
    ///
    /// # Errors
    /// ResourceNotFoundException for another bus; ValidationException for a token that is none.
    pub async fn list_rule_names_by_target(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListRuleNamesByTargetRequest,
    ) -> Result<ListRuleNamesByTargetResponse, Error> {
        check_bus(cx, input.event_bus_name.as_deref())?;
        let (token, limit) = (input.next_token.as_deref(), input.limit);
        let (rules, next_token) = self.page::<Rule>(cx, "ListRuleNamesByTarget", "", token, limit).await?;
        let has = |rule: &Rule| rule.targets.iter().any(|target| target.arn == input.target_arn);
        let names = rules.iter().filter(|rule| has(rule)).map(|rule| rule.name.clone()).collect();
        Ok(ListRuleNamesByTargetResponse { rule_names: Some(names), next_token })
    }
}

/// A target as it is stored, from what was asked for.
fn checked(cx: &Ctx, rule_arn: &str, asked: Shown) -> Result<Target, Error> {
    let kind = kind_of(&asked.arn, rule_arn).ok_or_else(|| {
        let reason =
            "Targets are functions, API destinations and log groups of the rule's own account and region here.";
        refusals::not_valid(&asked.arn, reason)
    })?;
    let foreign = asked.kinesis_parameters.is_some()
        || asked.run_command_parameters.is_some()
        || asked.ecs_parameters.is_some()
        || asked.batch_parameters.is_some()
        || asked.sqs_parameters.is_some()
        || asked.redshift_data_parameters.is_some()
        || asked.sage_maker_pipeline_parameters.is_some()
        || asked.app_sync_parameters.is_some();
    let wrong = |reason: &str| Err(refusals::not_valid(&asked.arn, reason));
    if foreign || (asked.http_parameters.is_some() && kind != TargetKind::Destination) {
        return wrong("It has parameters that are for targets of another kind.");
    }
    if asked.role_arn.is_some() && kind != TargetKind::Destination {
        return Err(refusals::invalid(format!("RoleArn is not supported for target {}.", asked.arn)));
    }
    let inputs = [asked.input.is_some(), asked.input_path.is_some(), asked.input_transformer.is_some()];
    if inputs.iter().filter(|given| **given).count() > 1 {
        return wrong("Only one of Input, InputPath, or InputTransformer must be provided");
    }
    if asked.input.as_deref().is_some_and(|input| serde_json::from_str::<Value>(input).is_err()) {
        return wrong("JSON syntax error in Input");
    }
    if let Some(path) = &asked.input_path {
        Path::parse(path).map_err(|fault| refusals::not_valid("InputPath", &fault.to_string()))?;
    }
    let http = asked.http_parameters.map(http);
    http.iter().flat_map(|http| http.headers.keys()).try_for_each(|name| check_header("HeaderParameters", name))?;
    let transformer = asked.input_transformer.map(transformer).transpose()?;
    let dead_letter_arn = asked.dead_letter_config.and_then(|config| config.arn);
    if let Some(queue) = &dead_letter_arn {
        let own = own_arn(cx, &[]).replacen(":events:", ":sqs:", 1);
        if !queue.strip_prefix(&own).is_some_and(|name| !name.is_empty() && !name.contains(':')) {
            return Err(refusals::not_valid(
                queue,
                "Dead-letter queues are queues of the rule's own account and region.",
            ));
        }
    }
    let policy = asked.retry_policy.unwrap_or_default();
    Ok(Target {
        id: asked.id,
        arn: asked.arn,
        role_arn: asked.role_arn,
        input: asked.input,
        input_path: asked.input_path,
        transformer,
        http,
        dead_letter_arn,
        retries_max: policy.maximum_retry_attempts,
        age_s_max: policy.maximum_event_age_in_seconds,
    })
}

fn transformer(asked: InputTransformer) -> Result<Transformer, Error> {
    let paths = asked.input_paths_map.unwrap_or_default();
    Template::parse(&asked.input_template, &paths)
        .map_err(|fault| refusals::not_valid("InputTransformer", &fault.to_string()))?;
    Ok(Transformer { paths, template: asked.input_template })
}

fn http(asked: HttpParameters) -> Http {
    Http {
        path_values: asked.path_parameter_values.unwrap_or_default(),
        headers: asked.header_parameters.unwrap_or_default(),
        query: asked.query_string_parameters.unwrap_or_default(),
    }
}

/// A target as it is shown.
fn shown(target: &Target) -> Shown {
    let filled = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
    let retry =
        RetryPolicy { maximum_retry_attempts: target.retries_max, maximum_event_age_in_seconds: target.age_s_max };
    Shown {
        id: target.id.clone(),
        arn: target.arn.clone(),
        role_arn: target.role_arn.clone(),
        input: target.input.clone(),
        input_path: target.input_path.clone(),
        input_transformer: target.transformer.as_ref().map(|transformer| InputTransformer {
            input_paths_map: filled(&transformer.paths),
            input_template: transformer.template.clone(),
        }),
        http_parameters: target.http.as_ref().map(|http| HttpParameters {
            path_parameter_values: (!http.path_values.is_empty()).then(|| http.path_values.clone()),
            header_parameters: filled(&http.headers),
            query_string_parameters: filled(&http.query),
        }),
        dead_letter_config: target.dead_letter_arn.as_ref().map(|arn| DeadLetterConfig { arn: Some(arn.clone()) }),
        retry_policy: (target.retries_max.is_some() || target.age_s_max.is_some()).then_some(retry),
        ..Shown::default()
    }
}
