//! Whether a policy lets in anybody: what BlockPublicPolicy refuses (specification §7.4).
//!
//! AWS proves it by automated reasoning. Here a rule of thumb stands, patterned on what S3 and other services document
//! as public: an Allow for anybody is broad unless a condition pins it to values that do not vary. The rule may call a
//! policy broad that is not, such as one whose two conditions only together let few in.

use super::principal::Principals;
use super::{Condition, Policy, Statement};

impl Policy {
    /// Whether a statement allows something to anybody, without a condition that pins who that is.
    #[must_use]
    pub fn grants_broad_access(&self) -> bool {
        self.statements.iter().any(Statement::is_broad)
    }
}

impl Statement {
    fn is_broad(&self) -> bool {
        self.allows && self.principals != Principals::Named && !self.conditions.iter().any(Condition::pins)
    }
}

impl Condition {
    /// Whether only requests with certain fixed values of the key satisfy it. Operators with IfExists or ForAllValues
    /// are satisfied where the key is absent, and negated ones by almost everything.
    fn pins(&self) -> bool {
        let operator = self.operator.strip_prefix("ForAnyValue:").unwrap_or(&self.operator);
        let key = self.key.to_ascii_lowercase();
        let is_fixed: fn(&str) -> bool = match (operator, key.as_str()) {
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
            (
                "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" | "ArnEquals" | "ArnLike",
                "aws:principalarn" | "aws:sourcearn",
            ) => names_account,
            ("IpAddress", "aws:sourceip" | "aws:vpcsourceip") => is_narrow_range,
            _ => return false,
        };
        // No value at all lets nobody in.
        self.values.iter().all(|value| is_fixed(value))
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

/// No more than a /8 of IPv4 or a /32 of IPv6.
fn is_narrow_range(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        None => (text, Some(128)),
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
    };
    let least = match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => 8,
        Ok(std::net::IpAddr::V6(_)) => 32,
        Err(_) => return false,
    };
    bits.is_some_and(|bits| bits >= least)
}
