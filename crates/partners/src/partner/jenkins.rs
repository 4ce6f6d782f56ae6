//! Jenkins: API tokens of a user, by the actions of the user's own page. Calls that bear an API token need no crumb.
//! There is no list of tokens in the API, so one that an interrupted step made stays until a person revokes it.

use http::Method;

use super::{Job, answered, base};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Request, encoded};

pub async fn create(job: &Job<'_>) -> Result<Fields, Fault> {
    const WHAT: &str = "generate a token";
    let made = job.call(WHAT, request(job, "generateNewToken", ("newTokenName", &job.name))?).await?;
    let mut new = job.current.clone();
    new.set("apiToken", &answered(&made, &["data", "tokenValue"], WHAT, "data.tokenValue")?);
    new.set("tokenUuid", &answered(&made, &["data", "tokenUuid"], WHAT, "data.tokenUuid")?);
    Ok(new)
}

pub async fn test(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    let url = format!("{}/whoAmI/api/json", base(&job.key(new, "jenkinsUrl")?));
    let request = Request::new(Method::GET, url).basic(&job.key(new, "username")?, &job.key(new, "apiToken")?);
    let told = job.call("use the new token", request).await?;
    let is_known = told.at(&["anonymous"]).and_then(serde_json::Value::as_bool) == Some(false);
    if is_known { Ok(()) } else { Err(Fault::NotWorking("Jenkins takes the token for nobody's")) }
}

pub async fn revoke(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    let uuid = job.key(old, "tokenUuid")?;
    job.remove("revoke a token", request(job, "revoke", ("tokenUuid", &uuid))?).await
}

fn request(job: &Job<'_>, action: &str, form: (&str, &str)) -> Result<Request, Fault> {
    const WHAT: &str = "use the administrator's secret";
    let url = format!(
        "{}/user/{}/descriptorByName/jenkins.security.ApiTokenProperty/{action}",
        base(&job.key(&job.current, "jenkinsUrl")?),
        encoded(&job.key(&job.current, "username")?),
    );
    let signer = job.signer();
    let (user, token) =
        (answered(signer, &["username"], WHAT, "username")?, answered(signer, &["apiToken"], WHAT, "apiToken")?);
    Ok(Request::new(Method::POST, url).basic(&user, &token).form(&[form]))
}
