//! What a start tells the user: where the server is, which keys there are, and what to paste.

use std::io::{self, Write};
use std::path::Path;

use strongroom_core::identities::NewKey;

/// What is told.
pub struct Greeting<'a> {
    /// The URL.
    pub url: &'a str,
    /// The region.
    pub region: &'a str,
    /// The names of the other regions that hold secrets; empty when there are none.
    pub other_regions: &'a str,
    /// The account.
    pub account: &'a str,
    /// What the trust hangs on.
    pub trust: &'a str,
    /// The data directory.
    pub data: &'a Path,
    /// The file with the access key, when there is one.
    pub credentials: Option<&'a Path>,
    /// Whether the store is in a database, which other servers may share.
    pub shared: bool,
    /// The access key, when this start made it.
    pub new_key: Option<&'a NewKey>,
    /// Whether developer mode is on.
    pub dev: bool,
}

impl Greeting<'_> {
    /// Writes it. `on_terminal` says that a person reads `to`: the secret key is written to nothing else, for an
    /// output that goes to a file or a log keeps it where nobody looks after it.
    ///
    /// # Errors
    /// When `to` cannot be written to.
    pub fn write(&self, to: &mut dyn Write, on_terminal: bool) -> io::Result<()> {
        let Self { url, region, account, trust, .. } = self;
        let data = self.data.display();
        writeln!(to, "Strongroom {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(to, "  endpoint     {url}")?;
        writeln!(to, "  region       {region}")?;
        if !self.other_regions.is_empty() {
            writeln!(to, "               not shown here: the secrets in {}", self.other_regions)?;
        }
        writeln!(to, "  account      {account}")?;
        writeln!(to, "  trust        {trust}")?;
        match self.credentials {
            Some(saved) => writeln!(to, "  credentials  {} (profile default)", saved.display())?,
            None if self.shared => writeln!(
                to,
                "  credentials  not in {data}: those of the first server on the database are for all of them"
            )?,
            None => writeln!(
                to,
                "  credentials  not in {data}: use the access key that you have, or stop the server and make a new one \
                 with\n               strongroom account root-key --data {data}"
            )?,
        }
        if let Some(key) = self.new_key {
            writeln!(to, "  access key   {}", key.key_id)?;
            if on_terminal {
                writeln!(to, "  secret key   {} (shown this once, saved in the file above)", key.secret.expose())?;
            } else {
                writeln!(to, "  secret key   saved in the file above")?;
            }
        }
        if self.dev {
            writeln!(to)?;
            writeln!(
                to,
                "  *** DEVELOPER MODE: any access key that nobody was given is the root, its signature unverified. ***"
            )?;
            writeln!(to, "  *** Whoever reaches this port reads every secret. Never keep a real one here. ***")?;
        }
        writeln!(to)?;
        writeln!(to, "Paste into another terminal:")?;
        writeln!(to, "  export AWS_ENDPOINT_URL_SECRETS_MANAGER={url} AWS_ENDPOINT_URL_KMS={url}")?;
        writeln!(to, "  export AWS_ENDPOINT_URL_IAM={url} AWS_ENDPOINT_URL_STS={url} AWS_ENDPOINT_URL_LAMBDA={url}")?;
        writeln!(to, "  export AWS_ENDPOINT_URL_CLOUDTRAIL={url} AWS_ENDPOINT_URL_EVENTBRIDGE={url}")?;
        writeln!(to, "  export AWS_ENDPOINT_URL_CLOUDWATCH={url} AWS_ENDPOINT_URL_CLOUDWATCH_LOGS={url}")?;
        writeln!(to, "  export AWS_ENDPOINT_URL_CONFIG_SERVICE={url}")?;
        writeln!(to, "  export AWS_REGION={region} AWS_DEFAULT_REGION={region}")?;
        if let Some(saved) = self.credentials {
            writeln!(to, "  export AWS_SHARED_CREDENTIALS_FILE={}", saved.display())?;
        }
        if self.new_key.is_some() {
            writeln!(to, "  aws secretsmanager create-secret --name demo --secret-string 'my first secret'")?;
            writeln!(to, "  aws secretsmanager get-secret-value --secret-id demo")?;
        } else {
            writeln!(to, "  aws secretsmanager list-secrets")?;
        }
        writeln!(to)?;
        writeln!(to, "Stop with Ctrl-C.")?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_types::SecretText;

    use super::*;

    fn written(change: impl FnOnce(&mut Greeting<'_>), on_terminal: bool) -> String {
        let key = NewKey { key_id: "AKIAEXAMPLE".into(), secret: SecretText::new("the-secret".into()) };
        let mut greeting = Greeting {
            url: "http://127.0.0.1:1",
            region: "us-east-1",
            other_regions: "",
            account: "123456789012",
            trust: "a file",
            data: Path::new("/data"),
            credentials: Some(Path::new("/data/credentials")),
            shared: false,
            new_key: Some(&key),
            dev: false,
        };
        change(&mut greeting);
        let mut to = Vec::new();
        greeting.write(&mut to, on_terminal).expect("written");
        String::from_utf8(to).expect("text")
    }

    #[test]
    fn the_secret_key_is_for_a_terminal_alone() {
        assert!(written(|_| {}, true).contains("  secret key   the-secret (shown this once"));
        let elsewhere = written(|_| {}, false);
        assert!(!elsewhere.contains("the-secret"));
        assert!(elsewhere.contains("  credentials  /data/credentials"));
        assert!(elsewhere.contains("  secret key   saved in the file above"));
        assert!(!written(|greeting| greeting.new_key = None, true).contains("secret key"), "a later start has none");
    }
    #[test]
    fn a_file_that_is_not_there_is_not_named() {
        let said = written(|greeting| (greeting.new_key, greeting.credentials) = (None, None), true);
        assert!(!said.contains("/data/credentials") && !said.contains("AWS_SHARED_CREDENTIALS_FILE"), "{said}");
        assert!(said.contains("strongroom account root-key --data /data\n"), "{said}");
    }
    #[test]
    fn clients_of_every_service_are_led_here() {
        let said = written(|_| {}, true);
        for (name, _) in crate::doctor::ENDPOINTS {
            assert!(said.contains(&format!(" {name}=http://127.0.0.1:1")), "{name}: {said}");
        }
    }
    #[test]
    fn other_regions_are_named_when_there_are_any() {
        let said = written(|greeting| greeting.other_regions = "eu-west-1, us-west-2", true);
        assert!(said.contains("not shown here: the secrets in eu-west-1, us-west-2\n"), "{said}");
        assert!(!written(|_| {}, true).contains("not shown here"));
    }
}
