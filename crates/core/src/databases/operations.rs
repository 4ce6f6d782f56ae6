//! RegisterDatabase, DescribeDatabases, DeregisterDatabase.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::{SecretText, Timestamp};
use strongroom_wire::forms::Enumeration;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{CreateSecretRequest, Operation, RotationRulesType as SecretRules, Tag};
use strongroom_wire::strongroom::{
    Database as Shown, DeregisterDatabaseRequest, DeregisterDatabaseResponse, DescribeDatabasesRequest,
    DescribeDatabasesResponse, EngineType, MasterUserSecret, OwningServiceType, RegisterDatabaseRequest,
    RegisterDatabaseResponse, RotationRulesType, SecretStatusType,
};

use super::database::Database;
use super::{DATABASE_KIND, Databases, refusals, value};
use crate::access::{Permit, RequestKeys, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document, retry};
use crate::error::Error;
use crate::page;
use crate::random_uuid;
use crate::secrets::Secrets;
use crate::secrets::model::place;
use crate::secrets::owned::{NewOwned, OWNING_SERVICE_TAG, Standing};
use crate::secrets::resolve::SecretRef;
use crate::secrets::rotation::Rules;

/// Days between rotations when the request does not say, as RDS has them.
const DAYS_DEFAULT: i64 = 7;
/// Databases on a page when the request does not say.
const PAGE_DEFAULT: usize = 100;
/// How certificates in PEM begin.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

impl RequestKeys for RegisterDatabaseRequest {}
impl RequestKeys for DescribeDatabasesRequest {}
impl RequestKeys for DeregisterDatabaseRequest {}

/// What RegisterDatabase asks for, checked.
struct Wanted {
    database: Database,
    kms_key_id: Option<String>,
    password: SecretText,
    rules: Rules,
}

impl Databases {
    /// Registers a database: its master user's secret is made, owned by the service, and begins to rotate at once.
    ///
    /// # Errors
    /// InvalidParameter, ResourceExists; AccessDenied for whoever may not create and tag secrets, or use the key.
    pub async fn register_database(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        input: RegisterDatabaseRequest,
    ) -> Result<RegisterDatabaseResponse, Error> {
        let wanted = self.wanted(cx, input)?;
        if permit.database()?.id != wanted.database.id {
            return Err(Error::internal("a permit for another database was used to register one"));
        }
        may_create(cx, &wanted)?;
        let _writer = self.documents.writer::<Database>(&wanted.database.key()).await?;
        retry(|| self.register_once(secrets, cx, &wanted)).await
    }

    fn wanted(&self, cx: &Ctx, input: RegisterDatabaseRequest) -> Result<Wanted, Error> {
        let service = input.owning_service.unwrap_or(match input.engine {
            EngineType::Redshift => OwningServiceType::Redshift,
            _ => OwningServiceType::Rds,
        });
        if (service == OwningServiceType::Redshift) != (input.engine == EngineType::Redshift) {
            return Err(refusals::invalid(
                "Secrets of engine redshift, and no others, belong to the service redshift.",
            ));
        }
        if input.ca_certificates.as_ref().is_some_and(|pem| !pem.contains(PEM)) {
            return Err(refusals::invalid("CaCertificates must be certificates in PEM."));
        }
        if input.ca_certificates.is_some() && input.ssl == Some(false) {
            return Err(refusals::invalid("CaCertificates are of no use without Ssl."));
        }
        let port = input.port.map(u16::try_from).transpose();
        let kind = if service == OwningServiceType::Rds { "db" } else { "cluster" };
        let secret_name = format!("{}!{kind}-{}", service.as_str(), random_uuid(self.documents.random())?);
        let token = match input.client_request_token {
            Some(token) => token,
            None => random_uuid(self.documents.random())?,
        };
        let database = Database {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            id: input.database_id,
            service: service.as_str().to_owned(),
            engine: input.engine.as_str().to_owned(),
            host: input.host,
            port: port.map_err(|_| refusals::invalid("Port must be between 1 and 65535."))?,
            dbname: input.database_name,
            ssl: input.ssl,
            ca: input.ca_certificates,
            username: input.master_username,
            secret_name,
            token,
            created_ms: cx.now.millis(),
        };
        Ok(Wanted {
            database,
            kms_key_id: input.kms_key_id,
            password: input.master_user_password,
            rules: rules(input.rotation_rules.unwrap_or_default())?,
        })
    }

    async fn register_once(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        wanted: &Wanted,
    ) -> Result<RegisterDatabaseResponse, Error> {
        let Wanted { database, .. } = wanted;
        if let Some(found) = self.documents.load::<Database>(database.key()).await? {
            // The same request again, whose answer was lost.
            if found.value.token == database.token {
                return Ok(RegisterDatabaseResponse { database: Some(shown(secrets, cx, &found.value).await?) });
            }
            return Err(refusals::exists(&database.id));
        }
        let mut batch = Batch::named("register_database");
        let new = NewOwned {
            name: database.secret_name.clone(),
            owner: database.owner(),
            tags: vec![database.tag(&cx.region)],
            kms_key_id: wanted.kms_key_id.clone(),
            value: value::of(&database.username, &wanted.password),
            rules: Some(wanted.rules.clone()),
        };
        let secret = secrets.add_owned(cx, &mut batch, new).await?;
        let database = Arc::new(database.clone());
        self.documents.put(&mut batch, None, &database)?;
        let master = MasterUserSecret {
            secret_arn: Some(secret.arn()),
            secret_status: Some(SecretStatusType::Rotating),
            kms_key_id: secret.kms_key_id.clone(),
        };
        let response = RegisterDatabaseResponse { database: Some(entry(cx, &database, Some(master))) };
        cx.commit(&self.documents, batch, done(cx, &database, record::encode(&response))).await?;
        Ok(response)
    }

    /// The databases of the account, or the one of an id.
    ///
    /// # Errors
    /// ResourceNotFound, InvalidNextToken.
    pub async fn describe_databases(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        input: DescribeDatabasesRequest,
    ) -> Result<DescribeDatabasesResponse, Error> {
        if let Resource::Database(named) = permit.resource() {
            let found = named.found.as_ref().ok_or_else(|| refusals::absent(&named.id))?;
            let databases = Some(vec![shown(secrets, cx, &found.value).await?]);
            return Ok(DescribeDatabasesResponse { databases, next_token: None });
        }
        let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_DEFAULT);
        let prefix = place(cx.caller.account.as_str(), cx.region.as_str());
        let query = page::Query::new("DescribeDatabases").part(&prefix);
        let after = input.next_token.map(|token| page::open(&self.documents, &query, &token)).transpose()?;
        let mut found = self.documents.scan::<Database>(&prefix, after.as_deref(), limit + 1).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more).map(|last| last.value.key());
        let next_token = last.map(|last| page::seal(&self.documents, &query, &last)).transpose()?;
        let mut databases = Vec::with_capacity(found.len());
        for database in found {
            databases.push(shown(secrets, cx, &database.value).await?);
        }
        Ok(DescribeDatabasesResponse { databases: Some(databases), next_token })
    }

    /// Forgets a database, and deletes its secret at once, as RDS does. The user stays in the database as it is.
    ///
    /// # Errors
    /// ResourceNotFound.
    pub async fn deregister_database(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        _input: DeregisterDatabaseRequest,
    ) -> Result<DeregisterDatabaseResponse, Error> {
        let named = permit.database()?;
        let key = place(named.account.as_str(), cx.region.as_str()) + &named.id;
        let _writer = self.documents.writer::<Database>(&key).await?;
        retry(|| async {
            let found = self.documents.load::<Database>(key.as_str()).await?;
            let found = found.ok_or_else(|| refusals::absent(&named.id))?;
            let database = &found.value;
            let response = DeregisterDatabaseResponse { database: Some(shown(secrets, cx, database).await?) };
            let (owner, secret) = (database.owner(), &database.secret_name);
            let mut batch = secrets.removal_of_owned(cx, &owner, secret, "deregister_database").await?;
            self.documents.delete(&mut batch, &found);
            cx.commit(&self.documents, batch, done(cx, database, record::encode(&response))).await?;
            Ok(response)
        })
        .await
    }
}

/// Leave to create and tag the secret, which RDS asks of whoever has it manage a password.
fn may_create(cx: &Ctx, wanted: &Wanted) -> Result<(), Error> {
    let database = &wanted.database;
    let tag = database.tag(&cx.region);
    let service = (OWNING_SERVICE_TAG.to_owned(), database.service.clone());
    let tags = [service, (tag.key, tag.value)].map(|(key, value)| Tag { key: Some(key), value: Some(value) });
    let request = CreateSecretRequest {
        name: database.secret_name.clone(),
        kms_key_id: wanted.kms_key_id.clone(),
        tags: Some(tags.into()),
        ..CreateSecretRequest::default()
    };
    let secret = Arc::new(SecretRef {
        asked: database.secret_name.clone(),
        account: cx.caller.account.clone(),
        key: place(&database.account, &database.region) + &database.secret_name,
        suffix: None,
        found: None,
    });
    for operation in [Operation::CreateSecret, Operation::TagResource] {
        authorize(cx, operation.action(), Resource::Secret(Arc::clone(&secret)), &request)?;
    }
    Ok(())
}

/// The rules of a request; those that RDS has where it says none.
fn rules(asked: RotationRulesType) -> Result<Rules, Error> {
    let says_when = asked.automatically_after_days.is_some() || asked.schedule_expression.is_some();
    let rules = Rules::of(&SecretRules {
        automatically_after_days: asked.automatically_after_days.or((!says_when).then_some(DAYS_DEFAULT)),
        duration: asked.duration,
        schedule_expression: asked.schedule_expression,
    });
    rules.map_err(|fault| refusals::invalid(fault.to_string()))
}

/// A database as the API shows it, with its secret.
async fn shown(secrets: &Secrets, cx: &Ctx, database: &Database) -> Result<Shown, Error> {
    let owned = secrets.owned(cx, &database.owner(), &database.secret_name).await?;
    let master = owned.map(|(secret, standing)| MasterUserSecret {
        secret_arn: Some(secret.arn()),
        secret_status: Some(match standing {
            Standing::Active => SecretStatusType::Active,
            Standing::Rotating => SecretStatusType::Rotating,
            Standing::Impaired => SecretStatusType::Impaired,
        }),
        kms_key_id: secret.kms_key_id.clone(),
    });
    Ok(entry(cx, database, master))
}

fn entry(cx: &Ctx, database: &Database, master_user_secret: Option<MasterUserSecret>) -> Shown {
    Shown {
        database_id: Some(database.id.clone()),
        database_arn: Some(database.arn(&cx.region)),
        engine: EngineType::ALL.iter().find(|engine| engine.as_str() == database.engine).copied(),
        host: Some(database.host.clone()),
        port: database.port.map(i32::from),
        database_name: database.dbname.clone(),
        ssl: database.ssl,
        ca_certificates: database.ca.clone(),
        owning_service: OwningServiceType::ALL.iter().find(|service| service.as_str() == database.service).copied(),
        master_username: Some(database.username.clone()),
        master_user_secret,
        created_date: Some(Timestamp::from_millis(database.created_ms)),
    }
}

/// What the audit record of a change of `database` says.
fn done(cx: &Ctx, database: &Database, response_elements: String) -> Done {
    Done {
        response_elements: Some(response_elements),
        arn: Some(database.arn(&cx.region)),
        resource_kind: DATABASE_KIND,
    }
}
