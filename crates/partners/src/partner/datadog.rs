//! Datadog: API keys and application keys of service accounts, by API v2 with the keys of an administrator.
//! A key is made under a name of its own, so that one which an interrupted step left behind is found and deleted.

use http::Method;
use serde_json::json;

use super::{Job, answered};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Request, encoded};

const JSON: &str = "application/json";

/// The keys that a pair of an administrator consists of, and what they are called there.
const PAIR: [(&str, &str); 2] = [("adminApiKey", "adminApiKeyId"), ("adminAppKey", "adminAppKeyId")];

pub async fn create_api_key(job: &Job<'_>) -> Result<Fields, Fault> {
    let mut new = job.current.clone();
    add_key(job, &mut new, "/api/v2/api_keys", "api_keys", None, ("apiKey", "apiKeyId")).await?;
    Ok(new)
}

pub async fn create_application_key(job: &Job<'_>) -> Result<Fields, Fault> {
    let account = job.key(&job.current, "serviceAccountId")?;
    if job.signer().text(&["serviceAccountId"]) != Some(account) {
        let arn = job.metadata.get(crate::kind::ADMIN_SECRET).cloned().unwrap_or_default();
        return Err(Fault::AdminSecret { arn, why: "has another serviceAccountId than the secret".to_owned() });
    }
    let mut new = job.current.clone();
    replace_application_key(job, &mut new, ("appKey", "appKeyId")).await?;
    Ok(new)
}

pub async fn create_pair(job: &Job<'_>) -> Result<Fields, Fault> {
    let mut new = job.current.clone();
    let [api, application] = PAIR;
    add_key(job, &mut new, "/api/v2/api_keys", "api_keys", None, api).await?;
    replace_application_key(job, &mut new, application).await?;
    Ok(new)
}

pub async fn test_api_key(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    validate_api_key(job, &job.key(new, "apiKey")?).await
}

pub async fn test_application_key(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    let api_key = answered(job.signer(), &["adminApiKey"], "use the administrator's secret", "adminApiKey")?;
    validate_both(job, &api_key, &job.key(new, "appKey")?).await
}

pub async fn test_pair(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    validate_api_key(job, &job.key(new, "adminApiKey")?).await?;
    validate_both(job, &job.key(new, "adminApiKey")?, &job.key(new, "adminAppKey")?).await
}

pub async fn revoke_api_key(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    delete(job, "/api/v2/api_keys", &job.key(old, "apiKeyId")?).await
}

pub async fn revoke_application_key(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    delete(job, &application_keys(job, old)?, &job.key(old, "appKeyId")?).await
}

pub async fn revoke_pair(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    delete(job, &application_keys(job, old)?, &job.key(old, "adminAppKeyId")?).await?;
    delete(job, "/api/v2/api_keys", &job.key(old, "adminApiKeyId")?).await
}

/// Makes an application key with the scopes of the present one, which must be the service account's own.
async fn replace_application_key(
    job: &Job<'_>,
    new: &mut Fields,
    (key, id): (&'static str, &'static str),
) -> Result<(), Fault> {
    const WHAT: &str = "read the present application key of the service account";
    let keys = application_keys(job, &job.current)?;
    let present = format!("{keys}/{}", encoded(&job.key(&job.current, id)?));
    let present = job.call(WHAT, request(job, Method::GET, &present)?).await?;
    let scopes = present.at(&["data", "attributes", "scopes"]).cloned().filter(|scopes| !scopes.is_null());
    add_key(job, new, &keys, "application_keys", scopes, (key, id)).await
}

/// Makes a key and puts it into the value.
async fn add_key(
    job: &Job<'_>,
    new: &mut Fields,
    path: &str,
    kind: &str,
    scopes: Option<serde_json::Value>,
    (key, id): (&str, &str),
) -> Result<(), Fault> {
    const LIST: &str = "look for keys of an interrupted rotation";
    const CREATE: &str = "create a key";
    let list = request(job, Method::GET, &format!("{path}?filter={}", encoded(&job.name)))?;
    for left in job.call(LIST, list).await?.items(&["data"]) {
        if left.text(&["attributes", "name"]).as_deref() == Some(job.name.as_str()) {
            delete(job, path, &answered(&left, &["id"], LIST, "id")?).await?;
        }
    }
    let attributes = match scopes {
        Some(scopes) => json!({"name": job.name, "scopes": scopes}),
        None => json!({"name": job.name}),
    };
    let body = Fields::of(json!({"data": {"type": kind, "attributes": attributes}}));
    let made = job.call(CREATE, request(job, Method::POST, path)?.json(&body, JSON)).await?;
    new.set(key, &answered(&made, &["data", "attributes", "key"], CREATE, "data.attributes.key")?);
    new.set(id, &answered(&made, &["data", "id"], CREATE, "data.id")?);
    Ok(())
}

async fn delete(job: &Job<'_>, path: &str, id: &str) -> Result<(), Fault> {
    job.remove("delete a key", request(job, Method::DELETE, &format!("{path}/{}", encoded(id)))?).await
}

async fn validate_api_key(job: &Job<'_>, key: &str) -> Result<(), Fault> {
    let request = Request::new(Method::GET, format!("{}/api/v1/validate", site(job)?)).header("dd-api-key", key);
    let valid = job.call("validate the API key", request).await?;
    let is_valid = valid.at(&["valid"]).and_then(serde_json::Value::as_bool) == Some(true);
    if is_valid { Ok(()) } else { Err(Fault::NotWorking("Datadog says that the API key is not valid")) }
}

async fn validate_both(job: &Job<'_>, api_key: &str, application_key: &str) -> Result<(), Fault> {
    let request = Request::new(Method::GET, format!("{}/api/v2/validate_keys", site(job)?));
    let request = request.header("dd-api-key", api_key).header("dd-application-key", application_key);
    job.call("validate the application key", request).await.map(drop)
}

fn application_keys(job: &Job<'_>, fields: &Fields) -> Result<String, Fault> {
    Ok(format!("/api/v2/service_accounts/{}/application_keys", encoded(&job.key(fields, "serviceAccountId")?)))
}

/// A call with the administrator's keys.
fn request(job: &Job<'_>, method: Method, path: &str) -> Result<Request, Fault> {
    const WHAT: &str = "use the administrator's secret";
    let signer = job.signer();
    let request = Request::new(method, format!("{}{path}", site(job)?));
    let request = request.header("dd-api-key", &answered(signer, &["adminApiKey"], WHAT, "adminApiKey")?);
    Ok(request.header("dd-application-key", &answered(signer, &["adminAppKey"], WHAT, "adminAppKey")?))
}

fn site(job: &Job<'_>) -> Result<String, Fault> {
    if let Some(host) = &job.means.hosts.datadog {
        return Ok(host.clone());
    }
    let site = answered(job.signer(), &["site"], "use the administrator's secret", "site")?;
    Ok(format!("https://api.{site}"))
}
