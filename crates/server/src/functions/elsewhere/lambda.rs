//! An outside Lambda: whether it has a function, whom the function's policy lets in, and its invocation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use strongroom_client::{Answer, Call, CallError, Client, Credentials, Endpoint};
use strongroom_core::functions::model::LATEST;
use strongroom_core::functions::sites::{Named, Site, Told};
use strongroom_core::functions::{Hosting, Invoked};
use strongroom_roots::secret_file;
use strongroom_types::{Clock, Region, SecretBytes};

use super::{API, SERVICE, invocation, invoked};
use crate::config::LambdaEndpointConfig;

/// What Lambda says of what is not there.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// A service that speaks Lambda's API.
pub(super) struct Lambda {
    /// For invocations, which may take long.
    invoking: Arc<Endpoint>,
    /// For questions.
    asking: Arc<Endpoint>,
    region: Region,
    /// Read anew for each call.
    credentials_file: PathBuf,
    profile: String,
    clock: Arc<dyn Clock>,
}

impl Lambda {
    /// The service at `endpoint`, calls to which are signed for `region`.
    pub(super) fn new(
        endpoint: Endpoint,
        config: &LambdaEndpointConfig,
        region: &Region,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            asking: Arc::new(endpoint.within(Duration::from_millis(config.time_ms_max))),
            invoking: Arc::new(endpoint),
            region: region.clone(),
            credentials_file: config.credentials_file.clone(),
            profile: config.profile.clone(),
            clock,
        }
    }

    /// A client with the access key of now.
    async fn client(&self, endpoint: &Arc<Endpoint>) -> Result<Client, String> {
        let (file, profile) = (self.credentials_file.clone(), self.profile.clone());
        let reading = tokio::task::spawn_blocking(move || {
            Credentials::of_profile(secret_file::text(&file)?.expose(), &profile)
                .ok_or_else(|| format!("{} holds no access key for profile {profile}", file.display()))
        });
        let credentials = reading.await.map_err(|error| error.to_string())??;
        Ok(Client::new(Arc::clone(endpoint), credentials, self.region.as_str()))
    }

    /// The answer to a question about a function.
    async fn ask(&self, function: Named<'_>, what: &[&str]) -> Result<Asked, String> {
        let call = Call::rest(SERVICE, Method::GET, &[&[API, "functions", function.arn], what].concat(), None);
        let client = self.client(&self.asking).await?;
        match client.call(of_version(call, function), self.clock.now()).await {
            Ok(answer) => Ok(Asked::Answered(answer)),
            Err(CallError::Service(refused)) if refused.code == NOT_FOUND => Ok(Asked::Absent),
            Err(CallError::Service(refused)) if (400..500).contains(&refused.status) && refused.status != 429 => {
                Ok(Asked::Refused(format!("{}: {refused}", self.asking.url())))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

enum Asked {
    Answered(Answer),
    Absent,
    Refused(String),
}

/// A call with the version or alias that it is about. `$LATEST` is what is meant without one, and has no policy.
fn of_version(call: Call, function: Named<'_>) -> Call {
    match function.qualifier.filter(|qualifier| *qualifier != LATEST) {
        Some(qualifier) => call.with_query("Qualifier", qualifier),
        None => call,
    }
}

impl Site for Lambda {
    fn look_up<'a>(&'a self, function: Named<'a>) -> Hosting<'a, Result<Told, String>> {
        Box::pin(async move {
            // The answer has where the code is and the function's variables: it is not looked into.
            match self.ask(function, &[]).await? {
                Asked::Absent => return Ok(Told::Absent),
                Asked::Refused(why) => return Ok(Told::Closed(why)),
                Asked::Answered(_) => {}
            }
            match self.ask(function, &["policy"]).await? {
                Asked::Absent => Ok(Told::Found { policy: None }),
                Asked::Refused(why) => Ok(Told::Closed(why)),
                Asked::Answered(answer) => {
                    let told = answer.json().map_err(|error| error.to_string())?;
                    let policy = told.get("Policy").and_then(Value::as_str).map(str::to_owned);
                    let none = || format!("{}: GetPolicy was answered without a policy", self.asking.url());
                    Ok(Told::Found { policy: Some(policy.ok_or_else(none)?) })
                }
            }
        })
    }

    fn invoke<'a>(&'a self, function: Named<'a>, payload: SecretBytes) -> Hosting<'a, Result<Invoked, String>> {
        Box::pin(async move {
            let client = self.client(&self.invoking).await?;
            let call = invocation(&[API, "functions", function.arn, "invocations"], payload);
            invoked(client.send(of_version(call, function), self.clock.now()).await)
        })
    }
}
