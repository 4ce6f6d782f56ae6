//! `strongroom rotation set-up`: execution role, function, permission and schedule of a secret's rotation. What is right
//! already is left alone.

mod function;
mod role;
mod zip;

use std::error::Error;

use clap::Args;
use serde_json::{Value, json};
use strongroom_client::{Call, CallError};
use strongroom_types::Arn;

use super::control::Described;
use super::session::{ServerArgs, Service, Session, block_on, fresh_token};
use crate::output::out;

/// The schedule of a secret that has none yet and is given none.
const EVERY: &str = "rate(30 days)";
/// What the names of packages begin with.
const NATIVE: &str = "strongroom/";
/// Characters of the name of a function.
const FUNCTION_NAME_MAX: usize = 64;
/// Where a secret's own random characters begin in its ARN, from the end.
const SUFFIX_LEN: usize = 6;

/// Flags of `strongroom rotation set-up`.
#[derive(Args)]
pub struct SetUpArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The secret: its name or ARN.
    secret: String,
    /// A package that is built in, such as strongroom/postgresql-single-user: a function and its execution role are made.
    #[arg(long, value_name = "PACKAGE", required_unless_present = "function", conflicts_with = "function")]
    package: Option<String>,
    /// The ARN of a function that is there already. It only gets the permission that lets Secrets Manager invoke it.
    #[arg(long, value_name = "ARN")]
    function: Option<String>,
    /// When it rotates: rate(…) or cron(…). Without it the secret's present schedule stays; one that has none gets
    /// rate(30 days).
    #[arg(long, value_name = "EXPRESSION")]
    every: Option<String>,
    /// How long each window is, such as 3h.
    #[arg(long, value_name = "HOURS")]
    duration: Option<String>,
    /// The secret with the credentials that make users and set their passwords, which the function may read too. The
    /// rotated secret's own value names it as `masterarn`.
    #[arg(long, value_name = "ARN", conflicts_with = "function")]
    master: Option<String>,
    /// The name of the function and its role; made from the secret's name when left out.
    #[arg(long, value_name = "NAME", conflicts_with = "function")]
    function_name: Option<String>,
    /// Rotates in the schedule's next window for the first time. The function's testSecret step is tried now.
    #[arg(long)]
    not_now: bool,
}

/// A secret that functions get rights on.
pub struct Target {
    /// Its ARN.
    pub arn: String,
    /// The ARN of its customer managed key.
    pub key_arn: Option<String>,
}

/// Sets the rotation of a secret up.
///
/// # Errors
/// When the server cannot be reached or refuses, or what is there already belongs to something else.
pub fn run(args: &SetUpArgs) -> Result<(), Box<dyn Error>> {
    let services = [Service::SecretsManager, Service::Kms, Service::Iam, Service::Lambda];
    let session = Session::open(&args.server, &args.secret, &services)?;
    block_on(async {
        let secret = Described::of(&session, &args.secret).await?;
        suits(&args.secret, secret.text("OwningService"), secret.text("Type"), args.package.as_deref())?;
        let target = target(&session, &secret).await?;
        let arn = Arn::parse(&target.arn).map_err(|_| format!("{} is not the ARN of a secret", target.arn))?;
        let function_arn = match (&args.function, &args.package) {
            (Some(function_arn), _) => function_arn.clone(),
            (None, Some(package)) => {
                let name = args.function_name.clone().unwrap_or_else(|| name_for(&arn));
                let master = match &args.master {
                    Some(master) => Some(self::target(&session, &Described::of(&session, master).await?).await?),
                    None => None,
                };
                let role_arn = role::ensure(&session, &name, &arn, &target, master.as_ref()).await?;
                function::ensure(&session, &name, package, &role_arn).await?
            }
            (None, None) => return Err("name a --package or a --function".into()),
        };
        function::permit(&session, &function_arn, &arn.account, args.function.is_some()).await?;
        schedule(&session, args, &secret, &function_arn).await
    })
}

/// Whether the secret is one that functions rotate, and the package's name that of one that is built in: asked before
/// anything is made.
fn suits(secret: &str, owner: Option<&str>, kind: Option<&str>, package: Option<&str>) -> Result<(), String> {
    if let Some(owner) = owner {
        return Err(format!(
            "{secret} belongs to the service {owner}, which rotates it without a function: see `strongroom database`"
        ));
    }
    if let Some(kind) = kind {
        return Err(format!(
            "{secret} has the type {kind}, whose rotation is by Secrets Manager itself, without a function: name a role to \
             `aws secretsmanager rotate-secret --external-secret-rotation-role-arn`"
        ));
    }
    match package.filter(|package| !package.starts_with(NATIVE)) {
        Some(package) => Err(format!(
            "{package} is no package: names of packages begin with {NATIVE}, such as {NATIVE}postgresql-single-user"
        )),
        None => Ok(()),
    }
}

/// Says what was done, or that nothing had to be.
pub fn tell(changed: bool, what: &str) {
    out!("{} {what}", if changed { "done     " } else { "unchanged" });
}

async fn target(session: &Session, secret: &Described) -> Result<Target, Box<dyn Error>> {
    let arn = secret.text("ARN").ok_or("DescribeSecret answers without an ARN")?.to_owned();
    let key = secret.text("KmsKeyId").filter(|key| !key.is_empty() && !key.ends_with("alias/aws/secretsmanager"));
    let key_arn = match key {
        None => None,
        Some(key) => Some(key_arn(session, key).await?),
    };
    Ok(Target { arn, key_arn })
}

/// The ARN of a key that is named in whichever way.
async fn key_arn(session: &Session, key: &str) -> Result<String, Box<dyn Error>> {
    if key.contains(":key/") {
        return Ok(key.to_owned());
    }
    let call = Call::json("kms", "TrentService.DescribeKey", &json!({"KeyId": key}));
    let answer = session.call(Service::Kms, call).await?.json()?;
    let arn = answer.pointer("/KeyMetadata/Arn").and_then(Value::as_str);
    Ok(arn.ok_or("DescribeKey answers without an ARN")?.to_owned())
}

/// The name of the function that rotates a secret, of what a function's name may hold.
fn name_for(secret: &Arn) -> String {
    let resource = secret.resource.strip_prefix("secret:").unwrap_or(&secret.resource);
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let start = "rotate-";
    let (name, suffix) =
        resource.len().checked_sub(SUFFIX_LEN).and_then(|at| resource.split_at_checked(at)).unwrap_or((resource, ""));
    let room = FUNCTION_NAME_MAX - start.len() - suffix.len() - 1;
    let name: String = name.trim_end_matches('-').chars().map(fits).take(room).collect();
    format!("{start}{name}-{suffix}")
}

/// Has the secret rotate by `function_arn`, if it does not already.
async fn schedule(
    session: &Session,
    args: &SetUpArgs,
    secret: &Described,
    function_arn: &str,
) -> Result<(), Box<dyn Error>> {
    let present = |name: &str| secret.member("RotationRules").and_then(|rules| rules.get(name)).cloned();
    let has_schedule = present("ScheduleExpression").is_some() || present("AutomaticallyAfterDays").is_some();
    let is = |name: &str, asked: Option<&String>| {
        asked.is_none_or(|asked| present(name).as_ref().and_then(Value::as_str) == Some(asked.as_str()))
    };
    let same_rules =
        has_schedule && is("ScheduleExpression", args.every.as_ref()) && is("Duration", args.duration.as_ref());
    let same_function = secret.text("RotationLambdaARN") == Some(function_arn);
    let shown = args.secret.as_str();
    if secret.rotates() && same_function && same_rules {
        tell(false, &format!("rotation of {shown} by {function_arn}"));
        return Ok(());
    }
    let mut input = json!({
        "SecretId": shown,
        "ClientRequestToken": fresh_token()?,
        "RotationLambdaARN": function_arn,
        "RotateImmediately": !args.not_now,
    });
    if !same_rules && let Some(members) = input.as_object_mut() {
        members.insert("RotationRules".to_owned(), rules(args, &present));
    }
    match session.secrets("RotateSecret", &input).await {
        Ok(_) => tell(true, &format!("rotation of {shown} by {function_arn}")),
        Err(CallError::Service(refused)) if refused.message.contains("will be reattempted") => {
            return Err(format!(
                "{shown} has a rotation that is not complete, and its set-up cannot be changed meanwhile: run `strongroom \
                 rotation abandon`, then this command again"
            )
            .into());
        }
        Err(error) => return Err(error.into()),
    }
    let next = if args.not_now { "the first rotation comes in the next window" } else { "a rotation has begun" };
    out!("{next}; how it goes: {}", args.server.history_command(shown));
    Ok(())
}

/// The rules to ask for: what the flags say, and of the rest what there is.
fn rules(args: &SetUpArgs, present: &impl Fn(&str) -> Option<Value>) -> Value {
    let mut rules = serde_json::Map::new();
    let asked = args.every.clone().map(Value::from);
    match (asked.or_else(|| present("ScheduleExpression")), present("AutomaticallyAfterDays")) {
        (Some(expression), _) => rules.insert("ScheduleExpression".to_owned(), expression),
        (None, Some(days)) => rules.insert("AutomaticallyAfterDays".to_owned(), days),
        (None, None) => rules.insert("ScheduleExpression".to_owned(), EVERY.into()),
    };
    // A present duration may be too long for another schedule: it stays with the present one alone.
    let kept = || present("Duration").filter(|_| args.every.is_none());
    if let Some(duration) = args.duration.clone().map(Value::from).or_else(kept) {
        rules.insert("Duration".to_owned(), duration);
    }
    Value::Object(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_function_rotates_is_refused_before_anything_is_made() {
        let package = Some("strongroom/generic");
        assert_eq!(suits("s", None, None, package), Ok(()));
        assert_eq!(suits("s", None, None, None), Ok(()));
        let told = |owner, kind, package| suits("s", owner, kind, package).expect_err("a refusal");
        assert!(told(Some("rds"), None, package).contains("belongs to the service rds"));
        assert!(told(None, Some("GitLabAccessToken"), package).contains("the type GitLabAccessToken"));
        assert!(told(None, None, Some("generic")).contains("begin with strongroom/"));
    }

    #[test]
    fn the_functions_name_is_made_of_the_secrets_and_fits() {
        let name = |resource: &str| {
            let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{resource}");
            name_for(&Arn::parse(&arn).expect("an ARN"))
        };
        assert_eq!(name("prod/db-AbCdEf"), "rotate-prod-db-AbCdEf");
        let long = name(&format!("{}-AbCdEf", "x".repeat(500)));
        assert!(long.len() == FUNCTION_NAME_MAX && long.ends_with("x-AbCdEf"), "{long}");
    }
}
