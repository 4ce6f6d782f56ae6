//! One invocation: the checks that begin every step, then the step of the package's strategy.

use std::collections::BTreeMap;

use crate::{
    Event, Failure, Log, Package, Secrets, Settings, Step,
    package::Strategy,
    secrets::Described,
    steps::{Rotation, generic, multi, single},
};

/// The label of the version in use.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The label of the version under way.
pub(crate) const PENDING: &str = "AWSPENDING";
/// The label of the version in use before.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// Runs one step of a rotation. Each step may run any number of times.
///
/// # Errors
/// As the templates: rotation is not on, the version is not the one under way, the secret's JSON lacks something, or
/// no login works. Failures of [`Secrets`] pass through.
pub async fn run(
    package: &Package,
    event: &Event,
    environment: &BTreeMap<String, String>,
    settings: &Settings,
    secrets: &dyn Secrets,
    log: &mut Log,
) -> Result<(), Failure> {
    let outcome = checked(package, event, environment, settings, secrets, log).await;
    if let Err(failure) = &outcome {
        log.error(format!("{}: {failure}", event.step));
    }
    outcome
}

async fn checked(
    package: &Package,
    event: &Event,
    environment: &BTreeMap<String, String>,
    settings: &Settings,
    secrets: &dyn Secrets,
    log: &mut Log,
) -> Result<(), Failure> {
    let (arn, token) = (event.secret_id.as_str(), event.token.as_str());
    let described = secrets.describe(arn).await?;
    if described.rotation_enabled == Some(false) {
        return Err(Failure::value(format!("Secret {arn} is not enabled for rotation")));
    }
    let Some(stages) = described.version_ids_to_stages.get(token) else {
        return Err(Failure::value(format!("Secret version {token} has no stage for rotation of secret {arn}.")));
    };
    if stages.iter().any(|stage| stage == CURRENT) {
        log.info(format!("Secret version {token} already set as AWSCURRENT for secret {arn}."));
        return Ok(());
    }
    if !stages.iter().any(|stage| stage == PENDING) {
        return Err(Failure::value(format!(
            "Secret version {token} not set as AWSPENDING for rotation of secret {arn}."
        )));
    }
    let mut rotation = Rotation { package, event, environment, settings, secrets, log };
    match (event.step, package.strategy) {
        (Step::Create, Strategy::SingleUser) => single::create(&mut rotation).await,
        (Step::Create, Strategy::AlternatingUsers) => multi::create(&mut rotation).await,
        (Step::Create, Strategy::Generic) => generic::create(&mut rotation).await,
        (Step::Set, Strategy::SingleUser) => single::set(&mut rotation).await,
        (Step::Set, Strategy::AlternatingUsers) => multi::set(&mut rotation).await,
        (Step::Test, Strategy::SingleUser | Strategy::AlternatingUsers) => rotation.test().await,
        (Step::Set | Step::Test, Strategy::Generic) => {
            rotation.log.info(format!("{}: there is no outside system for secret {arn}.", event.step));
            Ok(())
        }
        (Step::Finish, _) => finish(&mut rotation, &described).await,
    }
}

/// Makes the version under way the one in use.
async fn finish(rotation: &mut Rotation<'_>, described: &Described) -> Result<(), Failure> {
    let (arn, token) = (rotation.event.secret_id.as_str(), rotation.event.token.as_str());
    let current = described
        .version_ids_to_stages
        .iter()
        .find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT))
        .map(|(version, _)| version.as_str());
    rotation.secrets.move_current(arn, token, current).await?;
    rotation.log.info(format!(
        "finishSecret: Successfully set AWSCURRENT stage to version {token} for secret {arn}."
    ));
    Ok(())
}
