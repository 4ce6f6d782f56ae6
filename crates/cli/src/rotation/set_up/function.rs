//! The function that rotates a secret: that it is there, and that Secrets Manager may invoke it.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use strongroom_client::{Call, CallError};

use super::super::session::{Service, Session};
use super::{tell, zip};
use crate::output::out;

/// The runtime of packages that are built in.
const RUNTIME: &str = "provided.al2023";
/// Who invokes the function.
const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";
/// The statement that lets it.
const STATEMENT_ID: &str = "SecretsManagerRotation";
/// How long a step may take, in seconds.
const TIMEOUT_S: u32 = 60;

/// Makes the function `name` of a package, or finds that it is there. Returns its ARN.
///
/// # Errors
/// When Lambda refuses, or there is another function of that name.
pub async fn ensure(session: &Session, name: &str, package: &str, role_arn: &str) -> Result<String, Box<dyn Error>> {
    let found = match call(session, Method::GET, &[name], None).await {
        Ok(answer) => answer.get("Configuration").cloned(),
        Err(error) if error.code() == Some("ResourceNotFoundException") => None,
        Err(error) => return Err(error.into()),
    };
    let changed = found.is_none();
    let configuration = match found {
        Some(configuration) => {
            is_ours(&configuration, name, package, role_arn)?;
            configuration
        }
        None => {
            let text = format!("The code of this function is built into the server: {package}\n");
            let input = json!({
                "FunctionName": name,
                "Description": "Rotates a secret",
                "Runtime": RUNTIME,
                "Handler": package,
                "Role": role_arn,
                "Timeout": TIMEOUT_S,
                "Code": {"ZipFile": STANDARD.encode(zip::of_one_file("README", text.as_bytes())?)},
            });
            call(session, Method::POST, &[], Some(&input)).await?
        }
    };
    tell(changed, &format!("function {name} ({package})"));
    let arn = configuration.get("FunctionArn").and_then(Value::as_str);
    Ok(arn.ok_or("the function has no ARN")?.to_owned())
}

fn is_ours(configuration: &Value, name: &str, package: &str, role_arn: &str) -> Result<(), Box<dyn Error>> {
    for (member, wanted) in [("Handler", package), ("Role", role_arn)] {
        let present = configuration.get(member).and_then(Value::as_str).unwrap_or_default();
        if present != wanted {
            return Err(format!(
                "there is a function {name} whose {member} is {present} and not {wanted}: give the new one another name \
                 with --function-name, or take the old one away"
            )
            .into());
        }
    }
    Ok(())
}

/// Lets Secrets Manager invoke the function for secrets of `account`. Where the function may be `elsewhere`, outside of
/// this server, it is no error when its policy cannot be changed: RotateSecret says whether it can be used.
///
/// # Errors
/// When Lambda refuses.
pub async fn permit(
    session: &Session,
    function_arn: &str,
    account: &str,
    elsewhere: bool,
) -> Result<(), Box<dyn Error>> {
    let what = format!("permission of Secrets Manager to invoke {function_arn}");
    match ensure_permission(session, function_arn, account).await {
        Ok(changed) => tell(changed, &what),
        Err(error @ CallError::Service(_)) if elsewhere => out!("left out  {what}: {error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn ensure_permission(session: &Session, function_arn: &str, account: &str) -> Result<bool, CallError> {
    let policy = match call(session, Method::GET, &[function_arn, "policy"], None).await {
        Ok(answer) => answer.get("Policy").and_then(Value::as_str).map(str::to_owned),
        Err(error) if error.code() == Some("ResourceNotFoundException") => None,
        Err(error) => return Err(error),
    };
    let policy: Value = policy.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if lets_in(&policy, account) {
        return Ok(false);
    }
    let input = json!({
        "StatementId": statement_id(&policy),
        "Action": "lambda:InvokeFunction",
        "Principal": SECRETS_MANAGER,
        "SourceAccount": account,
    });
    call(session, Method::POST, &[function_arn, "policy"], Some(&input)).await?;
    Ok(true)
}

/// A name that no statement of the policy has yet.
fn statement_id(policy: &Value) -> String {
    let statements = policy.get("Statement").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let taken = |id: &str| statements.iter().any(|statement| statement.get("Sid").is_some_and(|sid| sid == id));
    if !taken(STATEMENT_ID) {
        return STATEMENT_ID.to_owned();
    }
    let further = (2..).map(|number: u64| format!("{STATEMENT_ID}{number}")).find(|id| !taken(id));
    further.unwrap_or_else(|| STATEMENT_ID.to_owned())
}

/// Whether a statement of the function's policy lets Secrets Manager in for `account`: without conditions, or with that
/// of the account alone.
fn lets_in(policy: &Value, account: &str) -> bool {
    let statements = policy.get("Statement").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is = |value: Option<&Value>, wanted: &str| match value {
        Some(Value::Array(many)) => many.iter().any(|one| one == wanted),
        Some(one) => one == wanted,
        None => false,
    };
    let of_account = |condition: &Value| {
        let Some(operators) = condition.as_object() else { return false };
        operators.iter().all(|(operator, keys)| {
            let keys = keys.as_object();
            operator.starts_with("StringEquals")
                && keys.is_some_and(|keys| {
                    keys.iter()
                        .all(|(key, value)| key.eq_ignore_ascii_case("aws:SourceAccount") && is(Some(value), account))
                })
        })
    };
    statements.iter().any(|statement| {
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && is(statement.pointer("/Principal/Service"), SECRETS_MANAGER)
            && is(statement.get("Action"), "lambda:InvokeFunction")
            && statement.get("Condition").is_none_or(of_account)
    })
}

/// Calls Lambda for what is at `behind` the path of functions.
async fn call(session: &Session, method: Method, behind: &[&str], input: Option<&Value>) -> Result<Value, CallError> {
    let segments: Vec<&str> = ["2015-03-31", "functions"].iter().chain(behind).copied().collect();
    session.call(Service::Lambda, Call::rest("lambda", method, &segments, input)).await?.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(condition: Option<Value>) -> Value {
        let mut statement = json!({"Sid": STATEMENT_ID, "Effect": "Allow", "Principal": {"Service": SECRETS_MANAGER},
            "Action": "lambda:InvokeFunction", "Resource": "arn"});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        json!({"Statement": [statement]})
    }

    #[test]
    fn a_permission_that_is_there_is_found() {
        let of = |account: &str| Some(json!({"StringEquals": {"AWS:SourceAccount": account}}));
        assert!(lets_in(&policy(None), "1") && lets_in(&policy(of("1")), "1"));
        assert!(!lets_in(&policy(of("2")), "1") && !lets_in(&json!(null), "1"));
        let by_arn = Some(json!({"ArnLike": {"AWS:SourceArn": "arn:of:another"}}));
        assert!(!lets_in(&policy(by_arn), "1"));
        assert_eq!(statement_id(&policy(None)), format!("{STATEMENT_ID}2"));
        assert_eq!(statement_id(&Value::Null), STATEMENT_ID);
    }

    #[test]
    fn a_function_of_that_name_has_to_be_the_same() {
        let configuration = json!({"Handler": "p", "Role": "r"});
        assert!(is_ours(&configuration, "f", "p", "r").is_ok());
        let told = is_ours(&configuration, "f", "q", "r").expect_err("another package").to_string();
        assert!(told.contains("Handler is p and not q"), "{told}");
    }
}
