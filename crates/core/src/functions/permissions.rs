//! AddPermission, RemovePermission and GetPolicy: the resource policies of functions, a statement at a time.

use serde_json::{Map, Value, json};
use strongroom_policy::{Document, DocumentKind};
use strongroom_types::AccountId;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::lambda::{
    AddPermissionRequest, AddPermissionResponse, GetPolicyRequest, GetPolicyResponse, RemovePermissionRequest,
};
use strongroom_wire::record;

use super::model::{Function, FunctionPolicy, LATEST};
use super::resolve::FunctionRef;
use super::updates::check_revision;
use super::{Functions, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// Bytes of a policy at most (Lambda's quotas).
const POLICY_BYTES_MAX: usize = 20_480;

/// The qualifier that a policy is of: none for the function itself.
///
/// # Errors
/// ResourceNotFoundException; InvalidParameterValueException for `$LATEST`.
fn policy_of(function: &FunctionRef) -> Result<&str, Error> {
    match function.qualifier.as_deref() {
        Some(LATEST) => Err(refusals::invalid("We currently do not support adding policies for $LATEST.")),
        Some(qualifier) => {
            function.version()?;
            Ok(qualifier)
        }
        None => Ok(""),
    }
}

fn statements(policy: Option<&FunctionPolicy>) -> Result<Vec<Value>, Error> {
    let Some(policy) = policy else { return Ok(Vec::new()) };
    let mut read: Value = serde_json::from_str(policy.text.text()).map_err(|_| unreadable())?;
    match read.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => Ok(statements),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Error {
    Error::internal("a function's policy does not read")
}

fn text_of(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

/// The statement that a permission becomes.
fn statement(input: &AddPermissionRequest, resource: &str, partition: &str) -> Value {
    let principal = input.principal.as_str();
    let principal = match principal {
        "*" => json!("*"),
        account if AccountId::parse(account).is_ok() => {
            json!({ "AWS": format!("arn:{partition}:iam::{account}:root") })
        }
        arn if arn.starts_with("arn:") => json!({ "AWS": arn }),
        service => json!({ "Service": service }),
    };
    let mut conditions: Map<String, Value> = Map::new();
    let mut condition = |operator: &str, key: &str, value: &str| {
        let pairs = conditions.entry(operator).or_insert_with(|| Value::Object(Map::new()));
        if let Some(pairs) = pairs.as_object_mut() {
            pairs.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    };
    if let Some(account) = &input.source_account {
        condition("StringEquals", "AWS:SourceAccount", account);
    }
    if let Some(kind) = input.function_url_auth_type {
        condition("StringEquals", "lambda:FunctionUrlAuthType", kind.as_str());
    }
    if let Some(token) = &input.event_source_token {
        condition("StringEquals", "lambda:EventSourceToken", token);
    }
    if let Some(organization) = &input.principal_org_id {
        condition("StringEquals", "aws:PrincipalOrgID", organization);
    }
    if let Some(flag) = input.invoked_via_function_url {
        condition("Bool", "lambda:InvokedViaFunctionUrl", if flag { "true" } else { "false" });
    }
    if let Some(arn) = &input.source_arn {
        condition("ArnLike", "AWS:SourceArn", arn);
    }
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": input.action,
        "Resource": resource,
    });
    if let Some(members) = statement.as_object_mut().filter(|_| !conditions.is_empty()) {
        members.insert("Condition".to_owned(), Value::Object(conditions));
    }
    statement
}

impl Functions {
    /// Adds a statement to a function's policy.
    ///
    /// # Errors
    /// ResourceNotFoundException, ResourceConflictException, InvalidParameterValueException, PolicyLengthExceededException,
    /// PreconditionFailedException.
    pub async fn add_permission(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: AddPermissionRequest,
    ) -> Result<AddPermissionResponse, Error> {
        let named = permit.function()?;
        let partition = named.found()?.partition.clone();
        let qualifier = policy_of(named)?;
        let added = statement(&input, &named.qualified(), &partition);
        // Alone it has to read, and whoever it names of this server's accounts has to be there.
        let alone = text_of(std::slice::from_ref(&added));
        let document = Document::parse(&alone, DocumentKind::Resource).map_err(|_| refusals::invalid_principal())?;
        let ids = self.identities.bind(&document).await?.map_err(|_| refusals::invalid_principal())?;
        let revision_id = self.new_id()?;
        let shown = added.to_string();
        self.change(
            cx,
            permit,
            "add_permission",
            |function, _| {
                let before = function.policies.get(qualifier);
                check_policy_revision(input.revision_id.as_ref(), before)?;
                let mut statements = statements(before)?;
                if statements.iter().any(|other| sid(other) == Some(input.statement_id.as_str())) {
                    return Err(refusals::statement_exists(&input.statement_id));
                }
                statements.push(added.clone());
                let text = text_of(&statements);
                if text.len() > POLICY_BYTES_MAX {
                    return Err(refusals::policy_too_long(text.len(), POLICY_BYTES_MAX));
                }
                let mut all = before.map(|policy| policy.text.ids().clone()).unwrap_or_default();
                all.extend(ids.clone());
                let policy = FunctionPolicy { text: PolicyText::bound(text, all), revision_id: revision_id.clone() };
                function.policies.insert(qualifier.to_owned(), policy);
                Ok(AddPermissionResponse { statement: Some(shown.clone()) })
            },
            |answer| Some(record::encode(answer)),
        )
        .await
    }

    /// Removes a statement from a function's policy.
    ///
    /// # Errors
    /// ResourceNotFoundException, PreconditionFailedException.
    pub async fn remove_permission(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: RemovePermissionRequest,
    ) -> Result<(), Error> {
        let named = permit.function()?;
        named.version()?;
        let qualifier = named.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
        let revision_id = self.new_id()?;
        let change = |function: &mut Function, _: &mut _| {
            let before = function.policies.get(qualifier).ok_or_else(|| {
                Error::refused(
                    strongroom_wire::lambda::errors::RESOURCE_NOT_FOUND_EXCEPTION,
                    "No policy is associated with the given resource.",
                )
            })?;
            check_policy_revision(input.revision_id.as_ref(), Some(before))?;
            let mut statements = statements(Some(before))?;
            let count = statements.len();
            statements.retain(|statement| sid(statement) != Some(input.statement_id.as_str()));
            if statements.len() == count {
                return Err(refusals::no_statement(&input.statement_id));
            }
            let ids = before.text.ids().clone();
            if statements.is_empty() {
                function.policies.remove(qualifier);
            } else {
                let text = PolicyText::bound(text_of(&statements), ids);
                let policy = FunctionPolicy { text, revision_id: revision_id.clone() };
                function.policies.insert(qualifier.to_owned(), policy);
            }
            Ok(())
        };
        self.change(cx, permit, "remove_permission", change, |()| None).await
    }

    /// A function's policy.
    ///
    /// # Errors
    /// ResourceNotFoundException, also when it has none.
    pub async fn get_policy(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetPolicyRequest,
    ) -> Result<GetPolicyResponse, Error> {
        let named = permit.function()?;
        named.version()?;
        let policy = named.policy().ok_or_else(refusals::no_policy)?;
        Ok(GetPolicyResponse {
            policy: Some(policy.text.text().to_owned()),
            revision_id: Some(policy.revision_id.clone()),
        })
    }
}

fn check_policy_revision(known: Option<&String>, policy: Option<&FunctionPolicy>) -> Result<(), Error> {
    check_revision(known, policy.map(|policy| policy.revision_id.as_str()).unwrap_or_default())
}
