//! The execution role of a rotation function: who may assume it, and what it may do.

use std::error::Error;

use serde_json::{Value, json};
use strongroom_client::{Call, CallError};
use strongroom_types::Arn;

use super::super::session::{Service, Session};
use super::{Target, tell};

/// The version of IAM's API.
const API_VERSION: &str = "2010-05-08";
/// Who assumes the role.
const LAMBDA: &str = "lambda.amazonaws.com";
/// The inline policy.
const POLICY_NAME: &str = "rotation";

/// Makes the role `name`, or finds that it is there, and gives it the rights that the rotation of `target` needs. Returns
/// its ARN.
///
/// # Errors
/// When IAM refuses, or there is a role of that name that functions may not assume.
pub async fn ensure(
    session: &Session,
    name: &str,
    secret: &Arn,
    target: &Target,
    master: Option<&Target>,
) -> Result<String, Box<dyn Error>> {
    let role_arn = match call(session, "GetRole", &[("RoleName", name)]).await {
        Ok(answer) => {
            let trust = answer.element("AssumeRolePolicyDocument")?;
            if !trusts_lambda_alone(&decoded(&trust)) {
                return Err(format!(
                    "there is a role {name} that functions may not assume, or others too: name the function and its \
                     role with --function-name"
                )
                .into());
            }
            tell(false, &format!("role {name}"));
            answer.element("Arn")?
        }
        Err(error) if error.code() == Some("NoSuchEntity") => {
            let trust = trust().to_string();
            let description = format!("Rotates {}", target.arn);
            let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", &trust), ("Description", &description)];
            let answer = call(session, "CreateRole", &parameters).await?;
            tell(true, &format!("role {name}"));
            answer.element("Arn")?
        }
        Err(error) => return Err(error.into()),
    };
    ensure_policy(session, name, &policy(secret, target, master)).await?;
    Ok(role_arn)
}

async fn ensure_policy(session: &Session, role: &str, wanted: &Value) -> Result<(), Box<dyn Error>> {
    let names = [("RoleName", role), ("PolicyName", POLICY_NAME)];
    let same = match call(session, "GetRolePolicy", &names).await {
        Ok(answer) => decoded(&answer.element("PolicyDocument")?) == *wanted,
        Err(error) if error.code() == Some("NoSuchEntity") => false,
        Err(error) => return Err(error.into()),
    };
    if !same {
        let document = wanted.to_string();
        let parameters = [("RoleName", role), ("PolicyName", POLICY_NAME), ("PolicyDocument", &document)];
        call(session, "PutRolePolicy", &parameters).await?;
    }
    tell(!same, &format!("policy {POLICY_NAME} of the role {role}"));
    Ok(())
}

async fn call(
    session: &Session,
    action: &str,
    parameters: &[(&str, &str)],
) -> Result<strongroom_client::Answer, CallError> {
    session.call(Service::Iam, Call::query("iam", API_VERSION, action, parameters)).await
}

fn trust() -> Value {
    let statement = json!({"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// What the role may do.
fn policy(secret: &Arn, target: &Target, master: Option<&Target>) -> Value {
    let actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"];
    let actions = actions.map(|action| format!("secretsmanager:{action}"));
    let mut statements = vec![
        json!({"Effect": "Allow", "Action": actions, "Resource": target.arn}),
        json!({"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"}),
    ];
    if let Some(master) = master {
        statements.push(json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": master.arn}));
    }
    // Keys are used through Secrets Manager alone.
    let through = json!({"StringEquals": {"kms:ViaService": via_service(secret)}});
    let mut key = |key_arn: &Option<String>, actions: Value| {
        if let Some(key_arn) = key_arn {
            let statement = json!({"Effect": "Allow", "Action": actions, "Resource": key_arn, "Condition": through});
            statements.push(statement);
        }
    };
    key(&target.key_arn, json!(["kms:Decrypt", "kms:GenerateDataKey"]));
    key(&master.and_then(|master| master.key_arn.clone()), json!(["kms:Decrypt"]));
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The name under which Secrets Manager uses keys.
fn via_service(secret: &Arn) -> String {
    let suffix = if secret.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("secretsmanager.{}.{suffix}", secret.region)
}

/// A document as IAM shows it: JSON, percent-encoded.
fn decoded(text: &str) -> Value {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (code, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Whether a trust policy lets Lambda assume the role, and nobody else: the role gets leave to read the secret, and somebody
/// who knows its name could have made it before.
fn trusts_lambda_alone(policy: &Value) -> bool {
    let all = |value: Option<&Value>, wanted: &[&str]| match value {
        Some(Value::String(one)) => wanted.contains(&one.as_str()),
        Some(Value::Array(many)) => {
            !many.is_empty() && many.iter().all(|one| one.as_str().is_some_and(|one| wanted.contains(&one)))
        }
        _ => false,
    };
    let is_allow = |statement: &&Value| statement.get("Effect").is_none_or(|effect| effect != "Deny");
    let is_lambdas = |statement: &Value| {
        let principal = statement.get("Principal").and_then(Value::as_object);
        principal.is_some_and(|principal| principal.len() == 1 && all(principal.get("Service"), &[LAMBDA]))
            && all(statement.get("Action"), &["sts:AssumeRole", "sts:*"])
    };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    statements.iter().any(|statement| is_allow(&statement)) && statements.iter().filter(is_allow).all(is_lambdas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_may_do_what_rotation_needs_and_no_more() {
        let arn = Arn::parse("arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf").expect("an ARN");
        let target = |arn: &str, key: Option<&str>| Target { arn: arn.into(), key_arn: key.map(str::to_owned) };
        let plain = policy(&arn, &target("S", None), None);
        assert_eq!(plain["Statement"].as_array().map(Vec::len), Some(2));
        assert_eq!(plain["Statement"][0]["Resource"], "S");
        let full = policy(&arn, &target("S", Some("K")), Some(&target("M", Some("L"))));
        assert_eq!(full["Statement"][2]["Resource"], "M");
        assert_eq!(full["Statement"][3]["Action"], json!(["kms:Decrypt", "kms:GenerateDataKey"]));
        let via = &full["Statement"][4]["Condition"]["StringEquals"]["kms:ViaService"];
        assert_eq!(via, "secretsmanager.eu-west-1.amazonaws.com");
    }

    #[test]
    fn trust_is_read_as_iam_shows_it() {
        let shown = strongroom_wire::percent::encoded(&trust().to_string());
        assert_eq!(decoded(&shown), trust());
        assert!(trusts_lambda_alone(&decoded(&shown)));
        let of = |principal: Value| {
            trusts_lambda_alone(&json!({"Statement": {"Effect": "Allow", "Principal": principal,
                "Action": ["sts:AssumeRole"]}}))
        };
        assert!(of(json!({"Service": [LAMBDA]})));
        // Made before by somebody who wants to assume it as well.
        let somebody = "arn:aws:iam::123456789012:user/u";
        for principal in [
            json!("*"),
            json!({"AWS": somebody, "Service": LAMBDA}),
            json!({"Service": ["ec2.amazonaws.com", LAMBDA]}),
            json!({"Service": []}),
        ] {
            assert!(!of(principal));
        }
        let mut two = trust();
        let more = json!({"Effect": "Allow", "Principal": {"AWS": somebody}, "Action": "sts:AssumeRole"});
        two["Statement"].as_array_mut().expect("statements").push(more);
        assert!(!trusts_lambda_alone(&two));
        let denied = json!({"Statement": [{"Effect": "Deny", "Principal": {"Service": LAMBDA}, "Action": "sts:*"}]});
        assert!(!trusts_lambda_alone(&denied) && !trusts_lambda_alone(&decoded("%zz%")));
    }
}
