//! An operation of any service, and how a request of the query protocol names it.

use super::{AccessLevel, Protocol, Service, Visitor};
use crate::error::{Code, ServiceError, UNKNOWN_OPERATION};
use crate::query::Query;
use crate::{cloudtrail, cloudwatch, config, events, iam, kms, lambda, logs, rest, secretsmanager, strongroom, sts};

/// The request names no operation. The code is in AWS's list of common errors; the text is unconfirmed.
const MISSING_ACTION: Code = Code::new("MissingAction", 400);

/// An operation of any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyOperation {
    /// Of Secrets Manager.
    SecretsManager(secretsmanager::Operation),
    /// Of IAM.
    Iam(iam::Operation),
    /// Of STS.
    Sts(sts::Operation),
    /// Of KMS.
    Kms(kms::Operation),
    /// Of Lambda.
    Lambda(lambda::Operation),
    /// Of Config.
    Config(config::Operation),
    /// Of CloudTrail.
    CloudTrail(cloudtrail::Operation),
    /// Of CloudWatch.
    CloudWatch(cloudwatch::Operation),
    /// Of CloudWatch Logs.
    Logs(logs::Operation),
    /// Of EventBridge.
    Events(events::Operation),
    /// Of Strongroom's own service.
    Strongroom(strongroom::Operation),
}

/// Does the same for each service's operation.
macro_rules! each {
    ($any:expr, $operation:ident => $what:expr) => {
        match $any {
            AnyOperation::SecretsManager($operation) => $what,
            AnyOperation::Iam($operation) => $what,
            AnyOperation::Sts($operation) => $what,
            AnyOperation::Kms($operation) => $what,
            AnyOperation::Lambda($operation) => $what,
            AnyOperation::Config($operation) => $what,
            AnyOperation::CloudTrail($operation) => $what,
            AnyOperation::CloudWatch($operation) => $what,
            AnyOperation::Logs($operation) => $what,
            AnyOperation::Events($operation) => $what,
            AnyOperation::Strongroom($operation) => $what,
        }
    };
}

impl AnyOperation {
    /// The services.
    pub const SERVICES: [&'static Service; 11] = [
        &secretsmanager::SERVICE,
        &iam::SERVICE,
        &sts::SERVICE,
        &kms::SERVICE,
        &lambda::SERVICE,
        &config::SERVICE,
        &cloudtrail::SERVICE,
        &cloudwatch::SERVICE,
        &logs::SERVICE,
        &events::SERVICE,
        &strongroom::SERVICE,
    ];

    /// All operations, service by service.
    pub fn all() -> impl Iterator<Item = Self> {
        let secrets = secretsmanager::Operation::ALL.into_iter().map(Self::SecretsManager);
        secrets
            .chain(iam::Operation::ALL.into_iter().map(Self::Iam))
            .chain(sts::Operation::ALL.into_iter().map(Self::Sts))
            .chain(kms::Operation::ALL.into_iter().map(Self::Kms))
            .chain(lambda::Operation::ALL.into_iter().map(Self::Lambda))
            .chain(config::Operation::ALL.into_iter().map(Self::Config))
            .chain(cloudtrail::Operation::ALL.into_iter().map(Self::CloudTrail))
            .chain(cloudwatch::Operation::ALL.into_iter().map(Self::CloudWatch))
            .chain(logs::Operation::ALL.into_iter().map(Self::Logs))
            .chain(events::Operation::ALL.into_iter().map(Self::Events))
            .chain(strongroom::Operation::ALL.into_iter().map(Self::Strongroom))
    }

    /// The operation called `name` of the service with this signing name.
    #[must_use]
    pub fn from_name(signing_name: &str, name: &str) -> Option<Self> {
        if signing_name == secretsmanager::SERVICE.signing_name {
            secretsmanager::Operation::from_name(name).map(Self::SecretsManager)
        } else if signing_name == iam::SERVICE.signing_name {
            iam::Operation::from_name(name).map(Self::Iam)
        } else if signing_name == sts::SERVICE.signing_name {
            sts::Operation::from_name(name).map(Self::Sts)
        } else if signing_name == kms::SERVICE.signing_name {
            kms::Operation::from_name(name).map(Self::Kms)
        } else if signing_name == lambda::SERVICE.signing_name {
            lambda::Operation::from_name(name).map(Self::Lambda)
        } else if signing_name == config::SERVICE.signing_name {
            config::Operation::from_name(name).map(Self::Config)
        } else if signing_name == cloudtrail::SERVICE.signing_name {
            cloudtrail::Operation::from_name(name).map(Self::CloudTrail)
        } else if signing_name == cloudwatch::SERVICE.signing_name {
            cloudwatch::Operation::from_name(name).map(Self::CloudWatch)
        } else if signing_name == logs::SERVICE.signing_name {
            logs::Operation::from_name(name).map(Self::Logs)
        } else if signing_name == events::SERVICE.signing_name {
            events::Operation::from_name(name).map(Self::Events)
        } else if signing_name == strongroom::SERVICE.signing_name {
            strongroom::Operation::from_name(name).map(Self::Strongroom)
        } else {
            None
        }
    }

    /// The operation that an `X-Amz-Target` names.
    #[must_use]
    pub fn of_target(target: &str) -> Option<Self> {
        Self::SERVICES
            .into_iter()
            .find_map(|service| Self::from_name(service.signing_name, service.operation_in_target(target)?))
    }

    /// The operation that a method and a path name.
    #[must_use]
    pub fn of_path(method: &str, path: &str) -> Option<Self> {
        rest::find(&lambda::ROUTES, method, path).map(|route| Self::Lambda(route.operation))
    }

    /// The operation that the path of a request of Smithy's protocol of remote calls names:
    /// `/service/Service/operation/Operation`, behind whatever an endpoint has in front of it.
    #[must_use]
    pub fn of_call_path(path: &str) -> Option<Self> {
        let (_, call) = path.rsplit_once("/service/")?;
        let (target, name) = call.split_once("/operation/")?;
        let spoken = Self::SERVICES.into_iter().filter(|service| service.speaks(Protocol::RpcV2Cbor));
        let service = spoken.into_iter().find(|service| service.target_prefix == target)?;
        Self::from_name(service.signing_name, name)
    }

    /// The place of the operation among those of its service.
    #[must_use]
    pub const fn place(self) -> usize {
        each!(self, operation => operation as usize)
    }

    /// Whether some service has operations of this path.
    #[must_use]
    pub fn knows_path(path: &str) -> bool {
        rest::knows_path(&lambda::ROUTES, path)
    }

    /// The operation that the parameters of a request in the query protocol name, be they in the body or in the query
    /// string. `signing_name` is the service in the scope of the request's signature, if it has one: it decides where
    /// two services could be meant, as the endpoint does at AWS.
    ///
    /// # Errors
    /// `MissingAction` without `Action`; `InvalidAction` when no service has such an operation in such a version, with
    /// the text that AWS's query services have for it.
    pub fn of_query(query: &Query<'_>, signing_name: Option<&str>) -> Result<Self, ServiceError> {
        let action = query.action().filter(|action| !action.is_empty());
        let action = action.ok_or_else(|| MISSING_ACTION.with("Missing Action"))?;
        let version = query.get("Version").filter(|version| !version.is_empty());
        let signed_for = |service: &&Service| signing_name.is_none_or(|name| name == service.signing_name);
        let queried = Self::SERVICES.into_iter().filter(|service| service.speaks(Protocol::Query));
        let meant = queried.filter(signed_for).filter(|service| version == Some(service.api_version));
        meant.filter_map(|service| Self::from_name(service.signing_name, action)).next().ok_or_else(|| {
            let version = version.unwrap_or("NO_VERSION_SPECIFIED");
            UNKNOWN_OPERATION.for_query().with(format!("Could not find operation {action} for version {version}"))
        })
    }

    /// The service.
    #[must_use]
    pub const fn service(self) -> &'static Service {
        match self {
            Self::SecretsManager(_) => &secretsmanager::SERVICE,
            Self::Iam(_) => &iam::SERVICE,
            Self::Sts(_) => &sts::SERVICE,
            Self::Kms(_) => &kms::SERVICE,
            Self::Lambda(_) => &lambda::SERVICE,
            Self::Config(_) => &config::SERVICE,
            Self::CloudTrail(_) => &cloudtrail::SERVICE,
            Self::CloudWatch(_) => &cloudwatch::SERVICE,
            Self::Logs(_) => &logs::SERVICE,
            Self::Events(_) => &events::SERVICE,
            Self::Strongroom(_) => &strongroom::SERVICE,
        }
    }

    /// The operation's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        each!(self, operation => operation.name())
    }

    /// The action that policies allow or deny: `iam:GetUser`.
    #[must_use]
    pub const fn action(self) -> &'static str {
        each!(self, operation => operation.action())
    }

    /// The action's level of access.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        each!(self, operation => operation.access_level())
    }

    /// Whether the operation changes nothing: `readOnly` of its audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        each!(self, operation => operation.is_read_only())
    }

    /// Whether requests must be signed. Those of the rest prove who they are by a token in their parameters.
    #[must_use]
    pub fn needs_signature(self) -> bool {
        match self {
            Self::SecretsManager(operation) => !secretsmanager::Operation::UNSIGNED.contains(&operation),
            Self::Iam(operation) => !iam::Operation::UNSIGNED.contains(&operation),
            Self::Sts(operation) => !sts::Operation::UNSIGNED.contains(&operation),
            Self::Kms(operation) => !kms::Operation::UNSIGNED.contains(&operation),
            Self::Lambda(operation) => !lambda::Operation::UNSIGNED.contains(&operation),
            Self::Config(operation) => !config::Operation::UNSIGNED.contains(&operation),
            Self::CloudTrail(operation) => !cloudtrail::Operation::UNSIGNED.contains(&operation),
            Self::CloudWatch(operation) => !cloudwatch::Operation::UNSIGNED.contains(&operation),
            Self::Logs(operation) => !logs::Operation::UNSIGNED.contains(&operation),
            Self::Events(operation) => !events::Operation::UNSIGNED.contains(&operation),
            Self::Strongroom(operation) => !strongroom::Operation::UNSIGNED.contains(&operation),
        }
    }

    /// Tells `visitor` the types of the operation's input and output.
    pub fn visit<V: Visitor>(self, visitor: V) -> V::Answer {
        each!(self, operation => operation.visit(visitor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_query(form: &str, signing_name: Option<&str>) -> Result<AnyOperation, String> {
        let query = Query::parse(form.as_bytes()).expect(form);
        AnyOperation::of_query(&query, signing_name).map_err(|error| error.to_string())
    }

    #[test]
    fn names_lead_back_to_operations() {
        for operation in AnyOperation::all() {
            let service = operation.service();
            assert_eq!(AnyOperation::from_name(service.signing_name, operation.name()), Some(operation));
            let renamed = operation == AnyOperation::Lambda(lambda::Operation::Invoke);
            let name = if renamed { "InvokeFunction" } else { operation.name() };
            let prefix = if *service == cloudwatch::SERVICE { "cloudwatch" } else { service.signing_name };
            assert_eq!(operation.action(), format!("{prefix}:{name}"));
        }
        assert_eq!(AnyOperation::from_name("sts", "GetUser"), None);
        assert_eq!(AnyOperation::from_name("s3", "GetUser"), None);
    }

    #[test]
    fn targets_name_operations() {
        let secret = AnyOperation::SecretsManager(secretsmanager::Operation::GetSecretValue);
        assert_eq!(AnyOperation::of_target("secretsmanager.GetSecretValue"), Some(secret));
        let lookup = Some(AnyOperation::CloudTrail(cloudtrail::Operation::LookupEvents));
        for name in ["com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "CloudTrail_20131101"] {
            assert_eq!(AnyOperation::of_target(&format!("{name}.LookupEvents")), lookup);
        }
        for bad in ["iam.GetUser", ".GetUser", "GetUser", "secretsmanager.GetUser", ""] {
            assert_eq!(AnyOperation::of_target(bad), None, "{bad}");
        }
    }

    #[test]
    fn action_and_version_name_the_operation() {
        let get_user = Ok(AnyOperation::Iam(iam::Operation::GetUser));
        let identity = Ok(AnyOperation::Sts(sts::Operation::GetCallerIdentity));
        assert_eq!(of_query("Action=GetUser&Version=2010-05-08", None), get_user);
        assert_eq!(of_query("Version=2010-05-08&Action=GetUser&UserName=a", Some("iam")), get_user);
        assert_eq!(of_query("Action=GetCallerIdentity&Version=2011-06-15", Some("sts")), identity);
    }

    #[test]
    fn what_no_service_has_is_refused_with_the_services_text() {
        let unknown = |action: &str, version: &str| {
            Err(format!("InvalidAction: Could not find operation {action} for version {version}"))
        };
        assert_eq!(of_query("Action=Dance&Version=2010-05-08", Some("iam")), unknown("Dance", "2010-05-08"));
        assert_eq!(of_query("Action=GetUser&Version=2010-05-08", Some("sts")), unknown("GetUser", "2010-05-08"));
        assert_eq!(of_query("Action=GetUser&Version=2011-06-15", None), unknown("GetUser", "2011-06-15"));
        assert_eq!(of_query("Action=GetUser", Some("iam")), unknown("GetUser", "NO_VERSION_SPECIFIED"));
        assert_eq!(of_query("Action=GetUser&Version=2010-05-08", Some("s3")), unknown("GetUser", "2010-05-08"));
        assert_eq!(of_query("Version=2010-05-08", Some("iam")), Err("MissingAction: Missing Action".to_owned()));
        assert_eq!(of_query("Action=GetSecretValue&Version=2017-10-17", None), unknown("GetSecretValue", "2017-10-17"));
    }

    #[test]
    fn only_tokens_take_the_place_of_a_signature() {
        let unsigned: Vec<_> = AnyOperation::all().filter(|operation| !operation.needs_signature()).collect();
        let named = [sts::Operation::AssumeRoleWithSAML, sts::Operation::AssumeRoleWithWebIdentity];
        assert_eq!(unsigned, named.map(AnyOperation::Sts));
    }
}
