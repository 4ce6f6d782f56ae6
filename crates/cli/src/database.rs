//! `strongroom database`: registers databases, whose master users' secrets then belong to a service and rotate without a
//! function; lists them; forgets them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;
use strongroom_client::Call;
use strongroom_types::SecretText;
use strongroom_wire::strongroom::{
    Database, DeregisterDatabaseRequest, DeregisterDatabaseResponse, DescribeDatabasesRequest,
    DescribeDatabasesResponse, EngineType, Operation, OwningServiceType, RegisterDatabaseRequest,
    RegisterDatabaseResponse, RotationRulesType, SERVICE,
};
use strongroom_wire::{Enumeration, Shape, json};
use zeroize::Zeroizing;

use crate::output::out;
use crate::rotation::session::{ServerArgs, Service, Session, block_on, fresh_token};
use crate::unseal;

/// The commands about databases.
#[derive(Subcommand)]
pub enum DatabaseCommand {
    /// Registers a database: its master user's password becomes a secret that Strongroom owns, and is changed at once.
    ///
    /// Afterwards nobody else knows the password. It is read from the secret, which the answer names, and changed by the
    /// schedule. The present password is read from the standard input, or from --password-file.
    Register(Box<RegisterArgs>),
    /// Shows the databases, their secrets and whether their rotation works.
    List(ListArgs),
    /// Forgets a database, and deletes its secret at once and for good.
    ///
    /// The user stays in the database with the password that the secret has: read it before, if it is still needed.
    Deregister(DeregisterArgs),
}

/// Flags of `strongroom database register`.
#[derive(Args)]
pub struct RegisterArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The id that the database is to have: a letter, then letters, digits and hyphens.
    id: String,
    /// The engine.
    #[arg(long, value_name = "ENGINE", value_parser = one_of::<EngineType>)]
    engine: EngineType,
    /// The host name or address, as the server reaches it.
    #[arg(long, value_name = "HOST")]
    host: String,
    /// The port, when it is not the engine's usual one.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The database to log in to, when it is not the engine's usual one.
    #[arg(long, value_name = "NAME")]
    dbname: Option<String>,
    /// Whether TLS is demanded (true) or left out (false); without the flag it is tried first.
    #[arg(long, value_name = "BOOL")]
    ssl: Option<bool>,
    /// Certificates in PEM form that the database's must lead to.
    #[arg(long, value_name = "FILE")]
    database_ca_file: Option<PathBuf>,
    /// The master user.
    #[arg(long, value_name = "NAME")]
    username: String,
    /// The file whose first line is the user's present password, in place of the standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The service that is to own the secret; redshift for that engine, otherwise rds.
    #[arg(long, value_name = "SERVICE", value_parser = one_of::<OwningServiceType>)]
    owning_service: Option<OwningServiceType>,
    /// The KMS key of the secret, in place of the default one.
    #[arg(long, value_name = "KEY")]
    kms_key_id: Option<String>,
    /// When the password is changed: rate(…) or cron(…). Every 7 days without it.
    #[arg(long, value_name = "EXPRESSION")]
    every: Option<String>,
    /// How long the window for it is, such as 3h.
    #[arg(long, value_name = "HOURS", requires = "every")]
    duration: Option<String>,
}

/// Flags of `strongroom database list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Prints all that is known, as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `strongroom database deregister`.
#[derive(Args)]
pub struct DeregisterArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The database's id.
    id: String,
}

/// Carries a command about databases out.
///
/// # Errors
/// When the server cannot be reached or refuses, or a file cannot be read.
pub fn run(command: &DatabaseCommand) -> Result<(), Box<dyn Error>> {
    match command {
        DatabaseCommand::Register(args) => register(args),
        DatabaseCommand::List(args) => list(args),
        DatabaseCommand::Deregister(args) => deregister(args),
    }
}

fn register(args: &RegisterArgs) -> Result<(), Box<dyn Error>> {
    let session = session(&args.server)?;
    let rules = args.every.as_ref().map(|expression| RotationRulesType {
        automatically_after_days: None,
        duration: args.duration.clone(),
        schedule_expression: Some(expression.clone()),
    });
    let input = RegisterDatabaseRequest {
        database_id: args.id.clone(),
        engine: args.engine,
        host: args.host.clone(),
        port: args.port.map(i32::from),
        database_name: args.dbname.clone(),
        ssl: args.ssl,
        ca_certificates: args.database_ca_file.as_deref().map(text_of).transpose()?,
        owning_service: args.owning_service,
        master_username: args.username.clone(),
        master_user_password: password(args.password_file.as_deref())?,
        kms_key_id: args.kms_key_id.clone(),
        rotation_rules: rules,
        client_request_token: Some(fresh_token()?),
    };
    block_on(async {
        let answer: RegisterDatabaseResponse = call(&session, Operation::RegisterDatabase, &input).await?;
        let database = answer.database.unwrap_or_default();
        out!("{}: registered. The secret of {} is {}", args.id, args.username, secret_of(&database));
        out!(
            "Its password is being changed now, by the one that you gave, which has not been tried before. Once \
             `strongroom database list` says active, that one does not log in any more. What was done: {}",
            args.server.history_command(&secret_of(&database))
        );
        Ok(())
    })
}

fn list(args: &ListArgs) -> Result<(), Box<dyn Error>> {
    let session = session(&args.server)?;
    block_on(async {
        let (mut databases, mut next_token) = (Vec::new(), None);
        loop {
            let input = DescribeDatabasesRequest { next_token, ..DescribeDatabasesRequest::default() };
            let page: DescribeDatabasesResponse = call(&session, Operation::DescribeDatabases, &input).await?;
            databases.extend(page.databases.unwrap_or_default());
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        if args.json {
            let all = DescribeDatabasesResponse { databases: Some(databases), next_token: None };
            let all: Value = serde_json::from_slice(json::encode(&all).expose())?;
            out!("{}", serde_json::to_string_pretty(all.get("Databases").unwrap_or(&all))?);
            return Ok(());
        }
        if databases.is_empty() {
            out!("No database is registered.");
        }
        databases.iter().for_each(show);
        Ok(())
    })
}

fn deregister(args: &DeregisterArgs) -> Result<(), Box<dyn Error>> {
    let session = session(&args.server)?;
    let input = DeregisterDatabaseRequest { database_id: args.id.clone() };
    block_on(async {
        let answer: DeregisterDatabaseResponse = call(&session, Operation::DeregisterDatabase, &input).await?;
        let database = answer.database.unwrap_or_default();
        out!("{}: forgotten, and the secret {} is deleted.", args.id, secret_of(&database));
        Ok(())
    })
}

/// A database in two lines.
fn show(database: &Database) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let engine = database.engine.map_or("", Enumeration::as_str);
    let port = database.port.map(|port| format!(":{port}")).unwrap_or_default();
    let status = database.master_user_secret.as_ref().and_then(|secret| secret.secret_status);
    out!(
        "{}  {engine}  {}{port}  user {}  {}",
        text(&database.database_id),
        text(&database.host),
        text(&database.master_username),
        status.map_or("without a secret", Enumeration::as_str),
    );
    out!("    {}", secret_of(database));
}

fn secret_of(database: &Database) -> String {
    database.master_user_secret.as_ref().and_then(|secret| secret.secret_arn.clone()).unwrap_or_default()
}

fn session(server: &ServerArgs) -> Result<Session, Box<dyn Error>> {
    Session::open(server, "", &[Service::Strongroom])
}

async fn call<I: Shape, O: Shape>(session: &Session, operation: Operation, input: &I) -> Result<O, Box<dyn Error>> {
    let target = format!("{}.{}", SERVICE.target_prefix, operation.name());
    let call = Call::json(SERVICE.signing_name, &target, &Value::Null).with_body(json::encode(input));
    let answer = session.call(Service::Strongroom, call).await?.success()?;
    Ok(json::decode_answer(answer.body.expose())?)
}

/// One of the values of an enumeration.
fn one_of<E: Enumeration>(text: &str) -> Result<E, String> {
    let known: Vec<&str> = E::ALL.iter().map(|value| value.as_str()).collect();
    let found = E::ALL.iter().find(|value| value.as_str() == text).copied();
    found.ok_or_else(|| format!("one of {}", known.join(", ")))
}

fn text_of(path: &Path) -> Result<String, Box<dyn Error>> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The password: the first line of a file, or of the standard input.
fn password(path: Option<&Path>) -> Result<SecretText, Box<dyn Error>> {
    let line = match path {
        Some(path) => {
            let text = fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            SecretText::new(text.lines().next().unwrap_or_default().to_owned())
        }
        None => unseal::asked("password")?,
    };
    let password = SecretText::new(line.expose().trim_end_matches(['\r', '\n']).to_owned());
    if password.is_empty() { Err("there is no password".into()) } else { Ok(password) }
}
