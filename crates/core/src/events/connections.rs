//! Connections: made, described, listed, changed, deauthorized, deleted. What they are authorized by is a secret of Secrets
//! Manager that the service owns.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::{SecretText, Timestamp};
use strongroom_wire::events::{
    Connection as Shown, ConnectionApiKeyAuthResponseParameters, ConnectionAuthResponseParameters,
    ConnectionAuthorizationType, ConnectionBasicAuthResponseParameters, ConnectionState, CreateConnectionRequest,
    CreateConnectionResponse, DeauthorizeConnectionRequest, DeauthorizeConnectionResponse, DeleteConnectionRequest,
    DeleteConnectionResponse, DescribeConnectionRequest, DescribeConnectionResponse, ListConnectionsRequest,
    ListConnectionsResponse, UpdateConnectionRequest, UpdateConnectionResponse,
};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{CreateSecretRequest, Operation as OfSecrets};

use super::destination::{CONNECTION_KIND, Connection, Named as _, document_key};
use super::named::{check_header, permitted_name};
use super::{Events, refusals};
use crate::access::{Permit, RequestKeys, Resource, authorize, without_keys};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;
use crate::random_uuid;
use crate::secrets::Secrets;
use crate::secrets::model::place;
use crate::secrets::owned::NewOwned;
use crate::secrets::resolve::SecretRef;
use crate::trail::push_string;

/// Connections of an account and region, at most (EventBridge's quotas).
const CONNECTIONS_MAX: usize = 3000;
/// Bytes of a secret beside names and values.
const FRAME_BYTES: usize = 128;
/// Random bytes of a key that deliveries are signed with.
const SIGNING_KEY_BYTES: usize = 32;

without_keys!(
    CreateConnectionRequest,
    DeauthorizeConnectionRequest,
    DeleteConnectionRequest,
    DescribeConnectionRequest,
    ListConnectionsRequest,
    UpdateConnectionRequest,
);

/// What a connection authorizes by, as a request gives it.
struct Authorization {
    kind: ConnectionAuthorizationType,
    public: String,
    secret: SecretText,
}

impl Authorization {
    /// From the parameters of a request, which have to be those of `kind` and whole.
    fn of(
        kind: ConnectionAuthorizationType,
        api_key: Option<(Option<String>, Option<SecretText>)>,
        basic: Option<(Option<String>, Option<SecretText>)>,
        others: bool,
    ) -> Result<Self, Error> {
        let reason = "Connections have an authorization of type API_KEY or BASIC here, and no further parameters.";
        let given = match kind {
            _ if others => return Err(refusals::not_valid("AuthParameters", reason)),
            ConnectionAuthorizationType::ApiKey if basic.is_none() => api_key,
            ConnectionAuthorizationType::Basic if api_key.is_none() => basic,
            _ => return Err(refusals::not_valid("AuthorizationType", reason)),
        };
        match given {
            Some((Some(public), Some(secret))) => {
                if kind == ConnectionAuthorizationType::ApiKey {
                    check_header("ApiKeyName", &public)?;
                }
                Ok(Self { kind, public, secret })
            }
            _ => Err(refusals::not_valid("AuthParameters", "Name and value are both required for the type.")),
        }
    }

    /// The secret's value, with a new key that deliveries are signed with.
    fn value(&self, signing_key: &SecretText) -> SecretText {
        let names = match self.kind {
            ConnectionAuthorizationType::Basic => ["{\"username\":", ",\"password\":"],
            _ => ["{\"api_key_name\":", ",\"api_key_value\":"],
        };
        // Escaped bytes take six at most, so that the text is never moved while it grows.
        let (public, secret, key) = (self.public.as_str(), self.secret.expose(), signing_key.expose());
        let mut text = String::with_capacity(FRAME_BYTES + 6 * (public.len() + secret.len() + key.len()));
        for (name, value) in [(names[0], public), (names[1], secret), (",\"signing_key\":", key)] {
            text.push_str(name);
            push_string(&mut text, value);
        }
        text.push('}');
        SecretText::new(text)
    }
}

impl Events {
    /// Makes a connection and its secret.
    ///
    /// # Errors
    /// ResourceAlreadyExistsException, LimitExceededException, ValidationException; AccessDeniedException for whoever may
    /// not create the secret.
    pub async fn create_connection(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        input: CreateConnectionRequest,
    ) -> Result<CreateConnectionResponse, Error> {
        let name = permitted_name(permit, "connection")?;
        let given = input.auth_parameters;
        let others = given.o_auth_parameters.is_some()
            || given.invocation_http_parameters.is_some()
            || given.connectivity_parameters.is_some()
            || input.invocation_connectivity_parameters.is_some();
        let api_key = given.api_key_auth_parameters.map(|given| (Some(given.api_key_name), Some(given.api_key_value)));
        let basic = given.basic_auth_parameters.map(|given| (Some(given.username), Some(given.password)));
        let authorization = Authorization::of(input.authorization_type, api_key, basic, others)?;
        let id = random_uuid(self.documents.random())?;
        let now_ms = cx.now.millis();
        let new = Connection {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: name.to_owned(),
            description: input.description,
            kind: authorization.kind.as_str().to_owned(),
            public: authorization.public.clone(),
            secret_name: format!("events!connection/{name}/{id}"),
            id,
            secret_arn: None,
            kms_key_id: input.kms_key_identifier.filter(|id| !id.is_empty()),
            created_ms: now_ms,
            changed_ms: now_ms,
            authorized_ms: now_ms,
        };
        let prefix = document_key(&new.account, &new.region, "");
        if self.documents.scan::<Connection>(&prefix, None, CONNECTIONS_MAX).await?.len() >= CONNECTIONS_MAX {
            return Err(refusals::limit());
        }
        let _turn = self.documents.writer::<Connection>(&new.key()).await?;
        retry(|| async {
            if self.documents.load::<Connection>(new.key()).await?.is_some() {
                return Err(refusals::exists("Connection", &new.name));
            }
            let mut batch = Batch::named("create_connection");
            let after = self.with_secret(secrets, cx, &mut batch, new.clone(), &authorization).await?;
            let response = CreateConnectionResponse {
                connection_arn: Some(after.arn()),
                connection_state: Some(ConnectionState::Authorized),
                creation_time: Some(Timestamp::from_millis(after.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(after.changed_ms)),
            };
            let elements = Some(record::encode(&response));
            self.put_connection(cx, batch, None, after, elements).await?;
            Ok(response)
        })
        .await
    }

    /// The connection with a new secret, which is added to `batch`.
    async fn with_secret(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        batch: &mut Batch,
        mut connection: Connection,
        authorization: &Authorization,
    ) -> Result<Connection, Error> {
        let request = CreateSecretRequest {
            name: connection.secret_name.clone(),
            kms_key_id: connection.kms_key_id.clone(),
            ..CreateSecretRequest::default()
        };
        may(cx, OfSecrets::CreateSecret, &connection, &request)?;
        let new = NewOwned {
            name: connection.secret_name.clone(),
            owner: connection.owner(),
            tags: Vec::new(),
            kms_key_id: connection.kms_key_id.clone(),
            value: authorization.value(&self.signing_key()?),
            rules: None,
        };
        let secret = secrets.add_owned(cx, batch, new).await?;
        connection.secret_arn = Some(secret.arn());
        connection.authorized_ms = cx.now.millis();
        Ok(connection)
    }

    fn signing_key(&self) -> Result<SecretText, Error> {
        let bytes: [u8; SIGNING_KEY_BYTES] = strongroom_crypto::random::bytes(self.documents.random())?;
        Ok(SecretText::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    async fn put_connection(
        &self,
        cx: &Ctx,
        mut batch: Batch,
        before: Option<&Loaded<Connection>>,
        after: Connection,
        response_elements: Option<String>,
    ) -> Result<(), Error> {
        let done = Done { response_elements, arn: Some(after.arn()), resource_kind: CONNECTION_KIND };
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        cx.commit(&self.documents, batch, done).await
    }

    async fn connection(&self, cx: &Ctx, permit: &Permit) -> Result<Loaded<Connection>, Error> {
        let name = permitted_name(permit, "connection")?;
        let key = document_key(cx.caller.account.as_str(), cx.region.as_str(), name);
        self.documents.load::<Connection>(key).await?.ok_or_else(|| refusals::absent("connection", name))
    }

    /// A connection, without what is secret of it.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn describe_connection(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DescribeConnectionRequest,
    ) -> Result<DescribeConnectionResponse, Error> {
        let found = self.connection(cx, permit).await?.value;
        let kind = ConnectionAuthorizationType::parse(&found.kind);
        let public = Some(found.public.clone());
        let mut shown = ConnectionAuthResponseParameters::default();
        if kind == Some(ConnectionAuthorizationType::Basic) {
            shown.basic_auth_parameters = Some(ConnectionBasicAuthResponseParameters { username: public });
        } else {
            shown.api_key_auth_parameters = Some(ConnectionApiKeyAuthResponseParameters { api_key_name: public });
        }
        Ok(DescribeConnectionResponse {
            connection_arn: Some(found.arn()),
            name: Some(found.name.clone()),
            description: found.description.clone(),
            connection_state: Some(state(&found)),
            authorization_type: kind,
            secret_arn: found.secret_arn.clone(),
            kms_key_identifier: found.kms_key_id.clone(),
            auth_parameters: Some(shown),
            creation_time: Some(Timestamp::from_millis(found.created_ms)),
            last_modified_time: Some(Timestamp::from_millis(found.changed_ms)),
            last_authorized_time: Some(Timestamp::from_millis(found.authorized_ms)),
            ..DescribeConnectionResponse::default()
        })
    }

    /// The account's connections, in the order of their names.
    ///
    /// # Errors
    /// ValidationException for a token that is none.
    pub async fn list_connections(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListConnectionsRequest,
    ) -> Result<ListConnectionsResponse, Error> {
        let prefix = input.name_prefix.unwrap_or_default();
        let (token, limit) = (input.next_token.as_deref(), input.limit);
        let (found, next_token) = self.page::<Connection>(cx, "ListConnections", &prefix, token, limit).await?;
        let wanted = |found: &Connection| input.connection_state.is_none_or(|wanted| wanted == state(found));
        let shown = |found: &Connection| Shown {
            connection_arn: Some(found.arn()),
            name: Some(found.name.clone()),
            connection_state: Some(state(found)),
            authorization_type: ConnectionAuthorizationType::parse(&found.kind),
            creation_time: Some(Timestamp::from_millis(found.created_ms)),
            last_modified_time: Some(Timestamp::from_millis(found.changed_ms)),
            last_authorized_time: Some(Timestamp::from_millis(found.authorized_ms)),
            ..Shown::default()
        };
        let connections = found.iter().filter(|found| wanted(found)).map(|found| shown(found)).collect();
        Ok(ListConnectionsResponse { connections: Some(connections), next_token })
    }

    /// Changes what the request names of a connection.
    ///
    /// # Errors
    /// ResourceNotFoundException, ValidationException; AccessDeniedException for whoever may not change the secret.
    pub async fn update_connection(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateConnectionRequest,
    ) -> Result<UpdateConnectionResponse, Error> {
        let before = self.connection(cx, permit).await?.value;
        let kind = input.authorization_type.or_else(|| ConnectionAuthorizationType::parse(&before.kind));
        let kind = kind.unwrap_or(ConnectionAuthorizationType::ApiKey);
        let authorization = match input.auth_parameters {
            None if kind.as_str() != before.kind => {
                return Err(refusals::not_valid("AuthParameters", "They are required for another type."));
            }
            None => None,
            Some(given) => {
                let others = given.o_auth_parameters.is_some()
                    || given.invocation_http_parameters.is_some()
                    || given.connectivity_parameters.is_some();
                let api_key = given.api_key_auth_parameters.map(|given| (given.api_key_name, given.api_key_value));
                let basic = given.basic_auth_parameters.map(|given| (given.username, given.password));
                Some(Authorization::of(kind, api_key, basic, others)?)
            }
        };
        if input.invocation_connectivity_parameters.is_some() || input.kms_key_identifier.is_some() {
            return Err(refusals::invalid("Connectivity and key of a connection cannot be changed here."));
        }
        let _turn = self.documents.writer::<Connection>(&before.key()).await?;
        retry(|| async {
            let before = self.connection(cx, permit).await?;
            let mut after = Connection::clone(&before.value);
            after.changed_ms = cx.now.millis();
            after.description = input.description.clone().or(after.description);
            let mut batch = Batch::named("update_connection");
            if let Some(authorization) = &authorization {
                authorization.kind.as_str().clone_into(&mut after.kind);
                after.public.clone_from(&authorization.public);
                if after.secret_arn.is_some() {
                    may(cx, OfSecrets::PutSecretValue, &after, &())?;
                    let value = authorization.value(&self.signing_key()?);
                    let (owner, name) = (after.owner(), after.secret_name.clone());
                    secrets.put_owned_value(cx, &mut batch, &owner, &name, value).await?;
                    after.authorized_ms = cx.now.millis();
                } else {
                    after = self.with_secret(secrets, cx, &mut batch, after, authorization).await?;
                }
            }
            let response = UpdateConnectionResponse {
                connection_arn: Some(after.arn()),
                connection_state: Some(state(&after)),
                creation_time: Some(Timestamp::from_millis(after.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(after.changed_ms)),
                last_authorized_time: Some(Timestamp::from_millis(after.authorized_ms)),
            };
            let elements = Some(record::encode(&response));
            self.put_connection(cx, batch, Some(&before), after, elements).await?;
            Ok(response)
        })
        .await
    }

    /// Removes what a connection authorizes by. What hangs on it delivers nothing then.
    ///
    /// # Errors
    /// ResourceNotFoundException; AccessDeniedException for whoever may not delete the secret.
    pub async fn deauthorize_connection(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        _input: DeauthorizeConnectionRequest,
    ) -> Result<DeauthorizeConnectionResponse, Error> {
        retry(|| async {
            let before = self.connection(cx, permit).await?;
            let batch = without_secret(secrets, cx, &before.value, "deauthorize_connection").await?;
            let mut after = Connection::clone(&before.value);
            (after.secret_arn, after.changed_ms) = (None, cx.now.millis());
            let response = DeauthorizeConnectionResponse {
                connection_arn: Some(after.arn()),
                connection_state: Some(state(&after)),
                creation_time: Some(Timestamp::from_millis(after.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(after.changed_ms)),
                last_authorized_time: Some(Timestamp::from_millis(after.authorized_ms)),
            };
            let elements = Some(record::encode(&response));
            self.put_connection(cx, batch, Some(&before), after, elements).await?;
            Ok(response)
        })
        .await
    }

    /// Deletes a connection and its secret.
    ///
    /// # Errors
    /// ResourceNotFoundException; AccessDeniedException for whoever may not delete the secret.
    pub async fn delete_connection(
        &self,
        secrets: &Secrets,
        cx: &Ctx,
        permit: &Permit,
        _input: DeleteConnectionRequest,
    ) -> Result<DeleteConnectionResponse, Error> {
        retry(|| async {
            let before = self.connection(cx, permit).await?;
            let mut batch = without_secret(secrets, cx, &before.value, "delete_connection").await?;
            self.documents.delete(&mut batch, &before);
            let found = &before.value;
            let response = DeleteConnectionResponse {
                connection_arn: Some(found.arn()),
                connection_state: Some(ConnectionState::Deleting),
                creation_time: Some(Timestamp::from_millis(found.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(found.changed_ms)),
                last_authorized_time: Some(Timestamp::from_millis(found.authorized_ms)),
            };
            let elements = Some(record::encode(&response));
            let done = Done { response_elements: elements, arn: Some(found.arn()), resource_kind: CONNECTION_KIND };
            cx.commit(&self.documents, batch, done).await?;
            Ok(response)
        })
        .await
    }
}

fn state(connection: &Connection) -> ConnectionState {
    if connection.secret_arn.is_some() { ConnectionState::Authorized } else { ConnectionState::Deauthorized }
}

/// What removes a connection's secret, if it has one.
async fn without_secret(
    secrets: &Secrets,
    cx: &Ctx,
    connection: &Connection,
    name: &'static str,
) -> Result<Batch, Error> {
    if connection.secret_arn.is_none() {
        return Ok(Batch::named(name));
    }
    may(cx, OfSecrets::DeleteSecret, connection, &())?;
    secrets.removal_of_owned(cx, &connection.owner(), &connection.secret_name, name).await
}

/// Leave on a connection's secret, which EventBridge asks of its caller.
fn may(cx: &Ctx, operation: OfSecrets, connection: &Connection, keys: &dyn RequestKeys) -> Result<(), Error> {
    let secret = SecretRef {
        asked: connection.secret_name.clone(),
        account: cx.caller.account.clone(),
        key: place(&connection.account, &connection.region) + &connection.secret_name,
        suffix: connection.secret_arn.as_ref().and_then(|arn| arn.rsplit('-').next()).map(str::to_owned),
        found: None,
    };
    authorize(cx, operation.action(), Resource::Secret(Arc::new(secret)), keys).map(drop)
}
