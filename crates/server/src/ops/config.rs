//! The operations of Config (awsJson1_1): rules, and what they say of secrets.

use std::sync::Arc;

use strongroom_core::access::{EntityRef, RequestKeys};
use strongroom_core::compliance::{Judge, RULE_KIND, rule_arn};
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_wire::Shape;
use strongroom_wire::config::{
    DescribeComplianceByConfigRuleRequest, DescribeConfigRuleEvaluationStatusRequest, DescribeConfigRulesRequest,
    GetComplianceDetailsByConfigRuleRequest, Operation, StartConfigRulesEvaluationRequest,
};
use strongroom_wire::{json, record};

use super::Answered;

/// A request about rules: those that it names, or all.
trait OfRules: Shape + RequestKeys {
    /// The names.
    fn names(&self) -> &[String];
}

macro_rules! of_rules {
    ($($request:ty),+ $(,)?) => { $(impl OfRules for $request {
        fn names(&self) -> &[String] {
            self.config_rule_names.as_deref().unwrap_or_default()
        }
    })+ };
}

of_rules!(
    DescribeComplianceByConfigRuleRequest,
    DescribeConfigRuleEvaluationStatusRequest,
    DescribeConfigRulesRequest,
    StartConfigRulesEvaluationRequest,
);

impl OfRules for GetComplianceDetailsByConfigRuleRequest {
    fn names(&self) -> &[String] {
        std::slice::from_ref(&self.config_rule_name)
    }
}

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub async fn run(judge: &Judge, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let call = Operated { judge, cx, operation, body };
    match operation {
        Operation::DescribeComplianceByConfigRule => call.on_rules(Judge::describe_compliance_by_config_rule).await,
        Operation::DescribeConfigRuleEvaluationStatus => {
            call.on_rules(Judge::describe_config_rule_evaluation_status).await
        }
        Operation::DescribeConfigRules => call.on_rules(Judge::describe_config_rules).await,
        Operation::GetComplianceDetailsByConfigRule => {
            call.on_rules(Judge::get_compliance_details_by_config_rule).await
        }
        Operation::StartConfigRulesEvaluation => call.on_rules(Judge::start_config_rules_evaluation).await,
        Operation::DescribeComplianceByResource => call.on_account(Judge::describe_compliance_by_resource).await,
        Operation::GetComplianceDetailsByResource => call.on_account(Judge::get_compliance_details_by_resource).await,
        Operation::GetComplianceSummaryByConfigRule => {
            let permit = authorize(cx, operation.action(), Resource::Account, &())?;
            let output = judge.get_compliance_summary_by_config_rule(cx, &permit, ()).await?;
            Ok(Answered { body: json::encode(&output), ..Answered::default() })
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    judge: &'a Judge,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Operated<'_> {
    /// An operation on rules, each of which the caller must have leave for.
    async fn on_rules<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfRules,
        O: Shape,
        F: AsyncFnOnce(&Judge, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let mut permit = None;
        for name in input.names() {
            // Who may ask nothing is told so, and not which rules there are.
            let arn = rule_arn(name, &self.cx.region, &self.cx.caller.account);
            let entity = EntityRef {
                arn: arn.as_deref().unwrap_or("*").to_owned(),
                asked: None,
                account: self.cx.caller.account.clone(),
                tags: Vec::new(),
                boundary: None,
                kind: RULE_KIND,
            };
            permit = Some(authorize(self.cx, self.operation.action(), Resource::Entity(Arc::new(entity)), &input)?);
            drop(arn?);
        }
        let permit = match permit {
            Some(permit) => permit,
            None => authorize(self.cx, self.operation.action(), Resource::Account, &input)?,
        };
        self.answered(operation, &permit, input).await
    }

    /// An operation that names no rule.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Judge, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        self.answered(operation, &permit, input).await
    }

    fn input<I: Shape>(&self) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    async fn answered<I, O, F>(&self, operation: F, permit: &Permit, input: I) -> Result<Answered, Error>
    where
        O: Shape,
        F: AsyncFnOnce(&Judge, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let output = operation(self.judge, self.cx, permit, input).await?;
        Ok(Answered { body: json::encode(&output), ..Answered::default() })
    }
}
