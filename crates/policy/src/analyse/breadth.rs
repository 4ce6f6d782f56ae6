//! Whether a policy lets in anybody: what BlockPublicPolicy refuses (specification §7.4).
//!
//! AWS proves it by automated reasoning. Here a rule of thumb stands, patterned on what S3 and other services document
//! as public: an Allow for anybody is broad unless a condition pins it to values that do not vary. The rule may call a
//! policy broad that is not, such as one whose two conditions only together let few in.
//!
//! Services of AWS are named principals, as S3 documents it. A provider of identities that IAM knows by an ARN is one of
//! an account; one that is known by its host name signs in anybody, for roles of any account.

use crate::condition::Condition;
use crate::document::Document;
use crate::ranges::{Block, are_narrow};
use crate::statement::{Effect, Statement};

/// How much of the world a statement, or a condition of one, lets in.
enum Reach {
    /// Certain values of a key.
    Fixed,
    /// Certain addresses.
    Addresses(Vec<Block>),
    /// Anybody.
    Open,
}

impl Document {
    /// Whether a statement allows something to anybody, without a condition that pins who that is; or several do it
    /// together, each for a part of all addresses.
    #[must_use]
    pub fn grants_broad_access(&self) -> bool {
        let mut addresses = Vec::new();
        for statement in self.statements() {
            match statement.reach() {
                Reach::Fixed => {}
                Reach::Addresses(blocks) => addresses.extend(blocks),
                Reach::Open => return true,
            }
        }
        !are_narrow(&addresses)
    }
}

impl Statement {
    fn reach(&self) -> Reach {
        // Nobody is named by a policy of an identity: it is about its holder.
        let anybody = self.named().is_some_and(|principals| principals.negated != principals.include_anybody());
        if self.effect() == Effect::Deny || !anybody {
            return Reach::Fixed;
        }
        let mut reach = Reach::Open;
        for condition in self.conditions() {
            match condition.reach() {
                Reach::Fixed => return Reach::Fixed,
                // Of two the first counts: who satisfies both is among its addresses.
                Reach::Addresses(blocks) if matches!(reach, Reach::Open) => reach = Reach::Addresses(blocks),
                Reach::Addresses(_) | Reach::Open => {}
            }
        }
        reach
    }
}

impl Condition {
    /// Whether only requests with certain fixed values of the key satisfy it. Operators with IfExists or ForAllValues
    /// are satisfied where the key is absent, and negated ones by almost everything.
    fn reach(&self) -> Reach {
        let operator = self.operator().strip_prefix("ForAnyValue:").unwrap_or_else(|| self.operator());
        let is_fixed: fn(&str) -> bool = match (operator, self.folded_key()) {
            (
                "StringEquals" | "StringEqualsIgnoreCase" | "StringLike",
                "aws:principalaccount"
                | "aws:principalorgid"
                | "aws:sourceaccount"
                | "aws:sourceorgid"
                | "aws:sourceowner"
                | "aws:sourcevpc"
                | "aws:sourcevpce"
                | "aws:userid",
            ) => has_no_pattern,
            ("StringEquals" | "StringLike", "aws:principalorgpaths" | "aws:sourceorgpaths") => names_organization,
            ("ArnEquals" | "ArnLike", "aws:principalarn" | "aws:sourcearn") => names_account,
            ("StringEquals" | "StringEqualsIgnoreCase" | "StringLike", "aws:principalarn" | "aws:sourcearn") => {
                names_account_in_text
            }
            ("StringEquals" | "StringEqualsIgnoreCase" | "StringLike", key) if names_web_identity(key) => {
                has_no_pattern
            }
            ("IpAddress", "aws:sourceip" | "aws:vpcsourceip") => return self.addresses(),
            _ => return Reach::Open,
        };
        // No value at all lets nobody in.
        if self.values().iter().all(|value| is_fixed(value)) { Reach::Fixed } else { Reach::Open }
    }

    /// The addresses of which one must be the client's.
    fn addresses(&self) -> Reach {
        match self.values().iter().map(|value| Block::parse(value)).collect::<Result<Vec<_>, _>>() {
            Ok(blocks) if are_narrow(&blocks) => Reach::Addresses(blocks),
            _ => Reach::Open,
        }
    }
}

fn has_no_pattern(text: &str) -> bool {
    !text.contains(['*', '?']) && !text.contains("${")
}

/// The organization, first in the path, is fixed: `o-a1b2c3d4e5/r-ab12/*`.
fn names_organization(text: &str) -> bool {
    let (organization, rest) = text.split_once('/').unwrap_or((text, ""));
    organization.starts_with("o-") && has_no_pattern(organization) && !rest.contains("${")
}

/// The account of the ARN is fixed. ARNs without one, as those of S3 buckets, must be fixed as a whole.
fn names_account(text: &str) -> bool {
    match text.split(':').nth(4) {
        Some("") => has_no_pattern(text),
        Some(account) => account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()),
        None => false,
    }
}

/// As [`names_account`], where a pattern is compared with the whole text: before the account it would also match colons,
/// and so make another part of the ARN the account.
fn names_account_in_text(text: &str) -> bool {
    names_account(text) && text.split(':').take(4).all(has_no_pattern)
}

/// Providers that name in the audience the application to which they gave the token. With others, such as the runners
/// of a service that builds software, whoever asks for a token chooses the audience.
const PROVIDERS_OF_AUDIENCES: [&str; 2] = ["accounts.google.com", "cognito-identity.amazonaws.com"];

/// The subject or the application of a provider's token. Only those whom the provider signed in have the key at all.
fn names_web_identity(key: &str) -> bool {
    let Some((provider, name)) = key.rsplit_once(':') else { return false };
    // Keys of services have no dot before their colon.
    match name {
        "sub" | "app_id" | "user_id" => provider.contains('.'),
        "aud" => PROVIDERS_OF_AUDIENCES.contains(&provider),
        _ => false,
    }
}
