//! `strongroom policy` and `strongroom who-can`: questions about policies and decisions, answered to the operator.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use strongroom_core::access::REASON;
use strongroom_core::questions::who_can as asked_who_can;
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::read::{Lines, Span};
use strongroom_policy::analyse::would_lock_out;
use strongroom_policy::{
    Action, Attached, Document, DocumentKind, Inputs, Principal, Request, ResourcePolicy, ResourceRule, Source,
};
use strongroom_server::gate::fault_text;
use strongroom_types::{Clock as _, SystemClock, Timestamp};

use crate::offline::DataArgs;
use crate::output::out;
use crate::store;

/// The commands about policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Tells why a request was denied, by the event id of its audit record.
    Explain(ExplainArgs),
    /// Checks a policy: syntax, broad access, and whether it locks its author out. Fails when it finds something.
    Check(CheckArgs),
}

/// Flags of `strongroom policy explain`.
#[derive(Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The `eventID` of the record.
    event_id: String,
}

/// The kinds of policies.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// Of a secret or another resource.
    Resource,
    /// Of a user, group or role.
    Identity,
    /// A managed policy.
    Managed,
    /// Of a role: who may assume it.
    Trust,
    /// Of a private endpoint.
    Endpoint,
}

/// Flags of `strongroom policy check`.
#[derive(Args)]
pub struct CheckArgs {
    /// The file with the policy, in JSON.
    file: PathBuf,
    /// What it is the policy of.
    #[arg(long, value_enum, default_value = "resource")]
    kind: Kind,
    /// The ARN of the user or role session that will put it, for the check that it is not locked out. Without one, the
    /// account's root is not looked at, which no allowing policy can lock out.
    #[arg(long, value_name = "ARN")]
    author: Option<String>,
}

/// Flags of `strongroom who-can`.
#[derive(Args)]
pub struct WhoCanArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The action, such as secretsmanager:GetSecretValue.
    action: String,
    /// The ARN of a secret, a key or an entity of IAM, or `*` for actions without a resource. Grants are not asked, and
    /// conditions as of a request without parameters.
    resource: String,
    /// Prints those who may not as well.
    #[arg(long)]
    all: bool,
}

/// Carries a command about policies out.
///
/// # Errors
/// When the trail or the file cannot be read; for a check, when it finds something.
pub fn run(command: &PolicyCommand) -> Result<(), Box<dyn Error>> {
    match command {
        PolicyCommand::Explain(args) => explain(args),
        PolicyCommand::Check(args) => check(args),
    }
}

fn explain(args: &ExplainArgs) -> Result<(), Box<dyn Error>> {
    let config = args.data.settings()?;
    let directory = config.audit.directory.clone().unwrap_or_else(|| args.data.directory().join("trail"));
    let files = DiskFiles::open(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let files = Arc::new(files);
    let span = Span::new(Timestamp::from_millis(0), SystemClock.now().plus_days(1));
    let lines = || Lines::open(Arc::clone(&files) as _, span);
    for line in lines()? {
        let line = line?;
        if line.event_id == args.event_id {
            let record: Value = serde_json::from_str(&line.text)?;
            if !tell(&record)? {
                tell_of_same_request(lines()?, &record)?;
            }
            return Ok(());
        }
    }
    Err(format!("the trail in {} has no event {}", directory.display(), args.event_id).into())
}

/// Tells what other records of the same request say of a denial: what a service asked for its caller, such as KMS, is
/// explained in the record of that call alone.
fn tell_of_same_request(lines: Lines, record: &Value) -> Result<(), Box<dyn Error>> {
    let member = |record: &Value, name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
    let (request, event) = (member(record, "requestID"), member(record, "eventID"));
    let mut told = false;
    for line in lines {
        let line = line?;
        if request.as_ref().is_none_or(|request| !line.text.contains(request)) {
            continue;
        }
        let other: Value = serde_json::from_str(&line.text)?;
        if member(&other, "requestID") == request
            && member(&other, "eventID") != event
            && other.get("errorCode").is_some()
        {
            out!("On the way, event {}:", line.event_id);
            told |= tell(&other)?;
        }
    }
    if !told {
        out!("No policy denied it.");
    }
    Ok(())
}

/// Tells what a record says of its decision; false when it says of none.
fn tell(record: &Value) -> Result<bool, Box<dyn Error>> {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    out!("{} {} at {}", text("eventSource"), text("eventName"), text("eventTime"));
    out!("by {}", record.pointer("/userIdentity/arn").and_then(Value::as_str).unwrap_or("somebody unknown"));
    let reason = record.get("additionalEventData").and_then(|data| data.get(REASON)).and_then(Value::as_str);
    let Some(reason) = reason else {
        match record.get("errorCode").and_then(Value::as_str) {
            Some(code) => out!("was refused with {code}: {}", text("errorMessage")),
            None => out!("was allowed"),
        }
        return Ok(false);
    };
    out!("{}: {}", text("errorCode"), text("errorMessage"));
    let reason: Value = serde_json::from_str(reason)?;
    out!("{}", serde_json::to_string_pretty(&reason)?);
    Ok(true)
}

fn check(args: &CheckArgs) -> Result<(), Box<dyn Error>> {
    let name = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|error| format!("{name}: {error}"))?;
    let kind = match args.kind {
        Kind::Resource => DocumentKind::Resource,
        Kind::Identity => DocumentKind::Identity,
        Kind::Managed => DocumentKind::Managed,
        Kind::Trust => DocumentKind::Trust,
        Kind::Endpoint => DocumentKind::Endpoint,
    };
    let policy = Document::parse(&text, kind).map_err(|malformed| format!("{name}: {malformed}"))?;
    let mut found = Vec::new();
    if matches!(kind, DocumentKind::Resource | DocumentKind::Trust) && policy.grants_broad_access() {
        found.push("grants broad access: anybody could use it".to_owned());
    }
    if let (DocumentKind::Resource, Some(author)) = (kind, &args.author)
        && locks_out(&policy, author)?
    {
        found.push(format!("locks {author} out: it could not be replaced by {author} any more"));
    }
    if found.is_empty() {
        out!("{name}: {} statements, nothing found", policy.statements().len());
        return Ok(());
    }
    Err(found.iter().map(|fault| format!("{name}: {fault}")).collect::<Vec<_>>().join("\n").into())
}

/// Whether a policy denies its author to put another one in its place. That the author's own policies allow it is taken
/// for granted.
fn locks_out(policy: &Document, author: &str) -> Result<bool, Box<dyn Error>> {
    let account = author.split(':').nth(4).filter(|account| account.len() == 12);
    let account = account.ok_or_else(|| format!("{author} is not the ARN of a user, a role session or a root"))?;
    let principal = if author.ends_with(":root") {
        Principal::root(author.split(':').nth(1).unwrap_or("aws"), account)
    } else if let Some((_, session)) = author.split_once(":assumed-role/") {
        let role = session.split('/').next().unwrap_or_default();
        Principal::role_session(account, author, &format!("arn:aws:iam::{account}:role/{role}"), "")
    } else {
        Principal::user(account, author, "")
    };
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let everything = Document::parse(everything, DocumentKind::Identity).map_err(|malformed| malformed.to_string())?;
    let own = [Attached { source: Source::Session, document: &everything }];
    let attached = Attached { source: Source::Resource { arn: "*" }, document: policy };
    let resource = ResourcePolicy { policy: Some(attached), rule: ResourceRule::Either, owner: account };
    let inputs = Inputs { identity: &own, resource, ..Inputs::of(&principal) };
    let action = Action::new("secretsmanager:PutResourcePolicy");
    let arn = format!("arn:aws:secretsmanager:us-east-1:{account}:secret:name-000000");
    Ok(would_lock_out(&inputs, &Request::new(&action, &arn, &())))
}

/// Prints who may do an action on a resource, and by which statements.
///
/// # Errors
/// When the store cannot be read, or no operation has that action.
pub fn who_can(args: &WhoCanArgs) -> Result<(), Box<dyn Error>> {
    let answers = store::look(&args.data, async |opened| {
        let question = (args.action.as_str(), args.resource.as_str());
        let region = &opened.config.account.region;
        asked_who_can(&opened.identities, &opened.documents, question, region, SystemClock.now())
            .await
            .map_err(|error| fault_text(&error).into())
    })?;
    let mut nobody = true;
    for answer in answers {
        let allowed = answer.decision == "allowed";
        nobody &= !allowed;
        if allowed || args.all {
            out!("{} {}: {}", if allowed { "yes" } else { "no " }, answer.principal, answer.because);
        }
    }
    if nobody {
        out!("nobody");
    }
    Ok(())
}
