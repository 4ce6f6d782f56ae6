//! `strongroom events dead-letters`: lists the events that no target took, has them sent again, drops them.

use std::error::Error;

use clap::{Args, Subcommand};
use serde_json::Value;
use strongroom_client::Call;
use strongroom_wire::strongroom::{
    DeadLetter, DescribeDeadLettersRequest, DescribeDeadLettersResponse, DropDeadLettersRequest,
    DropDeadLettersResponse, Operation, RetryDeadLettersRequest, RetryDeadLettersResponse, SERVICE,
};
use strongroom_wire::timestamps::iso;
use strongroom_wire::{Shape, json};

use crate::counted::counted;
use crate::output::out;
use crate::rotation::session::{ServerArgs, Service, Session, block_on};

/// Ids that one request names at most.
const IDS_MAX: usize = 100;

/// The commands about events.
#[derive(Subcommand)]
pub enum EventsCommand {
    /// Works on events that were not delivered in the end: they are kept for 14 days.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

/// The commands about dead letters.
#[derive(Subcommand)]
pub enum DeadLettersCommand {
    /// Shows them, the oldest first, with the reason of the last failure.
    List(ListArgs),
    /// Has them delivered anew, to the targets that they were for.
    Retry(ChosenArgs),
    /// Forgets them.
    Drop(ChosenArgs),
}

/// Flags of `strongroom events dead-letters list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Prints all that is known, with the events, as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of the commands that work on some dead letters.
#[derive(Args)]
pub struct ChosenArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Their ids, as `list` shows them.
    #[arg(required_unless_present = "all")]
    ids: Vec<String>,
    /// All that there are.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// Carries a command about events out.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn run(command: &EventsCommand) -> Result<(), Box<dyn Error>> {
    let EventsCommand::DeadLetters(command) = command;
    match command {
        DeadLettersCommand::List(args) => list(args),
        DeadLettersCommand::Retry(args) => on_each(args, "sent again", Operation::RetryDeadLetters, |ids| {
            RetryDeadLettersRequest { dead_letter_ids: ids }
        }),
        DeadLettersCommand::Drop(args) => {
            on_each(args, "dropped", Operation::DropDeadLetters, |ids| DropDeadLettersRequest { dead_letter_ids: ids })
        }
    }
}

fn list(args: &ListArgs) -> Result<(), Box<dyn Error>> {
    let session = session(&args.server)?;
    block_on(async {
        let dead_letters = all(&session).await?;
        if args.json {
            let all = DescribeDeadLettersResponse { dead_letters: Some(dead_letters), next_token: None };
            let all: Value = serde_json::from_slice(json::encode(&all).expose())?;
            out!("{}", serde_json::to_string_pretty(all.get("DeadLetters").unwrap_or(&all))?);
            return Ok(());
        }
        if dead_letters.is_empty() {
            out!("There is no dead letter.");
        }
        dead_letters.iter().for_each(show);
        Ok(())
    })
}

/// A dead letter in two lines.
fn show(dead_letter: &DeadLetter) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    out!("{}", text(&dead_letter.dead_letter_id));
    out!(
        "    {}  given up {} after {}: {}",
        text(&dead_letter.target_arn),
        dead_letter.given_up_date.map(iso).unwrap_or_default(),
        counted(dead_letter.attempts.unwrap_or_default(), "attempt"),
        text(&dead_letter.failure),
    );
}

fn on_each<I: Shape>(
    args: &ChosenArgs,
    done: &str,
    operation: Operation,
    request: fn(Vec<String>) -> I,
) -> Result<(), Box<dyn Error>> {
    let session = session(&args.server)?;
    block_on(async {
        let ids = if args.all {
            all(&session).await?.into_iter().filter_map(|dead_letter| dead_letter.dead_letter_id).collect()
        } else {
            args.ids.clone()
        };
        for some in ids.chunks(IDS_MAX) {
            let input = request(some.to_vec());
            match operation {
                Operation::RetryDeadLetters => {
                    let _: RetryDeadLettersResponse = call(&session, operation, &input).await?;
                }
                _ => {
                    let _: DropDeadLettersResponse = call(&session, operation, &input).await?;
                }
            }
        }
        out!("{}: {done}", ids.len());
        Ok(())
    })
}

async fn all(session: &Session) -> Result<Vec<DeadLetter>, Box<dyn Error>> {
    let (mut found, mut next_token) = (Vec::new(), None);
    loop {
        let input = DescribeDeadLettersRequest { next_token, ..DescribeDeadLettersRequest::default() };
        let page: DescribeDeadLettersResponse = call(session, Operation::DescribeDeadLetters, &input).await?;
        found.extend(page.dead_letters.unwrap_or_default());
        next_token = page.next_token;
        if next_token.is_none() {
            return Ok(found);
        }
    }
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
