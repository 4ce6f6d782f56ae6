//! What a password must be like under an account's password policy (IAM's user guide, "Set an account password
//! policy for IAM users").

use crate::identities::account::PasswordPolicy;

/// The symbols that count as such.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// Characters at least, under AWS's default policy.
const LENGTH_MIN_DEFAULT: usize = 8;
/// Of the four types of characters, so many are needed under AWS's default policy.
const TYPES_DEFAULT: usize = 3;

/// Why a password is refused; nothing when it is good. The texts of single rules are AWS's, those of the default policy
/// and of equality with the user's name are unconfirmed.
pub(super) fn fault(policy: Option<&PasswordPolicy>, user_name: &str, password: &str) -> Option<String> {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    let uppercase = has(|letter| letter.is_ascii_uppercase());
    let lowercase = has(|letter| letter.is_ascii_lowercase());
    let number = has(|letter| letter.is_ascii_digit());
    let symbol = has(|letter| SYMBOLS.contains(letter));
    let length = password.chars().count();
    let shorter_than = |min: usize| (length < min).then(|| format!("Password should have a minimum length of {min}"));
    let Some(policy) = policy else {
        if let Some(fault) = shorter_than(LENGTH_MIN_DEFAULT) {
            return Some(fault);
        }
        let types = [uppercase, lowercase, number, symbol].into_iter().filter(|has| *has).count();
        if types < TYPES_DEFAULT {
            let text = "Password should have at least three of the following character types: uppercase, lowercase, \
                        numbers, and symbols";
            return Some(text.to_owned());
        }
        return password.eq_ignore_ascii_case(user_name).then(|| "Password should not be the user name".to_owned());
    };
    shorter_than(usize::try_from(policy.length_min).unwrap_or_default()).or_else(|| {
        [
            (policy.require_uppercase && !uppercase, "uppercase letter"),
            (policy.require_lowercase && !lowercase, "lowercase letter"),
            (policy.require_numbers && !number, "number"),
            (policy.require_symbols && !symbol, "symbol"),
        ]
        .into_iter()
        .find_map(|(missing, what)| missing.then(|| format!("Password should have at least one {what}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_wants_eight_characters_of_three_types() {
        for (password, good) in
            [("Aa1aaaaa", true), ("Aa1aaaa", false), ("Aaaaaaaa", false), ("aa1!aaaa", true), ("ANN.miller1", false)]
        {
            assert_eq!(fault(None, "ann.Miller1", password).is_none(), good, "{password}");
        }
    }

    #[test]
    fn a_policy_names_the_first_rule_that_is_broken() {
        let policy = PasswordPolicy {
            length_min: 6,
            require_symbols: true,
            require_numbers: true,
            require_uppercase: true,
            require_lowercase: true,
            users_may_change: false,
            age_days_max: 0,
            reuse_prevented: 0,
            hard_expiry: false,
        };
        for (password, told) in [
            ("aA1!a", Some("Password should have a minimum length of 6")),
            ("aa1!aa", Some("Password should have at least one uppercase letter")),
            ("AA1!AA", Some("Password should have at least one lowercase letter")),
            ("Aaa!aa", Some("Password should have at least one number")),
            ("Aa1aaa", Some("Password should have at least one symbol")),
            ("Aa1'aa", None),
        ] {
            assert_eq!(fault(Some(&policy), "ann", password).as_deref(), told, "{password}");
        }
    }
}
