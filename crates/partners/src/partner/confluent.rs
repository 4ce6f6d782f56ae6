//! Confluent Cloud: API keys of a service account by `iam/v2/api-keys`. A key that an interrupted step left is found by
//! its name and deleted.

use http::Method;
use serde_json::json;

use super::{Job, answered};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Request, encoded};

const WHAT_SIGNER: &str = "use the administrator's secret";
/// A key that is known but may not ask about itself.
const FORBIDDEN: u16 = 403;

pub async fn create(job: &Job<'_>) -> Result<Fields, Fault> {
    const LIST: &str = "look for keys of an interrupted rotation";
    const CREATE: &str = "create an API key";
    let account = job.key(&job.current, "serviceAccountId")?;
    let list = request(job, Method::GET, &format!("?spec.owner={}&page_size=100", encoded(&account)))?;
    for left in job.call(LIST, list).await?.items(&["data"]) {
        if left.text(&["spec", "display_name"]).as_deref() == Some(job.name.as_str()) {
            delete(job, &answered(&left, &["id"], LIST, "id")?).await?;
        }
    }
    let mut spec = json!({
        "display_name": job.name,
        "description": "made by a rotation",
        "owner": {"id": account},
    });
    let resource = job.current.text(&["resourceId"]).map(|id| match job.current.text(&["environmentId"]) {
        Some(environment) => json!({"id": id, "environment": environment}),
        None => json!({"id": id}),
    });
    if let (Some(resource), Some(members)) = (resource, spec.as_object_mut()) {
        members.insert("resource".to_owned(), resource);
    }
    let body = Fields::of(json!({"spec": spec}));
    let made = job.call(CREATE, request(job, Method::POST, "")?.json(&body, "application/json")).await?;
    let mut new = job.current.clone();
    new.set("apiKey", &answered(&made, &["id"], CREATE, "id")?);
    new.set("apiSecret", &answered(&made, &["spec", "secret"], CREATE, "spec.secret")?);
    Ok(new)
}

/// A key for the cloud itself is used; one for a cluster is only looked up, since it opens nothing but its cluster.
pub async fn test(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    const USE: &str = "use the new API key";
    let key = job.key(new, "apiKey")?;
    if new.text(&["resourceId"]).is_some() {
        let request = request(job, Method::GET, &format!("/{}", encoded(&key)))?;
        return job.call("look up the new API key", request).await.map(drop);
    }
    let url = format!("{}/iam/v2/api-keys/{}", job.means.hosts.confluent, encoded(&key));
    let request = Request::new(Method::GET, url).basic(&key, &job.key(new, "apiSecret")?);
    let answer = job.ask(USE, request).await?;
    if answer.is_success() || answer.status == FORBIDDEN {
        return Ok(());
    }
    Err(Fault::Refused { what: USE, status: answer.status })
}

pub async fn revoke(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    delete(job, &job.key(old, "apiKey")?).await
}

async fn delete(job: &Job<'_>, id: &str) -> Result<(), Fault> {
    job.remove("delete an API key", request(job, Method::DELETE, &format!("/{}", encoded(id)))?).await
}

fn request(job: &Job<'_>, method: Method, rest: &str) -> Result<Request, Fault> {
    let signer = job.signer();
    let key = answered(signer, &["apiKey"], WHAT_SIGNER, "apiKey")?;
    let secret = answered(signer, &["apiSecret"], WHAT_SIGNER, "apiSecret")?;
    let url = format!("{}/iam/v2/api-keys{rest}", job.means.hosts.confluent);
    Ok(Request::new(method, url).basic(&key, &secret))
}
