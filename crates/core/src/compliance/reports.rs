//! Reports for who looks after the secrets: a header and rows of text, made a page of secrets at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_policy::DocumentKind;
use strongroom_types::time::DAY_MS;
use strongroom_types::{Region, Timestamp};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::timestamps::iso;

use super::{Compliance, Facts, Parameters, Rule, Scope, UsedKey, Walk, keys, verdict};
use crate::caller::Caller;
use crate::documents::{Document as _, Documents};
use crate::error::Error;
use crate::identities::Identities;
use crate::kms::key::Key;
use crate::questions::{everybody, who_among};
use crate::secrets::model::Secret;
use crate::secrets::values::{StoredValue, value_key};

/// Keys of a page.
const PAGE: usize = 200;
/// How an explanation says yes.
const ALLOWED: &str = "allowed";
/// The action of reading a value.
const READ: &str = "secretsmanager:GetSecretValue";

/// A line of a report: a cell for each column.
pub type Row = Vec<Cell>;

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Nothing, such as the date of what never was.
    Nothing,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<i64>> for Cell {
    /// An instant in ms since the epoch.
    fn from(ms: Option<i64>) -> Self {
        ms.map_or(Self::Nothing, |ms| Self::Text(iso(Timestamp::from_millis(ms))))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Number(number.try_into().unwrap_or(u64::MAX))
    }
}

/// Whole days that have passed since an instant.
fn days_since(since: Timestamp, now: Timestamp) -> Cell {
    Cell::Number(now.millis_since(since).div_euclid(DAY_MS).try_into().unwrap_or(0))
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Secrets that nobody read for longer than the rule allows.
    Unused,
    /// Secrets that were never rotated.
    NeverRotated,
    /// Secrets whose rotation is due and was not completed.
    Overdue,
    /// Secrets whose resource policy lets anybody in.
    BroadPolicies,
    /// Who may read which secret.
    WhoCanRead,
    /// Keys, with what hangs on them.
    Keys,
}

impl Report {
    /// The names of the columns.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Unused => &["secret", "created", "last_accessed", "days"],
            Self::NeverRotated => &["secret", "created", "last_changed", "rotation_enabled"],
            Self::Overdue => &["secret", "next_rotation", "days_overdue", "last_rotated"],
            Self::BroadPolicies => &["secret", "statements", "scheduled_for_deletion"],
            Self::WhoCanRead => &["secret", "principal", "because"],
            Self::Keys => &["key", "managed_by", "state", "aliases", "secrets", "values"],
        }
    }
}

/// Makes a report.
pub struct Reporter<'a> {
    report: Report,
    documents: &'a Documents,
    identities: &'a Identities,
    parameters: &'a Parameters,
    scope: &'a Scope,
    now: Timestamp,
    walk: Walk<'a>,
    /// Who may ask in a region, once it is known.
    callers: BTreeMap<String, Vec<Arc<Caller>>>,
    uses: Option<Uses>,
    /// The key of the last document of a key that was told.
    after: Option<String>,
}

/// What hangs on each key, by its ARN.
type Uses = BTreeMap<String, Use>;

/// What hangs on a key.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Secrets whose new versions are encrypted under it.
    secrets: u64,
    /// Values that are encrypted under it.
    values: u64,
}

impl Use {
    fn row(self, key: String, by: Cell, state: &str, aliases: Cell) -> Row {
        vec![
            Cell::Text(key),
            by,
            Cell::Text(state.to_owned()),
            aliases,
            Cell::Number(self.secrets),
            Cell::Number(self.values),
        ]
    }
}

impl<'a> Reporter<'a> {
    /// A report of the secrets, or keys, of a scope as of `now`.
    #[must_use]
    pub fn new(
        report: Report,
        (documents, identities): (&'a Documents, &'a Identities),
        parameters: &'a Parameters,
        scope: &'a Scope,
        now: Timestamp,
    ) -> Self {
        let walk = Walk::new(documents, scope);
        let (callers, uses, after) = (BTreeMap::new(), None, None);
        Self { report, documents, identities, parameters, scope, now, walk, callers, uses, after }
    }

    /// The next rows, possibly none of a page; nothing at the end.
    ///
    /// # Errors
    /// Faults of the store, also of a document that cannot be opened; a policy that does not read.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        if self.report == Report::Keys {
            return self.next_keys().await;
        }
        let Some(secrets) = self.walk.next().await? else { return Ok(None) };
        let mut rows = Vec::new();
        for secret in &secrets {
            match self.report {
                Report::Unused => rows.extend(self.unused(secret)),
                Report::NeverRotated => rows.extend(never_rotated(secret)),
                Report::Overdue => rows.extend(overdue(secret, self.now)),
                Report::BroadPolicies => rows.extend(broad_policy(secret)?),
                Report::WhoCanRead => rows.extend(self.readers(secret).await?),
                Report::Keys => {}
            }
        }
        Ok(Some(rows))
    }

    fn unused(&self, secret: &Secret) -> Option<Row> {
        // The key is nothing to that rule.
        let facts = Facts { secret, key: &UsedKey::Default };
        if verdict(Rule::Unused, self.parameters, &facts, self.now).compliance != Compliance::NonCompliant {
            return None;
        }
        let since = secret.accessed().unwrap_or(Timestamp::from_millis(secret.created_ms)).start_of_day();
        let (created, accessed) = (Some(secret.created_ms), secret.accessed_ms);
        Some(vec![secret.arn().into(), created.into(), accessed.into(), days_since(since, self.now.start_of_day())])
    }

    /// Who may read a secret, by its policies, its key's and their own.
    async fn readers(&mut self, secret: &Secret) -> Result<Vec<Row>, Error> {
        if secret.deletion.is_some() {
            return Ok(Vec::new());
        }
        let region = Region::parse(&secret.region).map_err(|error| Error::internal(error.to_string()))?;
        let callers = match self.callers.get(&secret.region) {
            Some(callers) => callers.clone(),
            None => {
                let callers = everybody(self.identities, &region).await?;
                self.callers.insert(secret.region.clone(), callers.clone());
                callers
            }
        };
        let arn = secret.arn();
        let answers = who_among(self.documents, &callers, (READ, &arn), &region, self.now).await?;
        let allowed = answers.into_iter().filter(|answer| answer.decision == ALLOWED);
        Ok(allowed
            .map(|answer| {
                vec![arn.clone().into(), answer.principal.to_string().into(), answer.because.to_string().into()]
            })
            .collect())
    }

    async fn next_keys(&mut self) -> Result<Option<Vec<Row>>, Error> {
        let mut uses = match self.uses.take() {
            Some(uses) => uses,
            None => self.count_uses().await?,
        };
        let page = self.documents.scan::<Key>("", self.after.as_deref(), PAGE).await?;
        let is_wanted = |key: &Key| {
            self.scope.account.as_ref().is_none_or(|account| account.as_str() == key.account)
                && self.scope.has_region(&key.region)
        };
        let mut rows = Vec::new();
        for key in page.iter().map(|loaded| &loaded.value).filter(|key| is_wanted(key)) {
            let by = if key.is_aws_managed { "AWS" } else { "CUSTOMER" };
            let used = uses.remove(&key.arn()).unwrap_or_default();
            let state = key.state(self.now).as_str();
            rows.push(used.row(key.arn(), Cell::Text(by.to_owned()), state, Cell::Text(key.aliases.join(" "))));
        }
        if let Some(last) = page.last() {
            self.after = Some(last.value.key());
            self.uses = Some(uses);
            return Ok(Some(rows));
        }
        // What is left are keys that are not there, or another account's; they are told once.
        self.uses = Some(Uses::new());
        let left = uses.into_iter().map(|(key, used)| used.row(key, Cell::Nothing, "elsewhere or gone", Cell::Nothing));
        let left: Vec<Row> = left.collect();
        Ok((!left.is_empty()).then_some(left))
    }

    /// What hangs on the keys: all secrets are looked at, and the keys of all their values.
    async fn count_uses(&mut self) -> Result<Uses, Error> {
        let mut uses = Uses::new();
        let mut defaults: BTreeMap<(String, String), String> = BTreeMap::new();
        while let Some(secrets) = self.walk.next().await? {
            for secret in &secrets {
                let place = (secret.account.clone(), secret.region.clone());
                let default = match defaults.get(&place) {
                    Some(arn) => arn.clone(),
                    None => {
                        let arn = keys::default_arn(self.documents, secret).await?;
                        defaults.insert(place, arn.clone());
                        arn
                    }
                };
                let named = match UsedKey::of(self.documents, secret).await? {
                    UsedKey::Default => default.clone(),
                    UsedKey::Customer(arn) | UsedKey::OtherAccount(arn) | UsedKey::Absent(arn) => arn,
                };
                uses.entry(named).or_default().secrets += 1;
                for version_id in secret.versions.iter().map(|(id, _)| id) {
                    let stored = self.documents.load::<StoredValue>(value_key(secret, version_id)).await?;
                    for wrapped in stored.iter().flat_map(|stored| stored.value.data_keys()) {
                        let arn = if wrapped.key_arn.is_empty() { &default } else { &wrapped.key_arn };
                        uses.entry(arn.clone()).or_default().values += 1;
                    }
                }
            }
        }
        Ok(uses)
    }
}

fn never_rotated(secret: &Secret) -> Option<Row> {
    let rotation = secret.rotation.as_ref();
    if secret.deletion.is_some() || rotation.is_some_and(|rotation| rotation.rotated_ms.is_some()) {
        return None;
    }
    let enabled = rotation.is_some_and(|rotation| rotation.enabled);
    let (created, changed) = (Some(secret.created_ms), Some(secret.changed_ms));
    Some(vec![secret.arn().into(), created.into(), changed.into(), Cell::Flag(enabled)])
}

fn overdue(secret: &Secret, now: Timestamp) -> Option<Row> {
    let rotation = secret.rotation.as_ref().filter(|rotation| rotation.enabled && secret.deletion.is_none())?;
    let next = rotation.next.filter(|next| next.end_ms <= now.millis())?;
    let days = days_since(Timestamp::from_millis(next.end_ms), now);
    Some(vec![secret.arn().into(), iso(next.shown_end()).into(), days, rotation.rotated_ms.into()])
}

fn broad_policy(secret: &Secret) -> Result<Option<Row>, Error> {
    let Some(policy) = &secret.policy else { return Ok(None) };
    let policy = policy.compiled(DocumentKind::Resource)?;
    let row = || vec![secret.arn().into(), policy.statements().len().into(), Cell::Flag(secret.deletion.is_some())];
    Ok(policy.grants_broad_access().then(row))
}
