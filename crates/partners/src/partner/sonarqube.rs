//! SonarQube: tokens by `api/user_tokens`. A user's tokens have names of their own, so a new token comes with a new
//! `tokenName`; one of that name, which an interrupted step may have left, is revoked first.

use http::Method;

use super::{Job, answered, base};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::Request;

const USER_TOKEN: &str = "USER_TOKEN";
const PROJECT_TOKEN: &str = "PROJECT_ANALYSIS_TOKEN";

pub async fn create(job: &Job<'_>) -> Result<Fields, Fault> {
    const WHAT: &str = "generate a token";
    let kind = job.current.text(&["tokenType"]).unwrap_or(USER_TOKEN.into());
    if kind != USER_TOKEN && job.admin.is_none() {
        return Err(Fault::MissingMetadata { kind: job.kind.name, key: crate::kind::ADMIN_SECRET });
    }
    let project = (kind == PROJECT_TOKEN).then(|| job.key(&job.current, "projectKey")).transpose()?;
    let mut new = job.current.clone();
    new.set("tokenName", &job.name);
    revoke(job, &new).await?;
    let mut form = vec![("name", job.name.as_str()), ("type", &kind)];
    form.extend(project.as_deref().map(|project| ("projectKey", project)));
    let made = job.call(WHAT, request(job, "generate", &form)?).await?;
    new.set("token", &answered(&made, &["token"], WHAT, "token")?);
    Ok(new)
}

pub async fn test(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    let url = format!("{}/api/authentication/validate", base(&job.key(new, "sonarqubeUrl")?));
    // The token stands for the user's name, with no password: so releases of all ages take it.
    let request = Request::new(Method::GET, url).basic(&job.key(new, "token")?, "");
    let told = job.call("use the new token", request).await?;
    let is_valid = told.at(&["valid"]).and_then(serde_json::Value::as_bool) == Some(true);
    if is_valid { Ok(()) } else { Err(Fault::NotWorking("SonarQube says that the token is not valid")) }
}

pub async fn revoke(job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
    let name = job.key(old, "tokenName")?;
    job.remove("revoke a token", request(job, "revoke", &[("name", &name)])?).await
}

/// A call about the tokens of the secret's user; only an administrator may name another user.
fn request(job: &Job<'_>, action: &str, form: &[(&str, &str)]) -> Result<Request, Fault> {
    let login = job.key(&job.current, "login")?;
    let mut form = form.to_vec();
    if job.admin.is_some() {
        form.push(("login", &login));
    }
    let url = format!("{}/api/user_tokens/{action}", base(&job.key(&job.current, "sonarqubeUrl")?));
    let token = answered(job.signer(), &["token"], "use the administrator's secret", "token")?;
    Ok(Request::new(Method::POST, url).basic(&token, "").form(&form))
}
