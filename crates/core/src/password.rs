//! GetRandomPassword (specification §3.11): random passwords, each that satisfies the rules as likely as any other.

use strongroom_crypto::{CryptoError, Random};
use strongroom_types::{SecretBytes, SecretText};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest password, in characters, as the API model's `PasswordLengthType`.
pub const LENGTH_MAX: usize = 4096;
/// Length when none is asked for.
pub const LENGTH_DEFAULT: usize = 32;

const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Random bytes that are fetched at once.
const BLOCK_BYTES: usize = 64;
/// Passwords that are drawn before the random source counts as broken.
///
/// The rules that a password satisfies least likely leave one character each of three classes and all of punctuation,
/// with a space, in four places: 24 · 32 / 36^4, once in 2187. That so many draws all fail then has a probability of
/// less than 10^-198.
const DRAWS_MAX: u32 = 1_000_000;

/// What a password is to be like. The default is AWS's: 32 characters of all four types, each present.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    /// Its length in characters, 1 to [`LENGTH_MAX`]; the API model's limits are held before.
    pub length: usize,
    /// Characters that it shall not have. Those outside the alphabet do not matter.
    pub exclude_characters: String,
    /// No digits.
    pub exclude_numbers: bool,
    /// None of the 32 punctuation characters of ASCII.
    pub exclude_punctuation: bool,
    /// No upper-case letters.
    pub exclude_uppercase: bool,
    /// No lower-case letters.
    pub exclude_lowercase: bool,
    /// The space too; it is never required.
    pub include_space: bool,
    /// At least one character of each type that is not excluded.
    pub require_each_included_type: bool,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            length: LENGTH_DEFAULT,
            exclude_characters: String::new(),
            exclude_numbers: false,
            exclude_punctuation: false,
            exclude_uppercase: false,
            exclude_lowercase: false,
            include_space: false,
            require_each_included_type: true,
        }
    }
}

/// Why there is no password. The first three are InvalidParameterException with this text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PasswordError {
    /// There are more required types than characters.
    #[error("Password length is too short based on the required types.")]
    TooShort,
    /// No character is left to choose from.
    #[error("All characters have been excluded from selection.")]
    AllExcluded,
    /// ExcludeCharacters leaves nothing of a type that is required.
    #[error("All characters of the desired type have been excluded.")]
    TypeExcluded,
    /// The random source failed: a fault of this server.
    #[error("random source: {0}")]
    Random(#[from] CryptoError),
}

/// Draws a password.
///
/// Whole passwords are drawn, each character uniformly from the alphabet, until one has all required types: that is
/// uniform over all passwords that satisfy the rules. To place one character of each type and fill up the rest would
/// not be.
///
/// # Errors
/// When no password satisfies the rules, or the random source fails.
pub fn generate(random: &dyn Random, rules: &PasswordRules) -> Result<SecretText, PasswordError> {
    let alphabet = Alphabet::of(rules)?;
    let mut draws = Draws::new(random);
    let mut password = Zeroizing::new(Vec::with_capacity(rules.length));
    for _ in 0..DRAWS_MAX {
        let mut types = 0;
        for _ in 0..rules.length {
            let letter = draws.pick(&alphabet.letters)?;
            password.push(letter.byte);
            types |= letter.class;
        }
        if types & alphabet.required == alphabet.required {
            let password = SecretBytes::new(std::mem::take(&mut *password));
            return SecretText::from_utf8(password).ok_or(PasswordError::Random(CryptoError::Library));
        }
        password.clear();
    }
    Err(PasswordError::Random(CryptoError::Library))
}

/// A character of the alphabet with its type, one bit each.
#[derive(Clone, Copy)]
struct Letter {
    byte: u8,
    class: u8,
}

/// What a password's characters are chosen from.
struct Alphabet {
    letters: Vec<Letter>,
    /// The types that must be present.
    required: u8,
}

impl Alphabet {
    fn of(rules: &PasswordRules) -> Result<Self, PasswordError> {
        let classes = [
            (UPPERCASE, !rules.exclude_uppercase, 1),
            (LOWERCASE, !rules.exclude_lowercase, 2),
            (NUMBERS, !rules.exclude_numbers, 4),
            (PUNCTUATION, !rules.exclude_punctuation, 8),
            (" ", rules.include_space, 0),
        ];
        let mut letters = Vec::with_capacity(95);
        let mut required = 0;
        let mut emptied = false;
        for (characters, included, class) in classes {
            if !included {
                continue;
            }
            let before = letters.len();
            let left = characters.chars().filter(|c| !rules.exclude_characters.contains(*c));
            letters.extend(left.filter_map(|c| u8::try_from(c).ok()).map(|byte| Letter { byte, class }));
            required |= class;
            emptied |= class != 0 && letters.len() == before;
        }
        if letters.is_empty() {
            return Err(PasswordError::AllExcluded);
        }
        if !rules.require_each_included_type {
            return Ok(Self { letters, required: 0 });
        }
        if emptied {
            return Err(PasswordError::TypeExcluded);
        }
        if usize::try_from(required.count_ones()).is_ok_and(|types| rules.length < types) {
            return Err(PasswordError::TooShort);
        }
        Ok(Self { letters, required })
    }
}

/// Uniform choices from random bytes, fetched in blocks and wiped.
struct Draws<'a> {
    random: &'a dyn Random,
    block: Zeroizing<[u8; BLOCK_BYTES]>,
    used: usize,
}

impl<'a> Draws<'a> {
    fn new(random: &'a dyn Random) -> Self {
        Self { random, block: Zeroizing::new([0; BLOCK_BYTES]), used: BLOCK_BYTES }
    }

    fn byte(&mut self) -> Result<u8, CryptoError> {
        if self.used == BLOCK_BYTES {
            self.random.fill(self.block.as_mut_slice())?;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().ok_or(CryptoError::Library)?;
        self.used += 1;
        Ok(byte)
    }

    /// One of `letters`, of which there are 1 to 95. Bytes above the greatest multiple of their number are dropped,
    /// so that none is likelier than another.
    fn pick(&mut self, letters: &[Letter]) -> Result<Letter, CryptoError> {
        let bound = 256 - 256 % letters.len().max(1);
        // More than a thousand dropped bytes in a row come from no random source.
        for _ in 0..1024 {
            let byte = usize::from(self.byte()?);
            if byte < bound {
                return letters.get(byte % letters.len()).copied().ok_or(CryptoError::Library);
            }
        }
        Err(CryptoError::Library)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use strongroom_crypto::random::SeededRandom;

    use super::*;

    /// Always the same byte.
    struct Stuck(u8);

    impl Random for Stuck {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
            buffer.fill(self.0);
            Ok(())
        }
    }

    fn all_excluded() -> PasswordRules {
        PasswordRules {
            exclude_numbers: true,
            exclude_punctuation: true,
            exclude_uppercase: true,
            exclude_lowercase: true,
            ..PasswordRules::default()
        }
    }

    /// Pearson's statistic of the counts against all being equally likely.
    fn chi_square<T>(counts: &BTreeMap<T, u32>) -> f64 {
        let cells = u32::try_from(counts.len()).map(f64::from).expect("few");
        let expected = counts.values().copied().map(f64::from).sum::<f64>() / cells;
        counts.values().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    #[test]
    fn the_default_is_32_characters_of_all_types() {
        let random = SeededRandom::new(1);
        for _ in 0..200 {
            let password = generate(&random, &PasswordRules::default()).expect("password");
            let text = password.expose();
            assert_eq!(text.len(), 32);
            for class in [UPPERCASE, LOWERCASE, NUMBERS, PUNCTUATION] {
                assert!(text.contains(|c| class.contains(c)), "{class}");
            }
            assert!(!text.contains(' '));
        }
    }

    #[test]
    fn the_classes_are_those_of_ascii() {
        let of = |is: fn(&u8) -> bool| (0..128_u8).filter(is).map(char::from).collect::<String>();
        assert_eq!(UPPERCASE, of(u8::is_ascii_uppercase));
        assert_eq!(LOWERCASE, of(u8::is_ascii_lowercase));
        assert_eq!(NUMBERS, of(u8::is_ascii_digit));
        assert_eq!(PUNCTUATION, of(u8::is_ascii_punctuation));
    }

    #[test]
    fn impossible_rules_get_awss_texts() {
        let random = SeededRandom::new(2);
        let error = |rules: PasswordRules| generate(&random, &rules).expect_err("impossible").to_string();
        let default = PasswordRules::default();
        assert_eq!(
            error(PasswordRules { length: 3, ..default.clone() }),
            "Password length is too short based on the required types."
        );
        assert_eq!(error(all_excluded()), "All characters have been excluded from selection.");
        let digits_only = PasswordRules { exclude_numbers: false, ..all_excluded() };
        let no_digit = PasswordRules { exclude_characters: NUMBERS.into(), ..digits_only };
        for require in [true, false] {
            let rules = PasswordRules { require_each_included_type: require, ..no_digit.clone() };
            assert_eq!(error(rules), "All characters have been excluded from selection.");
        }
        assert_eq!(
            error(PasswordRules { exclude_characters: "0123456789é😀".into(), ..default }),
            "All characters of the desired type have been excluded."
        );
    }

    #[test]
    fn without_required_types_what_is_left_is_enough() {
        let random = SeededRandom::new(3);
        let rules = PasswordRules {
            length: 1,
            exclude_characters: NUMBERS.into(),
            require_each_included_type: false,
            ..PasswordRules::default()
        };
        assert_eq!(generate(&random, &rules).expect("password").len(), 1);
        let spaces = PasswordRules { include_space: true, length: 5, ..all_excluded() };
        assert_eq!(generate(&random, &spaces).expect("password").expose(), "     ");
        let longest = PasswordRules { length: LENGTH_MAX, ..PasswordRules::default() };
        assert_eq!(generate(&random, &longest).expect("password").len(), LENGTH_MAX);
    }

    #[test]
    fn a_broken_random_source_is_an_error_and_not_an_endless_loop() {
        let broken = Err(PasswordError::Random(CryptoError::Library));
        assert_eq!(generate(&Stuck(255), &PasswordRules::default()), broken);
        assert_eq!(generate(&Stuck(0), &PasswordRules { length: 4, ..PasswordRules::default() }), broken);
    }

    #[test]
    fn all_characters_are_equally_likely() {
        let rules = PasswordRules {
            length: LENGTH_MAX,
            include_space: true,
            require_each_included_type: false,
            ..PasswordRules::default()
        };
        let random = SeededRandom::new(4);
        let mut counts: BTreeMap<char, u32> = BTreeMap::new();
        for _ in 0..100 {
            for c in generate(&random, &rules).expect("password").expose().chars() {
                *counts.entry(c).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), 95);
        // 94 degrees of freedom: 146.6 is exceeded once in 2500 times by chance; taking `byte % 95` gives thousands.
        let statistic = chi_square(&counts);
        assert!(statistic < 146.6, "{statistic}");
    }

    #[test]
    fn all_passwords_that_satisfy_the_rules_are_equally_likely() {
        let mut rules = PasswordRules { length: 4, exclude_numbers: false, exclude_uppercase: false, ..all_excluded() };
        rules.exclude_characters = "BCDEFGHIJKLMNOPQRSTUVWXYZ23456789".into();
        let random = SeededRandom::new(5);
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..64_000 {
            *counts.entry(generate(&random, &rules).expect("password").expose().to_owned()).or_default() += 1;
        }
        // 81 words over A, 0, 1 without AAAA and without the 16 that have no A.
        assert_eq!(counts.len(), 64);
        // 63 degrees of freedom: 106.7 is exceeded once in 2000 times by chance; to place one of each type, fill up and
        // shuffle gives more than a thousand.
        let statistic = chi_square(&counts);
        assert!(statistic < 106.7, "{statistic}");
    }

    #[test]
    fn the_least_likely_rules_are_met() {
        let random = SeededRandom::new(6);
        let rules = PasswordRules {
            length: 4,
            include_space: true,
            exclude_characters: [UPPERCASE, LOWERCASE, NUMBERS].concat().replace(['A', 'a', '0'], ""),
            ..PasswordRules::default()
        };
        for _ in 0..20 {
            let password = generate(&random, &rules).expect("password");
            assert!(["A", "a", "0"].iter().all(|one| password.expose().contains(one)));
        }
    }

    proptest! {
        #[test]
        fn every_password_keeps_its_rules(
            flags in proptest::array::uniform6(any::<bool>()),
            length in 1_usize..60,
            exclude in proptest::collection::vec(prop_oneof![4 => proptest::char::range(' ', '~'), 1 => any::<char>()], 0..80),
            seed in any::<u64>(),
        ) {
            let [exclude_numbers, exclude_punctuation, exclude_uppercase, exclude_lowercase, include_space, require] = flags;
            let rules = PasswordRules {
                length,
                exclude_characters: exclude.iter().collect(),
                exclude_numbers,
                exclude_punctuation,
                exclude_uppercase,
                exclude_lowercase,
                include_space,
                require_each_included_type: require,
            };
            let classes = [
                (UPPERCASE, exclude_uppercase),
                (LOWERCASE, exclude_lowercase),
                (NUMBERS, exclude_numbers),
                (PUNCTUATION, exclude_punctuation),
            ];
            let included: Vec<String> = classes
                .iter()
                .filter(|(_, excluded)| !excluded)
                .map(|(class, _)| class.chars().filter(|c| !exclude.contains(c)).collect())
                .collect();
            let space = include_space && !exclude.contains(&' ');
            match generate(&SeededRandom::new(seed), &rules) {
                Ok(password) => {
                    let text = password.expose();
                    prop_assert_eq!(text.chars().count(), length);
                    for c in text.chars() {
                        prop_assert!(included.iter().any(|class| class.contains(c)) || (c == ' ' && space));
                    }
                    if require {
                        prop_assert!(included.iter().all(|class| text.contains(|c| class.contains(c))));
                    }
                }
                Err(PasswordError::AllExcluded) => prop_assert!(!space && included.iter().all(String::is_empty)),
                Err(PasswordError::TypeExcluded) => prop_assert!(require && included.iter().any(String::is_empty)),
                Err(PasswordError::TooShort) => prop_assert!(require && length < included.len()),
                Err(PasswordError::Random(error)) => prop_assert!(false, "{}", error),
            }
        }
    }
}
