//! Rotation of managed external secrets: a step over the partner's API, with the rights of the rotation's role
//! (specification §5.8).

use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_client::Trust;
use strongroom_core::Error;
use strongroom_core::functions::RoleCredentials;
use strongroom_core::secrets::rotation::External;
use strongroom_partners::{Fault, Hosts, HttpsClient, Kind, Means, Rotation, rotate_step};
use strongroom_rotators::Event;
use strongroom_types::{SecretText, Timestamp};
use strongroom_wire::secretsmanager::errors as codes;

use super::inside::Inside;
use super::role::Role;
use crate::config::PartnersConfig;

/// How long a call to a partner may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The partners, and the way to them.
pub struct Partners {
    client: HttpsClient,
    hosts: Hosts,
}

impl Partners {
    /// The partners, asked as `config` has it. `authorities` are further certificates to trust, in PEM.
    ///
    /// # Errors
    /// When these are none, or TLS cannot be set up.
    pub fn open(config: &PartnersConfig, authorities: Option<Vec<u8>>) -> Result<Self, String> {
        let trust = authorities.map_or_else(Trust::system, Trust::system_and);
        let client = HttpsClient::new(trust, config.allow_plain_http_on_loopback, TIMEOUT);
        Ok(Self { client: client.map_err(|error| error.to_string())?, hosts: Hosts::default() })
    }

    /// Whether secrets of a type are rotated here, with these metadata.
    ///
    /// # Errors
    /// InvalidParameterException (texts unconfirmed).
    pub fn check(kind: &str, external: &External) -> Result<(), Error> {
        let checked = Kind::supported(kind).and_then(|kind| kind.check_metadata(&metadata(external)));
        checked.map_err(|fault| Error::refused(codes::INVALID_PARAMETER_EXCEPTION, sentence(&fault)))
    }

    /// Whether there is a type, and a value has what secrets of it must have.
    ///
    /// # Errors
    /// What is wrong, without anything of the value.
    pub fn check_kind(kind: &str, value: Option<&SecretText>) -> Result<(), String> {
        let kind = Kind::of(kind).map_err(|fault| sentence(&fault))?;
        value.map_or(Ok(()), |value| kind.check_value(value)).map_err(|fault| sentence(&fault))
    }

    /// Carries out the step of an event.
    ///
    /// # Errors
    /// What is wrong, without secret material.
    pub async fn rotate(
        &self,
        event: &[u8],
        kind: &str,
        external: &External,
        inside: &Inside,
        credentials: &RoleCredentials,
        now: Timestamp,
    ) -> Result<(), String> {
        let event = Event::parse(event).map_err(|failure| failure.to_string())?;
        let metadata = metadata(external);
        let rotation = Rotation {
            kind: Kind::supported(kind).map_err(|fault| sentence(&fault))?,
            secret_id: &event.secret_id,
            token: &event.token,
            rotation_token: event.rotation_token.as_deref(),
            metadata: &metadata,
            now,
        };
        let role = Role::new(inside, credentials);
        let means = Means { secrets: &role, http: &self.client, hosts: &self.hosts };
        rotate_step(event.step, rotation, means).await.map_err(|fault| sentence(&fault))
    }
}

fn metadata(external: &External) -> BTreeMap<String, String> {
    external.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A fault as a sentence.
fn sentence(fault: &Fault) -> String {
    let text = fault.to_string();
    if text.ends_with('.') { text } else { text + "." }
}
