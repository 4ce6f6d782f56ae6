//! The four steps of a rotation, the same for all partners.

use std::collections::BTreeMap;

use strongroom_rotators::{Described, Failure, Secrets, Step};
use strongroom_types::SecretText;
use strongroom_types::time::Timestamp;

use crate::fault::Fault;
use crate::fields::Fields;
use crate::hosts::Hosts;
use crate::http::Http;
use crate::kind::{ADMIN_SECRET, Kind};
use crate::partner::{Job, Leaving, Partner, base};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";
/// Characters of the token that the name of a new credential at the partner has.
const NAME_TOKEN_CHARACTERS: usize = 36;

/// What is rotated.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The secret's type.
    pub kind: &'static Kind,
    /// The secret's ARN or name.
    pub secret_id: &'a str,
    /// The id of the pending version.
    pub token: &'a str,
    /// Proof that a rotation sends the new version, if there is one.
    pub rotation_token: Option<&'a str>,
    /// ExternalSecretRotationMetadata.
    pub metadata: &'a BTreeMap<String, String>,
    /// The present instant.
    pub now: Timestamp,
}

/// With what it is done.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The secrets, with the rights of the rotation's role.
    pub secrets: &'a dyn Secrets,
    /// The network.
    pub http: &'a dyn Http,
    /// Where partners are asked.
    pub hosts: &'a Hosts,
}

/// Does a step. Doing one again that was done changes nothing more; a test without a pending value tests the current
/// one, which is what RotateImmediately=false asks for.
///
/// # Errors
/// When the secret is not one of the type or not in the state for the step, the partner refuses or cannot be reached,
/// or the new credential does not work. The step may be tried again.
pub async fn rotate_step(step: Step, rotation: Rotation<'_>, means: Means<'_>) -> Result<(), Fault> {
    let partner = Partner::of(rotation.kind)?;
    rotation.kind.check_metadata(rotation.metadata)?;
    let run = Run { partner, rotation, means };
    let described = run.describe(rotation.secret_id).await?;
    let stages = run.pending_stages(&described)?;
    if stages.iter().any(|stage| stage == CURRENT) {
        return if step == Step::Finish { run.leave_displaced().await } else { Ok(()) };
    }
    if !stages.iter().any(|stage| stage == PENDING) {
        let (token, id) = (rotation.token, rotation.secret_id);
        return Err(Fault::State(format!("Secret version {token} not set as AWSPENDING for rotation of secret {id}.")));
    }
    match step {
        Step::Create => run.create().await,
        Step::Set => run.set().await,
        Step::Test => run.test().await,
        Step::Finish => run.finish(&described).await,
    }
}

struct Run<'a> {
    partner: Partner,
    rotation: Rotation<'a>,
    means: Means<'a>,
}

impl Run<'_> {
    async fn create(&self) -> Result<(), Fault> {
        if self.pending().await?.is_some() {
            return Ok(());
        }
        let current = self.needed(CURRENT).await?;
        let new = self.partner.create(&self.job(current).await?).await?;
        self.rotation.kind.fields(&new.to_text())?;
        self.put(new.to_text()).await
    }

    async fn set(&self) -> Result<(), Fault> {
        let pending = self.needed_pending().await?;
        let current = self.needed(CURRENT).await?;
        self.partner.set(&self.job(current).await?, &pending).await
    }

    async fn test(&self) -> Result<(), Fault> {
        let current = self.needed(CURRENT).await?;
        let job = self.job(current).await?;
        match self.pending().await? {
            Some(pending) => self.partner.test(&job, &pending).await,
            None => self.partner.test(&job, &job.current).await,
        }
    }

    async fn finish(&self, described: &Described) -> Result<(), Fault> {
        let new = self.needed_pending().await?;
        if self.partner.leaving() == Leaving::Older {
            let current = self.needed(CURRENT).await?;
            let older = self.version(None, Some(PREVIOUS)).await?;
            if let Some(older) = older.filter(|older| self.differs(older, &new) && self.differs(older, &current)) {
                let job = self.job(new).await?;
                self.partner.revoke(&job, &older).await?;
            }
        }
        let (id, token) = (self.rotation.secret_id, self.rotation.token);
        let moving = self.means.secrets.move_current(id, token, described.version_with(CURRENT));
        moving.await.map_err(failed("move AWSCURRENT to the new version"))?;
        self.leave_displaced().await
    }

    /// Revokes what the new version displaced, where nothing is to use that any longer.
    async fn leave_displaced(&self) -> Result<(), Fault> {
        if self.partner.leaving() != Leaving::Displaced {
            return Ok(());
        }
        let new = self.needed(CURRENT).await?;
        let displaced = self.version(None, Some(PREVIOUS)).await?.filter(|displaced| self.differs(displaced, &new));
        match displaced {
            Some(displaced) => self.partner.revoke(&self.job(new).await?, &displaced).await,
            None => Ok(()),
        }
    }

    /// Whether two values are of different credentials.
    fn differs(&self, one: &Fields, other: &Fields) -> bool {
        self.partner.ids().iter().all(|id| one.text(&[id]) != other.text(&[id]))
    }

    fn pending_stages<'d>(&self, described: &'d Described) -> Result<&'d [String], Fault> {
        let (id, token) = (self.rotation.secret_id, self.rotation.token);
        let has_type = described.kind.as_deref().is_none_or(|kind| kind == self.rotation.kind.name);
        if !has_type {
            return Err(Fault::State(format!("Secret {id} is not of type {}.", self.rotation.kind.name)));
        }
        if described.rotation_enabled != Some(true) {
            return Err(Fault::State(format!("Secret {id} is not enabled for rotation.")));
        }
        let stages = described.version_ids_to_stages.get(token).filter(|stages| !stages.is_empty()).map(Vec::as_slice);
        stages.ok_or_else(|| Fault::State(format!("Secret version {token} has no stage for rotation of secret {id}.")))
    }

    async fn job(&self, current: Fields) -> Result<Job<'_>, Fault> {
        let admin = match self.rotation.metadata.get(ADMIN_SECRET) {
            Some(arn) => Some(self.admin(arn, &current).await?),
            None => None,
        };
        let token: String = self.rotation.token.chars().take(NAME_TOKEN_CHARACTERS).collect();
        Ok(Job {
            kind: self.rotation.kind,
            current,
            admin,
            metadata: self.rotation.metadata,
            name: format!("strongroom-{token}"),
            now: self.rotation.now,
            means: self.means,
        })
    }

    async fn admin(&self, arn: &str, current: &Fields) -> Result<Fields, Fault> {
        let wrong = |why: String| Fault::AdminSecret { arn: arn.to_owned(), why };
        let kind = Kind::of(self.partner.admin_kind())?;
        let found = self.describe(arn).await?.kind;
        if found.as_deref() != Some(kind.name) {
            return Err(wrong(format!("is not of type {}", kind.name)));
        }
        let value = self.means.secrets.value(arn, None, Some(CURRENT));
        let value = value.await.map_err(failed("read the administrator's secret"))?;
        let value = value.ok_or_else(|| wrong("has no current value".to_owned()))?;
        let admin = kind.fields(&value).map_err(|fault| wrong(format!("is not usable: {fault}")))?;
        if let Some(key) = self.partner.url_key() {
            let place = |fields: &Fields| fields.text(&[key]).map(|url| base(&url).to_owned());
            if place(&admin) != place(current) {
                return Err(wrong(format!("has another {key} than the secret")));
            }
        }
        Ok(admin)
    }

    async fn describe(&self, id: &str) -> Result<Described, Fault> {
        self.means.secrets.describe(id).await.map_err(failed("describe the secret"))
    }

    async fn pending(&self) -> Result<Option<Fields>, Fault> {
        self.version(Some(self.rotation.token), Some(PENDING)).await
    }

    async fn needed_pending(&self) -> Result<Fields, Fault> {
        self.pending().await?.ok_or_else(|| {
            Fault::State(format!("The pending version of secret {} has no value.", self.rotation.secret_id))
        })
    }

    async fn needed(&self, stage: &'static str) -> Result<Fields, Fault> {
        self.version(None, Some(stage)).await?.ok_or_else(|| {
            Fault::State(format!("Secret {} has no value with the label {stage}.", self.rotation.secret_id))
        })
    }

    async fn version(&self, version: Option<&str>, stage: Option<&str>) -> Result<Option<Fields>, Fault> {
        let value = self.means.secrets.value(self.rotation.secret_id, version, stage);
        let value = value.await.map_err(failed("read the secret"))?;
        value.map(|value| self.rotation.kind.fields(&value)).transpose()
    }

    async fn put(&self, value: SecretText) -> Result<(), Fault> {
        let putting = self.means.secrets.put_pending(
            self.rotation.secret_id,
            self.rotation.token,
            self.rotation.rotation_token,
            value,
        );
        putting.await.map_err(failed("keep the new value"))
    }
}

fn failed(what: &'static str) -> impl Fn(Failure) -> Fault {
    move |error| Fault::Secrets { what, error }
}
