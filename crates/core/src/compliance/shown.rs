//! Rules, verdicts and counts in the shapes of Config's API.

use std::collections::BTreeMap;

use strongroom_types::{AccountId, Region, Timestamp};
use strongroom_wire::config::{
    self, ComplianceContributorCount, ComplianceType, ConfigRule, ConfigRuleEvaluationStatus, ConfigRuleState,
    EvaluationResult, EvaluationResultIdentifier, EvaluationResultQualifier, EventSource, MaximumExecutionFrequency,
    MessageType, Owner, Scope, Source, SourceDetail,
};

use super::judged::{Judged, StoredVerdict};
use super::{Compliance, Parameters, Progress, Rule};
use crate::secrets::RESOURCE_KIND;

/// Above this, Config says that there are more, and not how many.
pub(super) const CAP: usize = 25;

/// Config's words for a verdict.
pub(super) const fn compliance_type(compliance: Compliance) -> ComplianceType {
    match compliance {
        Compliance::NonCompliant => ComplianceType::NonCompliant,
        Compliance::Compliant => ComplianceType::Compliant,
        Compliance::NotApplicable => ComplianceType::NotApplicable,
    }
}

/// A number as Config tells it.
pub(super) fn capped(count: usize) -> ComplianceContributorCount {
    let shown = i32::try_from(count.min(CAP)).unwrap_or_default();
    ComplianceContributorCount { capped_count: Some(shown), cap_exceeded: Some(count > CAP) }
}

/// What is said of a rule or secret as a whole, with how many say so.
pub(super) fn compliance(of: Option<(Compliance, usize)>) -> config::Compliance {
    config::Compliance {
        compliance_type: Some(of.map_or(ComplianceType::InsufficientData, |(said, _)| compliance_type(said))),
        compliance_contributor_count: of.map(|(_, count)| capped(count)),
    }
}

/// The last part of the id of a rule: it is the same wherever the rule is.
const fn number(rule: Rule) -> &'static str {
    match rule {
        Rule::RotationEnabled => "secm01",
        Rule::RotationSuccess => "secm02",
        Rule::Unused => "secm03",
        Rule::PeriodicRotation => "secm04",
        Rule::Tagged => "secm05",
        Rule::CustomerKey => "secm06",
    }
}

/// The id of a rule.
pub(super) fn rule_id(rule: Rule) -> String {
    format!("config-rule-{}", number(rule))
}

/// The ARN of a rule.
pub(super) fn arn(rule: Rule, region: &Region, account: &AccountId) -> String {
    format!("arn:{}:config:{region}:{account}:config-rule/{}", region.partition(), rule_id(rule))
}

/// The parameters of a rule, as the managed rule names them; in JSON.
fn input_parameters(rule: Rule, parameters: &Parameters) -> Option<String> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| drop(value.map(|value| named.insert(name.to_owned(), value)));
    match rule {
        Rule::RotationEnabled => {
            put("maximumAllowedRotationFrequency", parameters.rotation_days_max.map(|days| days.to_string()));
            put("maximumAllowedRotationFrequencyInHours", parameters.rotation_hours_max.map(|hours| hours.to_string()));
        }
        Rule::RotationSuccess => {}
        Rule::Unused => put("unusedForDays", Some(parameters.unused_days_max.to_string())),
        Rule::PeriodicRotation => put("maxDaysSinceRotation", Some(parameters.since_rotation_days_max.to_string())),
        Rule::Tagged => put("requiredTagKeys", joined(&parameters.required_tags)),
        Rule::CustomerKey => put("kmsKeyArns", joined(&parameters.kms_keys)),
    }
    // Config's bound for the whole is 1024 characters.
    if named.is_empty() { None } else { serde_json::to_string(&named).ok().filter(|text| text.len() <= 1024) }
}

fn joined(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(","))
}

/// Whether AWS asks the rule when time has passed, and not when something has changed.
const fn is_periodic(rule: Rule) -> bool {
    matches!(rule, Rule::Unused | Rule::PeriodicRotation)
}

/// A rule as DescribeConfigRules shows it.
pub(super) fn rule(rule: Rule, parameters: &Parameters, region: &Region, account: &AccountId) -> ConfigRule {
    let frequency = is_periodic(rule).then_some(MaximumExecutionFrequency::TwentyFourHours);
    let message = if is_periodic(rule) {
        MessageType::ScheduledNotification
    } else {
        MessageType::ConfigurationItemChangeNotification
    };
    let detail = SourceDetail {
        event_source: Some(EventSource::AwsConfig),
        message_type: Some(message),
        maximum_execution_frequency: frequency,
    };
    ConfigRule {
        config_rule_name: Some(rule.name().to_owned()),
        config_rule_arn: Some(arn(rule, region, account)),
        config_rule_id: Some(rule_id(rule)),
        description: Some(rule.description().to_owned()),
        scope: Some(Scope { compliance_resource_types: Some(vec![RESOURCE_KIND.to_owned()]), ..Scope::default() }),
        source: Source {
            owner: Owner::Aws,
            source_identifier: Some(rule.identifier().to_owned()),
            source_details: Some(vec![detail]),
            custom_policy_details: None,
        },
        input_parameters: input_parameters(rule, parameters),
        maximum_execution_frequency: frequency,
        config_rule_state: Some(ConfigRuleState::Active),
        created_by: None,
        evaluation_modes: None,
        rule_evaluation_visibility: None,
    }
}

/// How the evaluation of a rule stands.
pub(super) fn status(
    rule: Rule,
    progress: &Progress,
    region: &Region,
    account: &AccountId,
) -> ConfigRuleEvaluationStatus {
    let last = progress.judged_ms.map(Timestamp::from_millis);
    ConfigRuleEvaluationStatus {
        config_rule_name: Some(rule.name().to_owned()),
        config_rule_arn: Some(arn(rule, region, account)),
        config_rule_id: Some(rule_id(rule)),
        last_successful_invocation_time: last,
        last_successful_evaluation_time: last,
        first_activated_time: progress.began_ms.map(Timestamp::from_millis),
        first_evaluation_started: Some(progress.began_ms.is_some()),
        ..ConfigRuleEvaluationStatus::default()
    }
}

/// A verdict as Config's details show it. `changed` is when the secret last changed.
pub(super) fn result(
    rule: Rule,
    judged: &Judged,
    verdict: &StoredVerdict,
    compliance: Compliance,
    changed: Timestamp,
) -> EvaluationResult {
    let qualifier = EvaluationResultQualifier {
        config_rule_name: Some(rule.name().to_owned()),
        resource_type: Some(RESOURCE_KIND.to_owned()),
        resource_id: Some(judged.arn.clone()),
        evaluation_mode: None,
    };
    EvaluationResult {
        evaluation_result_identifier: Some(EvaluationResultIdentifier {
            evaluation_result_qualifier: Some(qualifier),
            ordering_timestamp: Some(changed),
            resource_evaluation_id: None,
        }),
        compliance_type: Some(compliance_type(compliance)),
        result_recorded_time: Some(verdict.since()),
        config_rule_invoked_time: Some(verdict.since()),
        annotation: Some(verdict.annotation.clone()),
        result_token: None,
    }
}
