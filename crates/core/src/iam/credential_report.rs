//! Credential reports: the root and all users of an account with the state of their credentials, as lines of values
//! (IAM's user guide, "Generate credential reports for your AWS account").

use std::borrow::Cow;

use strongroom_types::Timestamp;
use strongroom_wire::forms::Nothing;
use strongroom_wire::iam::{
    GenerateCredentialReportResponse, GetCredentialReportResponse, ReportFormatType, ReportStateType, errors,
};
use strongroom_wire::{record, timestamps};

use super::{Iam, instant};
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::access_key::AccessKey;
use crate::identities::account::Account;
use crate::identities::credential_report::CredentialReport;
use crate::identities::entity::{Entity, key_of_id};
use crate::identities::key_uses::KeyUse;
use crate::identities::user::{Login, User};

/// How long a report is given out, and no other is made, in ms.
const REPORT_MS_MAX: i64 = 4 * 60 * 60 * 1000;
/// Users read at a time.
const PAGE: usize = 1000;
/// The names of the values, as AWS writes them. Its user guide has one more, of a third access key or certificate,
/// which nobody can have.
const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
                       password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
                       access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
                       access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
                       access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
                       cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
/// What there cannot be.
const ABSENT: &str = "N/A";
/// What is not known.
const UNKNOWN: &str = "no_information";
/// What the root's line does not tell.
const UNSUPPORTED: &str = "not_supported";

/// An access key with its last use.
struct UsedKey {
    active: bool,
    created: Timestamp,
    used: Option<KeyUse>,
}

impl Iam {
    /// Makes a credential report, unless there is one that is younger than four hours. It is there at once: no call
    /// answers that it is in progress.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn generate_credential_report(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: Nothing,
    ) -> Result<GenerateCredentialReportResponse, Error> {
        let account = cx.caller.account.as_str();
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let before = self.documents.load::<CredentialReport>(account).await?;
            if before.as_ref().is_some_and(|before| is_current(&before.value, cx.now)) {
                let state = Some(ReportStateType::Complete);
                return Ok(GenerateCredentialReportResponse { state, description: None });
            }
            let mut change = self.begin(cx, "generate_credential_report").await?;
            let content = self.credential_lines(cx, change.account()).await?;
            let report = CredentialReport { account: account.to_owned(), generated_ms: cx.now.millis(), content };
            change.put(before.as_ref(), report)?;
            let response = GenerateCredentialReportResponse {
                state: Some(ReportStateType::Started),
                // Whether AWS has another text for a report that is too old is unconfirmed.
                description: Some("No report exists. Starting a new report generation task".to_owned()),
            };
            let done = Done { response_elements: Some(record::encode(&response)), ..Done::default() };
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// The report that was made last.
    ///
    /// # Errors
    /// ReportNotPresent, ReportExpired. Both without a text, as AWS.
    pub async fn get_credential_report(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: Nothing,
    ) -> Result<GetCredentialReportResponse, Error> {
        let Some(report) = self.documents.load::<CredentialReport>(cx.caller.account.as_str()).await? else {
            return Err(Error::refused(errors::CREDENTIAL_REPORT_NOT_PRESENT_EXCEPTION, ""));
        };
        if !is_current(&report.value, cx.now) {
            return Err(Error::refused(errors::CREDENTIAL_REPORT_EXPIRED_EXCEPTION, ""));
        }
        Ok(GetCredentialReportResponse {
            content: Some(report.value.content.clone().into_bytes()),
            report_format: Some(ReportFormatType::TextCsv),
            generated_time: Some(instant(report.value.generated_ms)),
        })
    }

    /// The line of names, that of the root, and those of the users by name without regard to case.
    async fn credential_lines(&self, cx: &Ctx, account: &Account) -> Result<String, Error> {
        let mut lines = Vec::new();
        let mut after: Option<String> = None;
        let prefix = key_of_id(&account.account, "");
        loop {
            let page = self.documents.scan::<User>(&prefix, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.value.document_key());
            for Loaded { value: user, .. } in page {
                let mut keys = Vec::new();
                for id in &user.access_keys {
                    if let Some(key) = self.identities.access_key(id).await? {
                        keys.push(self.used_key(&key).await?);
                    }
                }
                lines.push((user.name.to_ascii_lowercase(), line_of_user(&user, account, &keys)));
            }
        }
        lines.sort();
        let mut keys = Vec::new();
        for key in self.identities.root_keys(&cx.caller.account).await? {
            keys.push(self.used_key(&key).await?);
        }
        let root = line_of_root(cx.region.partition(), account, &keys);
        let lines = lines.into_iter().map(|(_, line)| line);
        Ok([COLUMNS.to_owned(), root].into_iter().chain(lines).collect::<Vec<_>>().join("\n"))
    }

    async fn used_key(&self, key: &Loaded<AccessKey>) -> Result<UsedKey, Error> {
        let key = &key.value;
        let used = self.identities.last_use(key.account().as_str(), key.key_id()).await?;
        Ok(UsedKey { active: key.is_active(), created: key.created(), used })
    }
}

fn is_current(report: &CredentialReport, now: Timestamp) -> bool {
    now.millis() - report.generated_ms <= REPORT_MS_MAX
}

fn line_of_user(user: &User, account: &Account, keys: &[UsedKey]) -> String {
    let mut values = vec![quoted(&user.name), quoted(&user.arn()), date(user.created_ms).into()];
    values.extend(password(user.login.as_ref(), account));
    values.push(truth(!user.mfa_devices.is_empty()));
    values.extend(credentials(keys));
    values.join(",")
}

fn line_of_root(partition: &str, account: &Account, keys: &[UsedKey]) -> String {
    let arn = ["arn:", partition, ":iam::", &account.account, ":root"].concat();
    let mut values = vec!["<root_account>".into(), arn.into(), date(account.created_ms).into()];
    values.extend([UNSUPPORTED, UNKNOWN, UNSUPPORTED, UNSUPPORTED].map(Cow::Borrowed));
    values.push(truth(false));
    values.extend(credentials(keys));
    values.join(",")
}

/// Whether there is a password, its last use, when it was set, and when another has to be.
fn password<'a>(login: Option<&Login>, account: &Account) -> [Cow<'a, str>; 4] {
    let Some(login) = login else { return [truth(false), ABSENT.into(), ABSENT.into(), ABSENT.into()] };
    let days = account.password_policy.as_ref().map_or(0, |policy| policy.age_days_max);
    let next = (days > 0).then(|| instant(login.changed_ms).plus_days(days.into()).millis());
    [
        truth(true),
        login.used_ms.map_or(UNKNOWN.into(), |ms| date(ms).into()),
        date(login.changed_ms).into(),
        next.map_or(ABSENT.into(), |ms| date(ms).into()),
    ]
}

/// Two access keys and two signing certificates, which nobody has here.
fn credentials<'a>(keys: &[UsedKey]) -> Vec<Cow<'a, str>> {
    let mut values = Vec::new();
    for at in 0..2 {
        let key = keys.get(at);
        values.push(truth(key.is_some_and(|key| key.active)));
        // When a root's key was made that the server made itself is not known.
        let created = key.map(|key| key.created.millis()).filter(|ms| *ms > 0);
        values.push(created.map_or(ABSENT.into(), |ms| date(ms).into()));
        match key.and_then(|key| key.used.as_ref()) {
            Some(used) => {
                values.extend([date(used.used_ms), used.region.clone(), used.service.clone()].map(Cow::Owned));
            }
            None => values.extend([ABSENT; 3].map(Cow::Borrowed)),
        }
    }
    values.extend([truth(false), ABSENT.into(), truth(false), ABSENT.into()]);
    values
}

fn truth<'a>(is: bool) -> Cow<'a, str> {
    if is { "true".into() } else { "false".into() }
}

/// A time as reports have it, in whole seconds: tools that read them expect just this form.
fn date(ms: i64) -> String {
    let whole = Timestamp::from_seconds(instant(ms).seconds());
    timestamps::iso(whole).replace('Z', "+00:00")
}

/// A text with quotation marks if it would otherwise not be one value: names may have commas, paths quotation marks.
fn quoted<'a>(text: &str) -> Cow<'a, str> {
    if text.contains([',', '"']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Owned(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identities::account::PasswordPolicy;
    use crate::identities::entity::Policies;
    use crate::identities::user::EnabledDevice;

    const DAY_MS: i64 = 86_400_000;

    fn account() -> Account {
        let policy = PasswordPolicy {
            length_min: 6,
            require_symbols: false,
            require_numbers: false,
            require_uppercase: false,
            require_lowercase: false,
            users_may_change: false,
            age_days_max: 2,
            reuse_prevented: 0,
            hard_expiry: false,
        };
        Account { password_policy: Some(policy), ..Account::new("123456789012", DAY_MS + 999) }
    }

    fn user() -> User {
        User {
            account: "123456789012".into(),
            partition: "aws".into(),
            name: "ann,b".into(),
            path: "/".into(),
            id: "AIDA".into(),
            created_ms: 0,
            tags: Vec::new(),
            policies: Policies::default(),
            groups: Vec::new(),
            access_keys: Vec::new(),
            login: None,
            mfa_devices: Vec::new(),
        }
    }

    #[test]
    fn the_root_has_keys_only() {
        let line = line_of_root("aws", &account(), &[UsedKey { active: true, created: instant(0), used: None }]);
        assert_eq!(
            line,
            "<root_account>,arn:aws:iam::123456789012:root,1970-01-02T00:00:00+00:00,not_supported,no_information,\
             not_supported,not_supported,false,true,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        );
        assert_eq!(line.split(',').count(), COLUMNS.split(',').count());
    }

    #[test]
    fn a_user_without_credentials() {
        assert_eq!(
            line_of_user(&user(), &account(), &[]),
            "\"ann,b\",\"arn:aws:iam::123456789012:user/ann,b\",1970-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,\
             false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        );
    }

    #[test]
    fn a_user_with_everything() {
        let login = Login {
            hash: String::new(),
            earlier: Vec::new(),
            created_ms: 0,
            changed_ms: DAY_MS,
            reset_required: false,
            used_ms: None,
            signin_seconds_max: None,
        };
        let device = EnabledDevice { serial: "arn".into(), enabled_ms: 0 };
        let user = User { name: "ann".into(), login: Some(login), mfa_devices: vec![device], ..user() };
        let used = KeyUse::new("123456789012", "AKIA", 3 * DAY_MS, "secretsmanager", "eu-west-1");
        let keys = [
            UsedKey { active: false, created: instant(DAY_MS), used: Some(used) },
            UsedKey { active: true, created: instant(2 * DAY_MS), used: None },
        ];
        assert_eq!(
            line_of_user(&user, &account(), &keys),
            "ann,arn:aws:iam::123456789012:user/ann,1970-01-01T00:00:00+00:00,true,no_information,\
             1970-01-02T00:00:00+00:00,1970-01-04T00:00:00+00:00,true,false,1970-01-02T00:00:00+00:00,\
             1970-01-04T00:00:00+00:00,eu-west-1,secretsmanager,true,1970-01-03T00:00:00+00:00,N/A,N/A,N/A,false,N/A,\
             false,N/A"
        );
    }

    #[test]
    fn a_report_lasts_four_hours() {
        let report = CredentialReport { account: "1".into(), generated_ms: 0, content: String::new() };
        assert!(is_current(&report, instant(REPORT_MS_MAX)));
        assert!(!is_current(&report, instant(REPORT_MS_MAX + 1)));
    }
}
