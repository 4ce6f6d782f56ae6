//! How a version of a function runs: what requests ask for, checked and put into the stored form.

use strongroom_types::SecretText;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::lambda::{
    CreateFunctionRequest, DeadLetterConfig, Environment, EphemeralStorage, LoggingConfig, Runtime, SnapStart,
    SnapStartApplyOn, TracingConfig, TracingMode, UpdateFunctionConfigurationRequest, VpcConfig,
};

use super::model::{CodeFacts, Configuration, Variable, Vpc};
use super::{NATIVE, refusals};
use crate::error::Error;

/// How long an invocation may take at most, in seconds (Lambda's quotas).
const TIMEOUT_S_MAX: i32 = 900;
/// How long it may take when nobody says, in seconds.
const TIMEOUT_S_DEFAULT: u32 = 3;
/// Memory at most, in MiB (Lambda's quotas).
const MEMORY_MIB_MAX: i32 = 10_240;
/// Memory when nobody says, in MiB.
const MEMORY_MIB_DEFAULT: u32 = 128;
/// Room for temporary files, at least and when nobody says, and at most, in MiB.
const EPHEMERAL_MIB: (u32, i32) = (512, 10_240);
/// Bytes of all environment variables at most (Lambda's quotas).
const ENVIRONMENT_BYTES_MAX: usize = 4096;
/// Variables that Lambda sets itself (Lambda's developer guide, "Defined runtime environment variables": those that cannot
/// be set).
const RESERVED: [&str; 19] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// What a request says of a configuration.
pub(super) struct Wanted<'a> {
    role: Option<&'a String>,
    runtime: Option<Runtime>,
    handler: Option<&'a String>,
    description: Option<&'a String>,
    timeout: Option<i32>,
    memory_size: Option<i32>,
    ephemeral_storage: Option<&'a EphemeralStorage>,
    environment: Option<&'a Environment>,
    kms_key_arn: Option<&'a String>,
    tracing: Option<&'a TracingConfig>,
    layers: Option<&'a Vec<String>>,
    vpc: Option<&'a VpcConfig>,
    dead_letter: Option<&'a DeadLetterConfig>,
    logging: Option<&'a LoggingConfig>,
    snap_start: Option<&'a SnapStart>,
}

/// Members that both requests have.
macro_rules! wanted {
    ($input:ident, $role:expr) => {
        Wanted {
            role: $role,
            runtime: $input.runtime,
            handler: $input.handler.as_ref(),
            description: $input.description.as_ref(),
            timeout: $input.timeout,
            memory_size: $input.memory_size,
            ephemeral_storage: $input.ephemeral_storage.as_ref(),
            environment: $input.environment.as_ref(),
            kms_key_arn: $input.kms_key_arn.as_ref(),
            tracing: $input.tracing_config.as_ref(),
            layers: $input.layers.as_ref(),
            vpc: $input.vpc_config.as_ref(),
            dead_letter: $input.dead_letter_config.as_ref(),
            logging: $input.logging_config.as_ref(),
            snap_start: $input.snap_start.as_ref(),
        }
    };
}

/// Members that mean something only where AWS's own network and machines are.
macro_rules! refuse_later {
    ($input:ident) => {
        for (given, what) in [
            ($input.file_system_configs.as_ref().is_some_and(|list| !list.is_empty()), "FileSystemConfigs"),
            ($input.capacity_provider_config.is_some(), "CapacityProviderConfig"),
            ($input.durable_config.is_some(), "DurableConfig"),
            ($input.accelerator_config.is_some(), "AcceleratorConfig"),
            ($input.image_config.is_some(), "ImageConfig"),
        ] {
            if given {
                return Err(refusals::not_offered(what));
            }
        }
    };
}

impl<'a> Wanted<'a> {
    /// Of a new function.
    ///
    /// # Errors
    /// InvalidParameterValueException for what is not offered.
    pub(super) fn of_new(input: &'a CreateFunctionRequest) -> Result<Self, Error> {
        refuse_later!(input);
        Ok(wanted!(input, Some(&input.role)))
    }

    /// Of a changed one.
    ///
    /// # Errors
    /// As [`Wanted::of_new`].
    pub(super) fn of_changed(input: &'a UpdateFunctionConfigurationRequest) -> Result<Self, Error> {
        refuse_later!(input);
        Ok(wanted!(input, input.role.as_ref()))
    }

    /// Puts what is said into a configuration.
    ///
    /// # Errors
    /// InvalidParameterValueException.
    pub(super) fn put(&self, into: &mut Configuration) -> Result<(), Error> {
        self.put_limits(into)?;
        if let Some(role) = self.role {
            into.role.clone_from(role);
        }
        if let Some(runtime) = self.runtime {
            into.runtime = Some(runtime.as_str().to_owned());
        }
        if let Some(handler) = self.handler {
            into.handler = Some(handler.clone());
        }
        if let Some(description) = self.description {
            into.description.clone_from(description);
        }
        if let Some(variables) = self.environment {
            into.environment = checked_environment(variables)?;
        }
        if let Some(key) = self.kms_key_arn {
            into.kms_key_arn = Some(key.clone()).filter(|key| !key.is_empty());
        }
        if let Some(mode) = self.tracing.and_then(|tracing| tracing.mode) {
            mode.as_str().clone_into(&mut into.tracing_mode);
        }
        if let Some(layers) = self.layers {
            into.layers.clone_from(layers);
        }
        if let Some(vpc) = self.vpc {
            into.vpc = stored_vpc(vpc);
        }
        if let Some(dead_letter) = self.dead_letter {
            into.dead_letter_arn = dead_letter.target_arn.clone().filter(|arn| !arn.is_empty());
        }
        if let Some(apply_on) = self.snap_start.and_then(|snap_start| snap_start.apply_on) {
            apply_on.as_str().clone_into(&mut into.snap_start);
        }
        self.put_logging(into);
        Ok(())
    }

    fn put_limits(&self, into: &mut Configuration) -> Result<(), Error> {
        if let Some(timeout) = self.timeout {
            into.timeout_s = within("timeout", timeout, 1, TIMEOUT_S_MAX)?;
        }
        if let Some(memory) = self.memory_size {
            into.memory_mib = within("memorySize", memory, 128, MEMORY_MIB_MAX)?;
        }
        if let Some(storage) = self.ephemeral_storage {
            into.ephemeral_mib = within("ephemeralStorage.size", storage.size, 512, EPHEMERAL_MIB.1)?;
        }
        Ok(())
    }

    fn put_logging(&self, into: &mut Configuration) {
        let Some(logging) = self.logging else { return };
        if let Some(format) = logging.log_format {
            format.as_str().clone_into(&mut into.log_format);
        }
        if let Some(group) = &logging.log_group {
            into.log_group.clone_from(group);
        }
        into.log_levels = (into.log_format == "JSON").then(|| {
            let (application, system) =
                into.log_levels.take().unwrap_or_else(|| ("INFO".to_owned(), "INFO".to_owned()));
            let application = logging.application_log_level.map_or(application, |level| level.as_str().to_owned());
            (application, logging.system_log_level.map_or(system, |level| level.as_str().to_owned()))
        });
    }
}

/// A configuration of which nothing was said yet.
pub(super) fn blank(name: &str, code: CodeFacts, architecture: &str) -> Configuration {
    Configuration {
        runtime: None,
        role: String::new(),
        handler: None,
        description: String::new(),
        timeout_s: TIMEOUT_S_DEFAULT,
        memory_mib: MEMORY_MIB_DEFAULT,
        ephemeral_mib: EPHEMERAL_MIB.0,
        architecture: architecture.to_owned(),
        environment: Vec::new(),
        kms_key_arn: None,
        tracing_mode: TracingMode::PassThrough.as_str().to_owned(),
        layers: Vec::new(),
        vpc: None,
        dead_letter_arn: None,
        log_format: "Text".to_owned(),
        log_group: ["/aws/lambda/", name].concat(),
        log_levels: None,
        snap_start: SnapStartApplyOn::None.as_str().to_owned(),
        code,
        revision_id: String::new(),
        modified_ms: 0,
    }
}

/// The name of the native package that a configuration runs, if it runs one.
pub(super) fn native<'a>(runtime: Option<&str>, handler: Option<&'a str>) -> Option<&'a str> {
    let custom = runtime.is_some_and(|runtime| runtime.starts_with("provided"));
    handler.filter(|_| custom)?.strip_prefix(NATIVE)
}

fn within(what: &str, value: i32, least: i32, most: i32) -> Result<u32, Error> {
    let bound = if value < least {
        format!("greater than or equal to {least}")
    } else if value > most {
        format!("less than or equal to {most}")
    } else {
        return u32::try_from(value).map_err(|_| Error::internal("a limit is negative"));
    };
    let text = format!(
        "1 validation error detected: Value '{value}' at '{what}' failed to satisfy constraint: Member must have value {bound}"
    );
    Err(Error::refused(strongroom_wire::error::VALIDATION, text))
}

fn checked_environment(environment: &Environment) -> Result<Vec<Variable>, Error> {
    let given = environment.variables.iter().flatten();
    let variables: Vec<Variable> =
        given.map(|(name, value)| Variable { name: name.clone(), value: SecretText::clone(value) }).collect();
    let reserved: Vec<&str> =
        variables.iter().map(|one| one.name.as_str()).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(refusals::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            reserved.join(", ")
        )));
    }
    // Measured as JSON, as Lambda does.
    let bytes: usize = variables.iter().map(|one| one.name.len() + one.value.len() + 6).sum::<usize>() + 1;
    if bytes > ENVIRONMENT_BYTES_MAX {
        return Err(refusals::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit. String measured: {bytes} bytes"
        )));
    }
    Ok(variables)
}

fn stored_vpc(vpc: &VpcConfig) -> Option<Vpc> {
    let stored = Vpc {
        subnets: vpc.subnet_ids.clone().unwrap_or_default(),
        security_groups: vpc.security_group_ids.clone().unwrap_or_default(),
        ipv6: vpc.ipv6_allowed_for_dual_stack.unwrap_or_default(),
    };
    (!stored.subnets.is_empty() || !stored.security_groups.is_empty()).then_some(stored)
}
