//! GitLab: personal, project and group access tokens by the rotate API, which makes the new token and revokes the old
//! one at once. A step that is interrupted between GitLab's answer and keeping the new token leaves a secret whose token
//! is revoked: with an administrator's secret a person can make a new one; without, the API has no way back.

use http::Method;
use serde_json::json;
use strongroom_types::time::Timestamp;

use super::{Job, answered, base};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Request, encoded};

/// A token that is known but may not ask about itself: one with the scope self_rotate alone.
const FORBIDDEN: u16 = 403;

pub async fn create(job: &Job<'_>) -> Result<Fields, Fault> {
    const WHAT: &str = "rotate the token";
    let url = format!("{}/api/v4/{}/rotate", base(&job.key(&job.current, "gitlabUrl")?), place(job)?);
    let token = answered(job.signer(), &["token"], WHAT, "token")?;
    let mut request = Request::new(Method::POST, url).header("private-token", &token);
    if let Some(days) = job.metadata.get("daysToExpiry") {
        let body = Fields::of(json!({"expires_at": expiry(job.now, days)?}));
        request = request.json(&body, "application/json");
    }
    let made = job.call(WHAT, request).await?;
    let mut new = job.current.clone();
    new.set("token", &answered(&made, &["token"], WHAT, "token")?);
    new.set("tokenId", &answered(&made, &["id"], WHAT, "id")?);
    Ok(new)
}

pub async fn test(job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
    const WHAT: &str = "use the new token";
    let url = format!("{}/api/v4/personal_access_tokens/self", base(&job.key(new, "gitlabUrl")?));
    let request = Request::new(Method::GET, url).header("private-token", &job.key(new, "token")?);
    let answer = job.ask(WHAT, request).await?;
    if answer.status == FORBIDDEN {
        return Ok(());
    }
    if !answer.is_success() {
        return Err(Fault::Refused { what: WHAT, status: answer.status });
    }
    let told = Fields::parse(answer.body.expose()).unwrap_or_default();
    if told.text(&["id"]) != new.text(&["tokenId"]) {
        return Err(Fault::NotWorking("GitLab knows the token under another id than tokenId"));
    }
    match told.at(&["active"]).and_then(serde_json::Value::as_bool) {
        Some(false) => Err(Fault::NotWorking("GitLab says that the token is not active")),
        _ => Ok(()),
    }
}

/// The path of the token: of a project, a group or a person; a token that rotates itself is called `self`.
fn place(job: &Job<'_>) -> Result<String, Fault> {
    let id = match job.admin {
        Some(_) => encoded(&job.key(&job.current, "tokenId")?),
        None => "self".to_owned(),
    };
    let of = |key: &str| job.current.text(&[key]).map(|owner| encoded(&owner));
    Ok(match (of("projectId"), of("groupId")) {
        (Some(project), _) => format!("projects/{project}/access_tokens/{id}"),
        (None, Some(group)) => format!("groups/{group}/access_tokens/{id}"),
        (None, None) => format!("personal_access_tokens/{id}"),
    })
}

/// The day on which a token ends that is to last so many days.
fn expiry(now: Timestamp, days: &str) -> Result<String, Fault> {
    let wrong = || Fault::WrongMetadata {
        kind: "GitLabAccessToken",
        key: "daysToExpiry",
        form: "a number of days from 1 to 365",
    };
    let end = now.plus_days(days.parse().map_err(|_| wrong())?);
    let end = jiff::Timestamp::from_second(end.seconds()).map_err(|_| wrong())?;
    Ok(jiff::tz::Offset::UTC.to_datetime(end).date().to_string())
}
