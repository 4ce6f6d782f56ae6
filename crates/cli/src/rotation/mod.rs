//! `strongroom rotation`: sets the rotation of a secret up, has it tried again, abandons it, rolls back, and shows what
//! happened.

mod control;
mod history;
pub mod session;
mod set_up;

use std::error::Error;

use clap::Subcommand;

pub use control::ControlArgs;
pub use history::HistoryArgs;
pub use set_up::SetUpArgs;

/// The commands about rotation.
#[derive(Subcommand)]
pub enum RotationCommand {
    /// Wires a secret to a function that rotates it: execution role, function, permission and schedule.
    ///
    /// What is right already stays as it is, so that the command can be repeated. A rotation begins at once, unless
    /// --not-now says otherwise or the secret is set up like this already.
    SetUp(SetUpArgs),
    /// Has a rotation tried at once: the one that is not complete, or else a new one.
    ///
    /// A rotation that is not complete is tried again from its first step with the same new version, so that a password
    /// that has reached the database already is not lost.
    Retry(ControlArgs),
    /// Gives up a rotation that is not complete: takes the label AWSPENDING off the new version.
    ///
    /// The value that is in use stays in use. If the step setSecret has already set the new password in the database, the
    /// new version is the only place where that password is written down: look at `strongroom rotation history` first.
    Abandon(ControlArgs),
    /// Puts AWSCURRENT back on the previous version, the one with AWSPREVIOUS.
    ///
    /// That changes what readers of the secret get, and nothing in the database: the password there stays what it is.
    /// With alternating users the previous user's password still works; with a single user it works again only once
    /// somebody has set it in the database.
    RollBack(ControlArgs),
    /// Shows what happened to a secret's rotations: each step, how it ended and what the function wrote; also while a
    /// server runs.
    History(HistoryArgs),
}

/// Carries a command about rotation out.
///
/// # Errors
/// When the server cannot be reached or refuses, or the store cannot be read.
pub fn run(command: &RotationCommand) -> Result<(), Box<dyn Error>> {
    match command {
        RotationCommand::SetUp(args) => set_up::run(args),
        RotationCommand::Retry(args) => control::retry(args),
        RotationCommand::Abandon(args) => control::abandon(args),
        RotationCommand::RollBack(args) => control::roll_back(args),
        RotationCommand::History(args) => history::run(args),
    }
}
