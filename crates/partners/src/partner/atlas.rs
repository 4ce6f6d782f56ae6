//! MongoDB Atlas, by its Administration API with the token of a service account: passwords of database users, and
//! the secrets of service accounts, of which there are two at most.

use http::Method;
use serde_json::json;
use strongroom_types::SecretText;

use super::{Job, answered};
use strongroom_rotators::PasswordSettings;

use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Request, encoded};

/// The version of the API without `apiVersion`.
const API_VERSION: &str = "2025-03-12";
/// Secrets that a service account can have.
const SECRETS_MAX: usize = 2;
/// Characters of a new password.
const PASSWORD_CHARACTERS: u64 = 32;
/// How long a secret lasts if the present one does not show it: the most that Atlas allows, a year.
const HOURS: i64 = 365 * 24;
/// What a masked secret has in place of what it hides. That Atlas has one of these is unconfirmed: if not, a third
/// secret is refused rather than one in use deleted.
const MASK: [char; 4] = ['*', '.', '\u{2022}', '\u{2026}'];
const LIST: &str = "read the service account's secrets";

/// Letters and digits: Atlas' passwords stand in connection strings.
fn password_settings() -> PasswordSettings {
    PasswordSettings {
        length: PASSWORD_CHARACTERS,
        exclude_characters: String::new(),
        exclude_numbers: false,
        exclude_punctuation: true,
        exclude_uppercase: false,
        exclude_lowercase: false,
        require_each_included_type: true,
    }
}

pub async fn new_password(job: &Job<'_>) -> Result<Fields, Fault> {
    let settings = password_settings();
    let asked = job.means.secrets.random_password(&settings).await;
    let password = asked.map_err(|error| Fault::Secrets { what: "make a password", error })?;
    let mut new = job.current.clone();
    new.set("password", password.expose());
    Ok(new)
}

pub async fn set_password(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    for key in ["username", "databaseName", "groupId"] {
        if new.text(&[key]) != job.current.text(&[key]) {
            return Err(Fault::State(format!("The pending version has another {key} than the current one.")));
        }
    }
    let mut body = Fields::default();
    body.set("password", &job.key(new, "password")?);
    let request = request(job, Method::PATCH, &user(job, new)?).await?.json(&body, &media_type(job));
    job.call("set the database user's password", request).await.map(drop)
}

/// Looks the user up. That it can log in is not tried: for that the database itself would have to be spoken to.
pub async fn test_user(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    const WHAT: &str = "look up the database user";
    let told = job.call(WHAT, request(job, Method::GET, &user(job, new)?).await?).await?;
    answered(&told, &["username"], WHAT, "username").map(drop)
}

fn user(job: &Job<'_>, fields: &Fields) -> Result<String, Fault> {
    let part = |key| job.key(fields, key).map(|text| encoded(&text));
    Ok(format!("/groups/{}/databaseUsers/{}/{}", part("groupId")?, part("databaseName")?, part("username")?))
}

/// Makes a secret. Before, it deletes the one that is not in use, if there are two: of the last rotation, or of a step
/// that was interrupted.
pub async fn create(job: &Job<'_>) -> Result<Fields, Fault> {
    const CREATE: &str = "create a secret of the service account";
    let account = account(job)?;
    let told = job.call(LIST, request(job, Method::GET, &account).await?).await?;
    let secrets: Vec<Fields> = told.items(&["secrets"]).collect();
    let current = job.key(&job.current, "clientSecret")?;
    let (used, others): (Vec<Fields>, Vec<Fields>) = secrets.into_iter().partition(|secret| is_of(secret, &current));
    if used.len().saturating_add(others.len()) >= SECRETS_MAX {
        let [_] = used.as_slice() else {
            return Err(Fault::State(
                "Which of the service account's secrets is in use cannot be told: delete one at MongoDB Atlas."
                    .to_owned(),
            ));
        };
        for other in &others {
            let id = answered(other, &["id"], LIST, "secrets.id")?;
            let path = format!("{account}/secrets/{}", encoded(&id));
            job.remove("delete a secret of the service account", request(job, Method::DELETE, &path).await?).await?;
        }
    }
    let hours = used.first().and_then(lifetime_hours).unwrap_or(HOURS);
    let body = Fields::of(json!({"secretExpiresAfterHours": hours}));
    let path = format!("{account}/secrets");
    let made = job.call(CREATE, request(job, Method::POST, &path).await?.json(&body, &media_type(job))).await?;
    let mut new = job.current.clone();
    new.set("clientSecret", &answered(&made, &["secret"], CREATE, "secret")?);
    Ok(new)
}

pub async fn test(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    token(job, new).await.map(drop)
}

fn account(job: &Job<'_>) -> Result<String, Fault> {
    let part = |key| job.key(&job.current, key).map(|text| encoded(&text));
    Ok(format!("/orgs/{}/serviceAccounts/{}", part("orgId")?, part("clientId")?))
}

/// Whether a masked secret is that one: they show how it begins and ends.
fn is_of(masked: &Fields, secret: &str) -> bool {
    let Some(masked) = masked.text(&["maskedSecretValue"]) else { return false };
    let (begin, end) = (masked.split(MASK).next().unwrap_or_default(), masked.rsplit(MASK).next().unwrap_or_default());
    masked.contains(MASK) && !end.is_empty() && secret.starts_with(begin) && secret.ends_with(end)
}

/// For how long the present secret was made.
fn lifetime_hours(secret: &Fields) -> Option<i64> {
    let instant = |key| secret.text(&[key])?.parse::<jiff::Timestamp>().ok();
    let seconds = instant("expiresAt")?.as_second().checked_sub(instant("createdAt")?.as_second())?;
    let hours = seconds.checked_add(1800)?.div_euclid(3600);
    (8..=HOURS).contains(&hours).then_some(hours)
}

fn media_type(job: &Job<'_>) -> String {
    let version = job.metadata.get("apiVersion").map_or(API_VERSION, String::as_str);
    format!("application/vnd.atlas.{version}+json")
}

/// A call with a token of the administrator's service account, or of the account itself.
async fn request(job: &Job<'_>, method: Method, path: &str) -> Result<Request, Fault> {
    let token = token(job, job.signer()).await?;
    let url = format!("{}/api/atlas/v2{path}", job.means.hosts.atlas);
    Ok(Request::new(method, url).bearer(token.expose()).header("accept", &media_type(job)))
}

/// A token, which the credentials of a service account are good for.
async fn token(job: &Job<'_>, account: &Fields) -> Result<SecretText, Fault> {
    const WHAT: &str = "get a token for the service account";
    let id = answered(account, &["clientId"], WHAT, "clientId")?;
    let secret = answered(account, &["clientSecret"], WHAT, "clientSecret")?;
    let url = format!("{}/api/oauth/token", job.means.hosts.atlas);
    let request = Request::new(Method::POST, url).basic(&id, &secret).form(&[("grant_type", "client_credentials")]);
    let told = job.call(WHAT, request).await?;
    Ok(SecretText::new(answered(&told, &["access_token"], WHAT, "access_token")?.into_owned()))
}
