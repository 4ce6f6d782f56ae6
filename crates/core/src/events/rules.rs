//! Rules: put, described, listed, switched on and off, deleted, tagged.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_patterns::Pattern;
use strongroom_store::Batch;
use strongroom_wire::events::{
    DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse, DisableRuleRequest, EnableRuleRequest,
    ListRulesRequest, ListRulesResponse, ListTagsForResourceRequest, ListTagsForResourceResponse, Operation,
    PutRuleRequest, PutRuleResponse, Rule as Shown, RuleState, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::record;

use super::conditions::TagKeys;
use super::named::{BUS, check_bus, permitted_name};
use super::rule::{RULE_KIND, Rule, document_key};
use super::{Events, refusals};
use crate::access::{Permit, without_keys};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;

/// Rules of a bus, at most (EventBridge's quotas).
const RULES_MAX: usize = 300;
/// Characters of a pattern, at most (EventBridge's quotas).
const PATTERN_CHARS_MAX: usize = 2048;
/// Tags of a rule, at most.
const TAGS_MAX: usize = 50;

without_keys!(
    DeleteRuleRequest,
    DescribeRuleRequest,
    DisableRuleRequest,
    EnableRuleRequest,
    ListRulesRequest,
    ListTagsForResourceRequest,
);

impl Events {
    /// Makes a rule, or changes one; tags are taken at its making alone.
    ///
    /// # Errors
    /// InvalidEventPatternException, LimitExceededException, ValidationException; AccessDeniedException for a role that
    /// may not be passed.
    pub async fn put_rule(&self, cx: &Ctx, permit: &Permit, input: PutRuleRequest) -> Result<PutRuleResponse, Error> {
        if input.schedule_expression.as_deref().is_some_and(|schedule| !schedule.is_empty()) {
            return Err(refusals::not_valid(
                "ScheduleExpression",
                "Rules with a schedule are not offered by this server.",
            ));
        }
        let pattern = input
            .event_pattern
            .filter(|pattern| !pattern.is_empty())
            .ok_or_else(|| refusals::invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."))?;
        if pattern.chars().count() > PATTERN_CHARS_MAX {
            return Err(refusals::too_long("eventPattern", PATTERN_CHARS_MAX));
        }
        Pattern::parse(&pattern).map_err(|fault| refusals::pattern(&fault))?;
        let name = permitted_name(permit, "rule")?;
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            self.permitted_rule(cx, Operation::TagResource.action(), name, None, &TagKeys(input.tags.as_deref()))
                .await?;
        }
        if let Some(role_arn) = &input.role_arn {
            self.functions.check_events_role(cx, role_arn, &super::named::own_arn(cx, &["rule/", name])).await?;
        }
        let new = Rule {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: name.to_owned(),
            pattern,
            state: input.state.unwrap_or(RuleState::Enabled).as_str().to_owned(),
            description: input.description,
            role_arn: input.role_arn,
            tags: with_tags(BTreeMap::new(), input.tags.as_deref().unwrap_or_default())?,
            targets: Vec::new(),
            created_by: cx.caller.account.to_string(),
            created_ms: cx.now.millis(),
        };
        let _turn = self.documents.writer::<Rule>(&new.key()).await?;
        retry(|| async {
            let before = self.documents.load::<Rule>(new.key()).await?;
            let mut after = new.clone();
            match &before {
                Some(before) => {
                    let kept = Rule::clone(&before.value);
                    (after.tags, after.targets) = (kept.tags, kept.targets);
                    (after.created_by, after.created_ms) = (kept.created_by, kept.created_ms);
                }
                None => self.room_for_rule(&new).await?,
            }
            let response = PutRuleResponse { rule_arn: Some(after.arn()) };
            self.put(cx, "put_rule", before.as_ref(), after, Some(record::encode(&response))).await?;
            Ok(response)
        })
        .await
    }

    async fn room_for_rule(&self, rule: &Rule) -> Result<(), Error> {
        let prefix = document_key(&rule.account, &rule.region, "");
        let there = self.documents.scan::<Rule>(&prefix, None, RULES_MAX).await?.len();
        if there < RULES_MAX { Ok(()) } else { Err(refusals::limit()) }
    }

    /// Commits a rule that was put or changed.
    pub(super) async fn put(
        &self,
        cx: &Ctx,
        name: &'static str,
        before: Option<&Loaded<Rule>>,
        after: Rule,
        response_elements: Option<String>,
    ) -> Result<(), Error> {
        let mut batch = Batch::named(name);
        let done = Done { response_elements, arn: Some(after.arn()), resource_kind: RULE_KIND };
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        cx.commit(&self.documents, batch, done).await
    }

    /// The rule that a permit is for.
    pub(super) async fn rule(&self, cx: &Ctx, permit: &Permit) -> Result<Loaded<Rule>, Error> {
        let name = permitted_name(permit, "rule")?;
        let key = document_key(cx.caller.account.as_str(), cx.region.as_str(), name);
        self.documents.load::<Rule>(key).await?.ok_or_else(|| refusals::no_rule(name))
    }

    /// Changes the rule that a permit is for.
    pub(super) async fn change_rule<T>(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        change: impl Fn(&mut Rule) -> Result<T, Error>,
        recorded: impl Fn(&T) -> Option<String>,
    ) -> Result<T, Error> {
        let key = self.rule(cx, permit).await?.value.key();
        let _turn = self.documents.writer::<Rule>(&key).await?;
        retry(|| async {
            let before = self.rule(cx, permit).await?;
            let mut after = Rule::clone(&before.value);
            let answer = change(&mut after)?;
            self.put(cx, name, Some(&before), after, recorded(&answer)).await?;
            Ok(answer)
        })
        .await
    }

    /// A rule.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn describe_rule(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DescribeRuleRequest,
    ) -> Result<DescribeRuleResponse, Error> {
        let rule = self.rule(cx, permit).await?.value;
        Ok(DescribeRuleResponse {
            name: Some(rule.name.clone()),
            arn: Some(rule.arn()),
            event_pattern: Some(rule.pattern.clone()),
            state: RuleState::parse(&rule.state),
            description: rule.description.clone(),
            role_arn: rule.role_arn.clone(),
            event_bus_name: Some(BUS.to_owned()),
            created_by: Some(rule.created_by.clone()),
            ..DescribeRuleResponse::default()
        })
    }

    /// The account's rules, in the order of their names.
    ///
    /// # Errors
    /// ResourceNotFoundException for another bus; ValidationException for a token that is none.
    pub async fn list_rules(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListRulesRequest,
    ) -> Result<ListRulesResponse, Error> {
        check_bus(cx, input.event_bus_name.as_deref())?;
        let prefix = input.name_prefix.unwrap_or_default();
        let (token, limit) = (input.next_token.as_deref(), input.limit);
        let (rules, next_token) = self.page::<Rule>(cx, "ListRules", &prefix, token, limit).await?;
        let shown = |rule: &Rule| Shown {
            name: Some(rule.name.clone()),
            arn: Some(rule.arn()),
            event_pattern: Some(rule.pattern.clone()),
            state: RuleState::parse(&rule.state),
            description: rule.description.clone(),
            role_arn: rule.role_arn.clone(),
            event_bus_name: Some(BUS.to_owned()),
            ..Shown::default()
        };
        Ok(ListRulesResponse { rules: Some(rules.iter().map(|rule| shown(rule)).collect()), next_token })
    }

    /// Switches a rule on.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn enable_rule(&self, cx: &Ctx, permit: &Permit, _input: EnableRuleRequest) -> Result<(), Error> {
        self.switch(cx, permit, RuleState::Enabled).await
    }

    /// Switches a rule off.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn disable_rule(&self, cx: &Ctx, permit: &Permit, _input: DisableRuleRequest) -> Result<(), Error> {
        self.switch(cx, permit, RuleState::Disabled).await
    }

    async fn switch(&self, cx: &Ctx, permit: &Permit, state: RuleState) -> Result<(), Error> {
        let change = |rule: &mut Rule| {
            state.as_str().clone_into(&mut rule.state);
            Ok(())
        };
        self.change_rule(cx, permit, "switch_rule", change, |()| None).await
    }

    /// Deletes a rule without targets; one that is not there is no error, as at AWS.
    ///
    /// # Errors
    /// ValidationException while it has targets.
    pub async fn delete_rule(&self, cx: &Ctx, permit: &Permit, _input: DeleteRuleRequest) -> Result<(), Error> {
        retry(|| async {
            let before = match self.rule(cx, permit).await {
                Ok(before) => before,
                Err(Error::Refused(_)) => return Ok(()),
                Err(fault) => return Err(fault),
            };
            if !before.value.targets.is_empty() {
                return Err(refusals::has_targets());
            }
            let mut batch = Batch::named("delete_rule");
            self.documents.delete(&mut batch, &before);
            let done = Done { arn: Some(before.value.arn()), resource_kind: RULE_KIND, ..Done::default() };
            cx.commit(&self.documents, batch, done).await
        })
        .await
    }

    /// Sets tags.
    ///
    /// # Errors
    /// ResourceNotFoundException, ValidationException.
    pub async fn tag_resource(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse, Error> {
        let change = |rule: &mut Rule| {
            rule.tags = with_tags(std::mem::take(&mut rule.tags), &input.tags)?;
            Ok(TagResourceResponse::default())
        };
        self.change_rule(cx, permit, "tag_rule", change, |_| None).await
    }

    /// Removes tags; those that are not there are no error.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn untag_resource(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse, Error> {
        let change = |rule: &mut Rule| {
            rule.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(UntagResourceResponse::default())
        };
        self.change_rule(cx, permit, "untag_rule", change, |_| None).await
    }

    /// The tags of a rule.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn list_tags_for_resource(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, Error> {
        let rule = self.rule(cx, permit).await?.value;
        let tags = rule.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
        Ok(ListTagsForResourceResponse { tags: Some(tags.collect()) })
    }
}

/// `tags` with `added`, which replace those of the same key.
fn with_tags(mut tags: BTreeMap<String, String>, added: &[Tag]) -> Result<BTreeMap<String, String>, Error> {
    for Tag { key, value } in added {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refusals::invalid("System tags cannot be added or removed by a user"));
        }
        if tags.keys().any(|other| other != key && other.eq_ignore_ascii_case(key)) {
            return Err(refusals::invalid("Tag keys must differ in more than upper and lower case"));
        }
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > TAGS_MAX { Err(refusals::limit()) } else { Ok(tags) }
}
