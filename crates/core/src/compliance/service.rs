//! The operations of Config that tell of rules and of what they say, from the verdicts that are kept.

use std::sync::Arc;

use strongroom_store::{Entry, Range};
use strongroom_types::{AccountId, Arn, Region, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::config::{
    ComplianceByConfigRule, ComplianceByResource, ComplianceSummary, ComplianceType,
    DescribeComplianceByConfigRuleRequest, DescribeComplianceByConfigRuleResponse, DescribeComplianceByResourceRequest,
    DescribeComplianceByResourceResponse, DescribeConfigRuleEvaluationStatusRequest,
    DescribeConfigRuleEvaluationStatusResponse, DescribeConfigRulesRequest, DescribeConfigRulesResponse,
    EvaluationMode, EvaluationResult, GetComplianceDetailsByConfigRuleRequest,
    GetComplianceDetailsByConfigRuleResponse, GetComplianceDetailsByResourceRequest,
    GetComplianceDetailsByResourceResponse, GetComplianceSummaryByConfigRuleResponse,
    StartConfigRulesEvaluationRequest, StartConfigRulesEvaluationResponse,
};

use super::judged::{BY_VERDICT, Judged, verdict_prefix};
use super::{Compliance, Judge, Rule, refusals, shown};
use crate::access::{Permit, RequestKeys};
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;
use crate::page;
use crate::secrets::RESOURCE_KIND;
use crate::secrets::model::{Secret, place};

/// How records name the type of a rule.
pub const RULE_KIND: &str = "AWS::Config::ConfigRule";
/// Results on a page when the request does not say (Config's API reference).
const PAGE_DEFAULT: usize = 10;
/// Results on a page at most.
const PAGE_MAX: usize = 100;
/// Verdicts that are looked at for a page of those that no index has.
const LOOKED_AT_MAX: usize = 1000;
/// Length of what ends a secret's ARN: a hyphen and six characters.
const SUFFIX_LENGTH: usize = 7;

macro_rules! without_keys {
    ($($request:ty),+ $(,)?) => { $(impl RequestKeys for $request {})+ };
}

without_keys!(
    DescribeComplianceByConfigRuleRequest,
    DescribeComplianceByResourceRequest,
    DescribeConfigRuleEvaluationStatusRequest,
    DescribeConfigRulesRequest,
    GetComplianceDetailsByConfigRuleRequest,
    GetComplianceDetailsByResourceRequest,
    StartConfigRulesEvaluationRequest,
);

/// The ARN of the rule that is called `name`.
///
/// # Errors
/// NoSuchConfigRuleException.
pub fn rule_arn(name: &str, region: &Region, account: &AccountId) -> Result<String, Error> {
    rule_named(name).map(|rule| shown::arn(rule, region, account))
}

/// The rule of a name, to the letter as Config takes names.
fn rule_named(name: &str) -> Result<Rule, Error> {
    Rule::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| refusals::no_such_rule(name))
}

/// The rules that are asked for; all when none is.
fn rules_named(names: Option<&[String]>) -> Result<Vec<Rule>, Error> {
    match names {
        Some(names) if !names.is_empty() => names.iter().map(|name| rule_named(name)).collect(),
        _ => Ok(Rule::ALL.to_vec()),
    }
}

/// All rules fit on one page, so that no token of ours is ever one of these operations'.
fn no_token(token: Option<&String>) -> Result<(), Error> {
    if token.is_some() { Err(refusals::invalid_token()) } else { Ok(()) }
}

fn is_wanted(types: Option<&[ComplianceType]>, compliance: &ComplianceType) -> bool {
    types.is_none_or(|types| types.is_empty() || types.contains(compliance))
}

impl Judge {
    /// What each rule says of the secrets as a whole.
    ///
    /// # Errors
    /// NoSuchConfigRuleException, InvalidNextTokenException.
    pub async fn describe_compliance_by_config_rule(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeComplianceByConfigRuleRequest,
    ) -> Result<DescribeComplianceByConfigRuleResponse, Error> {
        no_token(input.next_token.as_ref())?;
        let mut told = Vec::new();
        for rule in rules_named(input.config_rule_names.as_deref())? {
            let compliance = shown::compliance(self.as_a_whole(cx, rule).await?);
            let said = compliance.compliance_type.unwrap_or(ComplianceType::InsufficientData);
            if is_wanted(input.compliance_types.as_deref(), &said) {
                let config_rule_name = Some(rule.name().to_owned());
                told.push(ComplianceByConfigRule { config_rule_name, compliance: Some(compliance) });
            }
        }
        Ok(DescribeComplianceByConfigRuleResponse { compliance_by_config_rules: Some(told), next_token: None })
    }

    /// What a rule says of each secret.
    ///
    /// # Errors
    /// NoSuchConfigRuleException, InvalidNextTokenException.
    pub async fn get_compliance_details_by_config_rule(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetComplianceDetailsByConfigRuleRequest,
    ) -> Result<GetComplianceDetailsByConfigRuleResponse, Error> {
        let rule = rule_named(&input.config_rule_name)?;
        let types = input.compliance_types.as_deref();
        let wanted: Vec<Compliance> = match types {
            // What a rule is not about is told only if it is asked for.
            None | Some([]) => vec![Compliance::NonCompliant, Compliance::Compliant],
            Some(types) => Compliance::ALL
                .into_iter()
                .filter(|compliance| types.contains(&shown::compliance_type(*compliance)))
                .collect(),
        };
        let mut query = page::Query::new("GetComplianceDetailsByConfigRule").part(rule.name());
        for compliance in &wanted {
            query = query.part(compliance.as_str());
        }
        let query = query.part(cx.caller.account.as_str());
        let limit = limit(input.limit);
        let mut place = match &input.next_token {
            Some(token) => Some(page::open(self.documents(), &query, token).map_err(|_| refusals::invalid_token())?),
            None => None,
        };
        let mut results = Vec::new();
        for compliance in wanted {
            // A place is the verdict that the page ended in, and the key that it ended with.
            let after = match &place {
                Some(text) => match text.split_once(' ') {
                    Some((named, key)) if named == compliance.as_str() => Some(key.to_owned()),
                    _ => continue,
                },
                None => None,
            };
            place = None;
            let stretch = self.stretch(cx, rule, compliance, after, limit - results.len()).await?;
            for judged in &stretch.found {
                results.extend(self.result(rule, judged).await?);
            }
            if let Some(last) = stretch.goes_on_behind {
                let next = page::seal(self.documents(), &query, &format!("{} {last}", compliance.as_str()))?;
                return Ok(GetComplianceDetailsByConfigRuleResponse {
                    evaluation_results: Some(results),
                    next_token: Some(next),
                });
            }
        }
        Ok(GetComplianceDetailsByConfigRuleResponse { evaluation_results: Some(results), next_token: None })
    }

    /// What the rules say of secrets, each as a whole.
    ///
    /// # Errors
    /// InvalidParameterValueException, InvalidNextTokenException.
    pub async fn describe_compliance_by_resource(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeComplianceByResourceRequest,
    ) -> Result<DescribeComplianceByResourceResponse, Error> {
        let answer = |told: Vec<ComplianceByResource>, next_token| {
            Ok(DescribeComplianceByResourceResponse { compliance_by_resources: Some(told), next_token })
        };
        if input.resource_id.is_some() && input.resource_type.is_none() {
            return Err(refusals::invalid("You must specify a resource type if you specify a resource ID."));
        }
        // Of other types there is nothing here.
        if input.resource_type.as_deref().is_some_and(|kind| kind != RESOURCE_KIND) {
            return answer(Vec::new(), None);
        }
        let types = input.compliance_types.as_deref();
        if let Some(id) = &input.resource_id {
            let found = self.judged_by_arn(cx, id).await?;
            return answer(found.iter().filter_map(|judged| by_resource(judged, types)).collect(), None);
        }
        let query = page::Query::new("DescribeComplianceByResource").part(cx.caller.account.as_str());
        let query = types.unwrap_or_default().iter().fold(query, |query, kind| query.part(kind.as_str()));
        let mut after = match &input.next_token {
            Some(token) => Some(page::open(self.documents(), &query, token).map_err(|_| refusals::invalid_token())?),
            None => None,
        };
        let (limit, mut told, mut looked_at) = (limit(input.limit), Vec::new(), 0);
        let prefix = place(cx.caller.account.as_str(), cx.region.as_str());
        loop {
            let page = self.documents().scan::<Judged>(&prefix, after.as_deref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX;
            for (at, judged) in page.iter().enumerate() {
                told.extend(by_resource(&judged.value, types));
                after = Some(judged.value.key.clone());
                if told.len() == limit && !(is_last && at + 1 == page.len()) {
                    return answer(told, Some(page::seal(self.documents(), &query, &judged.value.key)?));
                }
            }
            looked_at += page.len();
            if is_last {
                return answer(told, None);
            }
            if let Some(last) = after.as_ref().filter(|_| looked_at >= LOOKED_AT_MAX) {
                return answer(told, Some(page::seal(self.documents(), &query, last)?));
            }
        }
    }

    /// What each rule says of a secret.
    ///
    /// # Errors
    /// InvalidParameterValueException, InvalidNextTokenException.
    pub async fn get_compliance_details_by_resource(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetComplianceDetailsByResourceRequest,
    ) -> Result<GetComplianceDetailsByResourceResponse, Error> {
        no_token(input.next_token.as_ref())?;
        let (Some(kind), Some(id)) = (&input.resource_type, &input.resource_id) else {
            return Err(refusals::invalid("You must specify both the resource type and the resource ID."));
        };
        if input.resource_evaluation_id.is_some() {
            return Err(refusals::invalid("There are no proactive evaluations."));
        }
        let found = if kind == RESOURCE_KIND { self.judged_by_arn(cx, id).await? } else { None };
        let mut results = Vec::new();
        if let Some(judged) = &found {
            for rule in Rule::ALL {
                results.extend(self.result(rule, judged).await?);
            }
        }
        let types = input.compliance_types.as_deref();
        let told = |result: &EvaluationResult| match (&result.compliance_type, types) {
            (Some(ComplianceType::NotApplicable), None | Some([])) => false,
            (Some(said), types) => is_wanted(types, said),
            (None, _) => false,
        };
        results.retain(told);
        Ok(GetComplianceDetailsByResourceResponse { evaluation_results: Some(results), next_token: None })
    }

    /// How many rules are kept and how many broken.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn get_compliance_summary_by_config_rule(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        (): (),
    ) -> Result<GetComplianceSummaryByConfigRuleResponse, Error> {
        let (mut kept, mut broken) = (0, 0);
        for rule in Rule::ALL {
            match self.as_a_whole(cx, rule).await? {
                Some((Compliance::NonCompliant, _)) => broken += 1,
                Some((Compliance::Compliant, _)) => kept += 1,
                _ => {}
            }
        }
        let summary = ComplianceSummary {
            compliant_resource_count: Some(shown::capped(kept)),
            non_compliant_resource_count: Some(shown::capped(broken)),
            compliance_summary_timestamp: Some(cx.now),
        };
        Ok(GetComplianceSummaryByConfigRuleResponse { compliance_summary: Some(summary) })
    }

    /// The rules.
    ///
    /// # Errors
    /// NoSuchConfigRuleException, InvalidNextTokenException.
    pub async fn describe_config_rules(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeConfigRulesRequest,
    ) -> Result<DescribeConfigRulesResponse, Error> {
        no_token(input.next_token.as_ref())?;
        let rules = rules_named(input.config_rule_names.as_deref())?;
        let mode = input.filters.and_then(|filters| filters.evaluation_mode);
        let shown = |rule: Rule| shown::rule(rule, self.parameters(), &cx.region, &cx.caller.account);
        // No rule looks at what is yet to be made.
        let told = if mode == Some(EvaluationMode::Proactive) { Vec::new() } else { rules };
        Ok(DescribeConfigRulesResponse { config_rules: Some(told.into_iter().map(shown).collect()), next_token: None })
    }

    /// When the rules were last asked.
    ///
    /// # Errors
    /// NoSuchConfigRuleException, InvalidNextTokenException.
    pub async fn describe_config_rule_evaluation_status(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeConfigRuleEvaluationStatusRequest,
    ) -> Result<DescribeConfigRuleEvaluationStatusResponse, Error> {
        no_token(input.next_token.as_ref())?;
        let progress = self.progress().await?;
        let status = |rule: Rule| shown::status(rule, &progress, &cx.region, &cx.caller.account);
        let rules = rules_named(input.config_rule_names.as_deref())?;
        Ok(DescribeConfigRuleEvaluationStatusResponse {
            config_rules_evaluation_status: Some(rules.into_iter().map(status).collect()),
            next_token: None,
        })
    }

    /// Asks all rules of all secrets soon, whichever are named: a secret is judged by all at once.
    ///
    /// # Errors
    /// NoSuchConfigRuleException.
    pub async fn start_config_rules_evaluation(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: StartConfigRulesEvaluationRequest,
    ) -> Result<StartConfigRulesEvaluationResponse, Error> {
        rules_named(input.config_rule_names.as_deref())?;
        self.ask(cx.now).await?;
        Ok(StartConfigRulesEvaluationResponse {})
    }

    /// What a rule says as a whole, and of how many secrets, counted up to where Config stops; nothing when it says
    /// nothing of any.
    async fn as_a_whole(&self, cx: &Ctx, rule: Rule) -> Result<Option<(Compliance, usize)>, Error> {
        for compliance in [Compliance::NonCompliant, Compliance::Compliant] {
            let range = range(cx, rule, compliance, None, shown::CAP + 1);
            let count = self.documents().range(&range).await?.len();
            if count > 0 {
                return Ok(Some((compliance, count)));
            }
        }
        Ok(None)
    }

    /// Secrets of which a rule says `compliance`, behind the key `after`.
    async fn stretch(
        &self,
        cx: &Ctx,
        rule: Rule,
        compliance: Compliance,
        after: Option<String>,
        limit: usize,
    ) -> Result<Stretch, Error> {
        if compliance == Compliance::NotApplicable {
            return self.stretch_without_index(cx, rule, after, limit).await;
        }
        let prefix = verdict_prefix(cx.caller.account.as_str(), cx.region.as_str(), rule, compliance);
        let own = place(cx.caller.account.as_str(), cx.region.as_str());
        let after = after.map(|key| {
            let name = key.strip_prefix(&own).unwrap_or_default();
            Entry { value: [&prefix, name].concat(), key: key.as_str().into() }
        });
        let entries = self.documents().range(&range(cx, rule, compliance, after, limit + 1)).await?;
        let (shown, rest) = entries.split_at(limit.min(entries.len()));
        let goes_on_behind = shown.last().filter(|_| !rest.is_empty()).map(|last| last.key.to_string());
        let found = self.documents().load_entries::<Judged>(BY_VERDICT, shown).await?;
        Ok(Stretch { found: values(found), goes_on_behind })
    }

    /// The same for what no index has: looks at verdicts one by one, a bounded number of them.
    async fn stretch_without_index(
        &self,
        cx: &Ctx,
        rule: Rule,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<Stretch, Error> {
        let prefix = place(cx.caller.account.as_str(), cx.region.as_str());
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let page = self.documents().scan::<Judged>(&prefix, after.as_deref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX;
            looked_at += page.len();
            for judged in values(page) {
                if found.len() == limit {
                    return Ok(Stretch { found, goes_on_behind: after });
                }
                after = Some(judged.key.clone());
                if judged.of(rule).is_some_and(|verdict| verdict.compliance() == Some(Compliance::NotApplicable)) {
                    found.push(judged);
                }
            }
            if is_last || looked_at >= LOOKED_AT_MAX {
                return Ok(Stretch { found, goes_on_behind: after.filter(|_| !is_last) });
            }
        }
    }

    /// The verdicts on the caller's secret of this ARN.
    async fn judged_by_arn(&self, cx: &Ctx, id: &str) -> Result<Option<Arc<Judged>>, Error> {
        let arn = Arn::parse(id).ok();
        let resource = arn.as_ref().filter(|arn| arn.account == cx.caller.account.as_str());
        let name = resource.and_then(|arn| arn.resource.strip_prefix("secret:"));
        let name = name.and_then(|name| name.get(..name.len().checked_sub(SUFFIX_LENGTH)?));
        let Some(name) = name else { return Ok(None) };
        let key = place(cx.caller.account.as_str(), cx.region.as_str()) + name;
        let found = self.documents().load::<Judged>(key).await?;
        Ok(found.map(|found| found.value).filter(|judged| judged.arn == id))
    }

    async fn result(&self, rule: Rule, judged: &Judged) -> Result<Option<EvaluationResult>, Error> {
        let Some(verdict) = judged.of(rule) else { return Ok(None) };
        let Some(compliance) = verdict.compliance() else { return Ok(None) };
        // A secret that is gone is forgotten soon.
        let Some(secret) = self.documents().load::<Secret>(judged.key.as_str()).await? else { return Ok(None) };
        let changed = Timestamp::from_millis(secret.value.changed_ms);
        Ok(Some(shown::result(rule, judged, verdict, compliance, changed)))
    }
}

/// A part of a list.
struct Stretch {
    found: Vec<Arc<Judged>>,
    /// The key that the next part begins behind; none at the end.
    goes_on_behind: Option<String>,
}

fn values(loaded: Vec<Loaded<Judged>>) -> Vec<Arc<Judged>> {
    loaded.into_iter().map(|loaded| loaded.value).collect()
}

fn range(cx: &Ctx, rule: Rule, compliance: Compliance, after: Option<Entry>, limit: usize) -> Range {
    let prefix = verdict_prefix(cx.caller.account.as_str(), cx.region.as_str(), rule, compliance);
    Range { index: BY_VERDICT, prefix, after, descending: false, limit }
}

/// How many results a page has: 0 stands for the default.
fn limit(asked: Option<i32>) -> usize {
    let asked = asked.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    asked.map_or(PAGE_DEFAULT, |limit| limit.min(PAGE_MAX))
}

/// What the rules say of a secret as a whole, if that is wanted.
fn by_resource(judged: &Arc<Judged>, types: Option<&[ComplianceType]>) -> Option<ComplianceByResource> {
    let count = |wanted| judged.verdicts.iter().filter(|verdict| verdict.compliance() == Some(wanted)).count();
    let whole = match (count(Compliance::NonCompliant), count(Compliance::Compliant)) {
        (0, 0) => None,
        (0, kept) => Some((Compliance::Compliant, kept)),
        (broken, _) => Some((Compliance::NonCompliant, broken)),
    };
    let compliance = shown::compliance(whole);
    let is_wanted = compliance.compliance_type.as_ref().is_some_and(|said| is_wanted(types, said));
    is_wanted.then(|| ComplianceByResource {
        resource_type: Some(RESOURCE_KIND.to_owned()),
        resource_id: Some(judged.arn.clone()),
        compliance: Some(compliance),
    })
}
