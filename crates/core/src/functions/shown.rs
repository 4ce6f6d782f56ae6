//! Functions as the API shows them.

use strongroom_types::Timestamp;
use strongroom_wire::forms::Enumeration;
use strongroom_wire::lambda::{
    AliasConfiguration, AliasRoutingConfiguration, DeadLetterConfig, EnvironmentResponse, EphemeralStorage,
    FunctionConfiguration, LastUpdateStatus, Layer, LoggingConfig, PackageType, SnapStartOptimizationStatus,
    SnapStartResponse, State, TracingConfigResponse, VpcConfigResponse,
};
use strongroom_wire::timestamps;

use super::model::{Alias, Configuration, Function, LATEST};

/// A version of a function. `qualified` says whether its ARN carries the version, as it does unless the function was
/// asked for without a qualifier.
pub(super) fn configuration(function: &Function, version: &str, qualified: bool) -> Option<FunctionConfiguration> {
    let found = function.version(version)?;
    let arn = if qualified { function.arn_of(version) } else { function.arn() };
    Some(FunctionConfiguration {
        function_name: Some(function.name.clone()),
        function_arn: Some(arn.clone()),
        version: Some(version.to_owned()),
        // Of published versions it tells where they came from.
        master_arn: None,
        ..of(found)
    })
}

fn of(found: &Configuration) -> FunctionConfiguration {
    let environment = (!found.environment.is_empty()).then(|| EnvironmentResponse {
        variables: Some(found.environment.iter().map(|one| (one.name.clone(), one.value.clone())).collect()),
        error: None,
    });
    let layers: Vec<Layer> = found
        .layers
        .iter()
        .map(|arn| Layer { arn: Some(arn.clone()), code_size: Some(0), ..Layer::default() })
        .collect();
    FunctionConfiguration {
        runtime: enumerated(found.runtime.as_deref()),
        role: Some(found.role.clone()),
        handler: found.handler.clone(),
        code_size: i64::try_from(found.code.bytes).ok(),
        description: Some(found.description.clone()),
        timeout: i32::try_from(found.timeout_s).ok(),
        memory_size: i32::try_from(found.memory_mib).ok(),
        last_modified: Some(moment(found.modified_ms)),
        code_sha256: Some(found.code.sha256.clone()),
        vpc_config: found.vpc.as_ref().map(|vpc| VpcConfigResponse {
            subnet_ids: Some(vpc.subnets.clone()),
            security_group_ids: Some(vpc.security_groups.clone()),
            vpc_id: Some(String::new()),
            ipv6_allowed_for_dual_stack: Some(vpc.ipv6),
        }),
        dead_letter_config: found
            .dead_letter_arn
            .as_ref()
            .map(|arn| DeadLetterConfig { target_arn: Some(arn.clone()) }),
        environment,
        kms_key_arn: found.kms_key_arn.clone(),
        tracing_config: Some(TracingConfigResponse { mode: enumerated(Some(&found.tracing_mode)) }),
        revision_id: Some(found.revision_id.clone()),
        layers: (!layers.is_empty()).then_some(layers),
        state: Some(State::Active),
        last_update_status: Some(LastUpdateStatus::Successful),
        package_type: Some(PackageType::Zip),
        architectures: enumerated(Some(&found.architecture)).map(|one| vec![one]),
        ephemeral_storage: i32::try_from(found.ephemeral_mib).ok().map(|size| EphemeralStorage { size }),
        snap_start: Some(SnapStartResponse {
            apply_on: enumerated(Some(&found.snap_start)),
            optimization_status: Some(SnapStartOptimizationStatus::Off),
        }),
        logging_config: Some(LoggingConfig {
            log_format: enumerated(Some(&found.log_format)),
            application_log_level: enumerated(found.log_levels.as_ref().map(|(application, _)| application.as_str())),
            system_log_level: enumerated(found.log_levels.as_ref().map(|(_, system)| system.as_str())),
            log_group: Some(found.log_group.clone()),
        }),
        ..FunctionConfiguration::default()
    }
}

/// An alias.
pub(super) fn alias(function: &Function, name: &str, alias: &Alias) -> AliasConfiguration {
    AliasConfiguration {
        alias_arn: Some(function.arn_of(name)),
        name: Some(name.to_owned()),
        function_version: Some(alias.version.clone()),
        description: Some(alias.description.clone()),
        routing_config: alias.weight.as_ref().map(|(version, weight)| AliasRoutingConfiguration {
            additional_version_weights: Some([(version.clone(), *weight)].into()),
        }),
        revision_id: Some(alias.revision_id.clone()),
    }
}

/// A value of an enumeration that was stored by its name.
fn enumerated<E: Enumeration>(text: Option<&str>) -> Option<E> {
    text.and_then(E::parse)
}

/// `2024-05-03T17:51:02.123+0000`.
fn moment(ms: i64) -> String {
    let whole = timestamps::iso(Timestamp::from_seconds(ms.div_euclid(1000)));
    let seconds = whole.trim_end_matches('Z');
    format!("{seconds}.{:03}+0000", ms.rem_euclid(1000))
}

/// Whether a version is the one that changes go to.
pub(super) fn is_latest(version: &str) -> bool {
    version == LATEST
}
