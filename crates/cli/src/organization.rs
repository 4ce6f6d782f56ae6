//! `strongroom organization`: units, the accounts in them, and the service control policies that bound them, while no
//! server runs.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use strongroom_core::identities::entity::new_id;
use strongroom_core::identities::organization::Organization;
use strongroom_crypto::SystemRandom;
use strongroom_server::gate::fault_text;
use strongroom_store::Batch;

use crate::offline::DataArgs;
use crate::output::out;
use crate::store::{self, Opened};

/// The commands about the organization.
#[derive(Subcommand)]
pub enum OrganizationCommand {
    /// Makes the organization, with the first account as its management account.
    Create(DataArgs),
    /// Prints the organization: units, accounts, policies and what they are attached to.
    Show(DataArgs),
    /// Makes a unit in the root or in another unit.
    AddUnit(UnitArgs),
    /// Removes an empty unit.
    RemoveUnit(TargetArgs),
    /// Puts an account into the organization, or into another unit of it.
    PlaceAccount(PlaceArgs),
    /// Takes an account out of the organization.
    RemoveAccount(TargetArgs),
    /// Makes or replaces a service control policy.
    PutPolicy(PolicyArgs),
    /// Removes a policy that is attached to nothing.
    RemovePolicy(TargetArgs),
    /// Attaches a policy to the root, a unit or an account.
    Attach(AttachArgs),
    /// Detaches a policy; the last one of a target stays.
    Detach(AttachArgs),
}

/// Flags of `add-unit`.
#[derive(Args)]
pub struct UnitArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The unit's name.
    name: String,
    /// The id of the unit that it is in; the root when left out.
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
}

/// Flags of the commands about one unit, account or policy.
#[derive(Args)]
pub struct TargetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The unit's id, the account's number, or the policy's id or name.
    target: String,
}

/// Flags of `place-account`.
#[derive(Args)]
pub struct PlaceArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The account's number.
    account: String,
    /// The id of the unit; the root when left out.
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
}

/// Flags of `put-policy`.
#[derive(Args)]
pub struct PolicyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The policy's name.
    name: String,
    /// The file with the policy, in JSON.
    file: PathBuf,
}

/// Flags of `attach` and `detach`.
#[derive(Args)]
pub struct AttachArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The policy's id or name.
    policy: String,
    /// The id of the root or a unit, or an account's number.
    target: String,
}

/// Carries a command about the organization out.
///
/// # Errors
/// When the store is in use or cannot be opened, or what is asked for is not possible; nothing is changed then.
pub fn run(command: &OrganizationCommand) -> Result<(), Box<dyn Error>> {
    let letters = letters()?;
    match command {
        OrganizationCommand::Create(data) => store::change(data, async |opened| create(opened, &letters).await),
        OrganizationCommand::Show(data) => store::look(data, async |opened| show(opened).await),
        OrganizationCommand::AddUnit(args) => change(&args.data, |organization| {
            let id = organization.add_unit(&args.name, args.parent.as_deref(), tail(&letters, 8))?;
            Ok(format!("unit {id}"))
        }),
        OrganizationCommand::RemoveUnit(args) => {
            change(&args.data, |organization| said(organization.remove_unit(&args.target), "removed"))
        }
        OrganizationCommand::PlaceAccount(args) => place_account(args),
        OrganizationCommand::RemoveAccount(args) => {
            change(&args.data, |organization| said(organization.remove_account(&args.target), "removed"))
        }
        OrganizationCommand::PutPolicy(args) => {
            let text = fs::read_to_string(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
            change(&args.data, |organization| {
                let id = organization.put_policy(&args.name, &text, tail(&letters, 8))?;
                Ok(format!("policy {id}"))
            })
        }
        OrganizationCommand::RemovePolicy(args) => {
            change(&args.data, |organization| said(organization.remove_policy(&args.target), "removed"))
        }
        OrganizationCommand::Attach(args) => {
            change(&args.data, |organization| said(organization.attach(&args.policy, &args.target), "attached"))
        }
        OrganizationCommand::Detach(args) => {
            change(&args.data, |organization| said(organization.detach(&args.policy, &args.target), "detached"))
        }
    }
}

fn said(done: Result<(), String>, what: &str) -> Result<String, String> {
    done.map(|()| what.to_owned())
}

/// Letters for ids.
fn letters() -> Result<String, Box<dyn Error>> {
    Ok(new_id(&SystemRandom, "")?.to_ascii_lowercase())
}

fn tail(letters: &str, count: usize) -> &str {
    letters.get(letters.len().saturating_sub(count)..).unwrap_or(letters)
}

async fn create(opened: &Opened, letters: &str) -> Result<(), Box<dyn Error>> {
    let Opened { documents, identities, .. } = opened;
    let fault = |error| fault_text(&error);
    if identities.organization().await.map_err(fault)?.is_some() {
        return Err("there is an organization already".into());
    }
    let management = identities.first_account().await.map_err(fault)?.ok_or("the store has no account")?;
    let organization = Organization::new(management.as_str(), letters);
    out!("organization {}, root {}, management account {management}", organization.id, organization.root_id);
    let mut batch = Batch::named("create_organization");
    documents.put(&mut batch, None, &Arc::new(organization)).map_err(fault)?;
    documents.commit(batch).await.map_err(fault)?;
    Ok(())
}

fn place_account(args: &PlaceArgs) -> Result<(), Box<dyn Error>> {
    store::change(&args.data, async |opened| {
        let account = opened.identities.account(&args.account).await.map_err(|error| fault_text(&error))?;
        if account.is_none() {
            return Err(format!("the store has no account {}", args.account).into());
        }
        changed(opened, |organization| {
            said(organization.place_account(&args.account, args.parent.as_deref()), "placed")
        })
        .await
    })
}

fn change(
    data: &DataArgs,
    change: impl FnOnce(&mut Organization) -> Result<String, String>,
) -> Result<(), Box<dyn Error>> {
    store::change(data, async |opened| changed(opened, change).await)
}

async fn changed(
    opened: &Opened,
    change: impl FnOnce(&mut Organization) -> Result<String, String>,
) -> Result<(), Box<dyn Error>> {
    let fault = |error| fault_text(&error);
    let before = opened.identities.organization().await.map_err(fault)?;
    let before = before.ok_or("there is no organization: make one with `strongroom organization create`")?;
    let mut after = Organization::clone(&before.value);
    let told = change(&mut after)?;
    let mut batch = Batch::named("change_organization");
    opened.documents.put(&mut batch, Some(&before), &Arc::new(after)).map_err(fault)?;
    opened.documents.commit(batch).await.map_err(fault)?;
    out!("{told}");
    Ok(())
}

async fn show(opened: &Opened) -> Result<(), Box<dyn Error>> {
    let found = opened.identities.organization().await.map_err(|error| fault_text(&error))?;
    let organization = found.ok_or("there is no organization")?.value;
    out!("organization {} (management account {})", organization.id, organization.management);
    let attached = |target: &str| {
        let ids = organization.attached.get(target).map(Vec::as_slice).unwrap_or_default();
        let name = |id: &String| organization.policies.get(id).map_or(id.clone(), |policy| policy.name.clone());
        ids.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    out!("root {}: {}", organization.root_id, attached(&organization.root_id));
    for (id, unit) in &organization.units {
        out!("unit {id} {} in {}: {}", unit.name, unit.parent, attached(id));
    }
    for (account, parent) in &organization.accounts {
        out!("account {account} in {parent}: {}", attached(account));
    }
    for (id, policy) in &organization.policies {
        out!("policy {id} {}", policy.name);
    }
    Ok(())
}
