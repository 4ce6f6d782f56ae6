//! A function that configuration names: asked at its own URL, by Lambda's Invoke without a signature.

use serde_json::json;
use strongroom_client::{CallError, Endpoint, Options};
use strongroom_core::functions::Hosting;
use strongroom_core::functions::Invoked;
use strongroom_core::functions::sites::{Named, Site, Told};
use strongroom_types::SecretBytes;

use super::{API, invocation, invoked};

/// The end of a URL that is an invocation's already.
const INVOCATIONS: &str = "/invocations";

/// A function at a URL.
pub(super) struct HttpFunction {
    endpoint: Endpoint,
    /// Whether the URL is that of the function, so that only the last part of the path is missing.
    is_whole: bool,
    /// The configuration's word as a policy: Secrets Manager may invoke it, for secrets of its account.
    policy: String,
}

impl HttpFunction {
    /// The function `arn` at `url`: an invocation's whole URL, or what comes before the path of Lambda's API.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub(super) fn open(arn: &str, url: &str, options: Options) -> Result<Self, CallError> {
        let (base, is_whole) = url.strip_suffix(INVOCATIONS).map_or((url, false), |base| (base, true));
        let account = arn.split(':').nth(4).unwrap_or_default();
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "secretsmanager.amazonaws.com" },
            "Action": "lambda:InvokeFunction",
            "Resource": arn,
            "Condition": { "StringEquals": { "aws:SourceAccount": account } },
        }]});
        Ok(Self { endpoint: Endpoint::open(base, options)?, is_whole, policy: policy.to_string() })
    }
}

impl Site for HttpFunction {
    fn look_up<'a>(&'a self, _function: Named<'a>) -> Hosting<'a, Result<Told, String>> {
        Box::pin(async { Ok(Told::Found { policy: Some(self.policy.clone()) }) })
    }

    fn invoke<'a>(&'a self, function: Named<'a>, payload: SecretBytes) -> Hosting<'a, Result<Invoked, String>> {
        Box::pin(async move {
            let call = if self.is_whole {
                invocation(&["invocations"], payload)
            } else {
                invocation(&[API, "functions", function.name, "invocations"], payload)
            };
            let call = match function.qualifier {
                Some(qualifier) => call.with_query("Qualifier", qualifier),
                None => call,
            };
            invoked(self.endpoint.send(call).await)
        })
    }
}
