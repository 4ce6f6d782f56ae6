//! A long-term access key as it is stored, and how new ones are drawn.

use strongroom_crypto::Random;
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{AccountId, SecretBytes, SecretText, Timestamp};

use super::entity::{ID_ALPHABET, key_of_id};
use crate::documents::Document;
use crate::error::Error;

/// Kind of the documents of access keys.
const ACCESS_KEY: Kind = Kind("access-key");
/// Unique index of access key ids.
pub(super) const BY_KEY_ID: Index = Index("access-key-id");
/// Letters of a secret access key.
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// What access key ids of sessions begin with.
const SESSION_PREFIX: &str = "ASIA";
/// Letters of an access key id behind its prefix.
const ID_LETTERS: usize = 16;
/// Bits behind the account in the id of a session's key.
const ACCOUNT_SHIFT: u32 = 39;
/// How an inactive key's status is written.
const INACTIVE: &str = "inactive";

/// An access key. Stored as lines of text, so that the secret passes through no serializer that would copy it: account,
/// id, secret; and, unless it is an active key of a root that the server made itself, the owner's unique id, the status, the time it was made.
#[derive(Clone, Debug)]
pub struct AccessKey {
    account: AccountId,
    key_id: String,
    secret: SecretText,
    /// The unique id of the user; none for the root of the account.
    owner: Option<String>,
    active: bool,
    created: Timestamp,
}

impl AccessKey {
    /// A key of the root of an account.
    #[must_use]
    pub fn of_root(account: AccountId, new: &NewKey) -> Self {
        let (key_id, secret) = (new.key_id.clone(), new.secret.clone());
        Self { account, key_id, secret, owner: None, active: true, created: Timestamp::from_millis(0) }
    }

    /// A key of the user with the unique id `owner`.
    #[must_use]
    pub fn of_user(account: AccountId, owner: &str, new: &NewKey, created: Timestamp) -> Self {
        Self { owner: Some(owner.to_owned()), created, ..Self::of_root(account, new) }
    }

    /// The same key with the time it was made.
    #[must_use]
    pub fn created_at(self, created: Timestamp) -> Self {
        Self { created, ..self }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Its id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The secret access key.
    #[must_use]
    pub fn secret(&self) -> &SecretText {
        &self.secret
    }

    /// The unique id of the user it belongs to; none for the root of the account.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Whether it signs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// When it was made; the epoch for a root's key that the server made itself.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The same key, active or not.
    #[must_use]
    pub fn with_status(&self, active: bool) -> Self {
        Self { active, ..self.clone() }
    }
}

impl Document for AccessKey {
    const KIND: Kind = ACCESS_KEY;

    fn key(&self) -> String {
        key_of_id(self.account.as_str(), &self.key_id)
    }

    fn unique(&self) -> Vec<Term> {
        vec![Term::new(BY_KEY_ID, self.key_id.clone())]
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        let created = self.created.millis().to_string();
        let status = if self.active { "active" } else { INACTIVE };
        let (account, id, secret) = (self.account.as_str(), self.key_id.as_str(), self.secret.expose());
        let lines = match &self.owner {
            None if self.active && self.created.millis() == 0 => vec![account, id, secret],
            owner => vec![account, id, secret, owner.as_deref().unwrap_or_default(), status, &created],
        };
        let mut body = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for (at, line) in lines.into_iter().enumerate() {
            if at > 0 {
                body.push(b'\n');
            }
            body.extend_from_slice(line.as_bytes());
        }
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        let text = std::str::from_utf8(body.expose()).unwrap_or_default();
        let wrong = || Error::internal("a stored access key does not read");
        let mut lines = text.split('\n');
        let (Some(account), Some(id), Some(secret)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(wrong());
        };
        let account = AccountId::parse(account).map_err(|error| Error::internal(error.to_string()))?;
        let new = NewKey { key_id: id.to_owned(), secret: SecretText::new(secret.to_owned()) };
        let root = Self::of_root(account, &new);
        let Some(owner) = lines.next() else { return Ok(root) };
        let (Some(status), Some(created)) = (lines.next(), lines.next()) else { return Err(wrong()) };
        let created = Timestamp::from_millis(created.parse().map_err(|_| wrong())?);
        let owner = Some(owner.to_owned()).filter(|owner| !owner.is_empty());
        Ok(Self { owner, active: status != INACTIVE, created, ..root })
    }
}

/// A new access key, to be shown once.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The access key id.
    pub key_id: String,
    /// The secret access key.
    pub secret: SecretText,
}

impl NewKey {
    /// Draws an access key with an id that begins with `prefix`: `AKIA` for long-term keys, `ASIA` for those of a
    /// session. It signs nothing until it is stored or sealed into a session's token.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn draw(random: &dyn Random, prefix: &str) -> Result<Self, Error> {
        Ok(Self {
            key_id: format!("{prefix}{}", random_text(random, ID_ALPHABET, 16)?.expose()),
            secret: random_text(random, SECRET_ALPHABET, 40)?,
        })
    }

    /// Draws the access key of a session. Its id tells the account, as AWS's ids do: behind the prefix, in base32, one
    /// bit, 40 bits of the account's number, 39 bits. So GetAccessKeyInfo needs no storage to answer.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn draw_for_session(random: &dyn Random, account: &AccountId) -> Result<Self, Error> {
        let number: u128 = account.as_str().parse().map_err(|_| Error::internal("an account is no number"))?;
        let drawn = u128::from(u64::from_be_bytes(strongroom_crypto::random::bytes(random)?));
        let bits = ((drawn >> 63) << 79) | (number << ACCOUNT_SHIFT) | (drawn & ((1 << ACCOUNT_SHIFT) - 1));
        let letter = |at: usize| {
            let index = usize::try_from((bits >> (5 * (ID_LETTERS - 1 - at))) & 31).unwrap_or_default();
            ID_ALPHABET.get(index).map(|letter| char::from(*letter))
        };
        let key_id = SESSION_PREFIX.chars().chain((0..ID_LETTERS).filter_map(letter)).collect();
        Ok(Self { key_id, secret: random_text(random, SECRET_ALPHABET, 40)? })
    }
}

/// The account that the access key id of a session tells; nothing when it is no such id.
#[must_use]
pub fn account_of_session_key(key_id: &str) -> Option<AccountId> {
    let letters = key_id.strip_prefix(SESSION_PREFIX).filter(|letters| letters.len() == ID_LETTERS)?;
    let bits = letters.bytes().try_fold(0_u128, |bits, byte| {
        let value = ID_ALPHABET.iter().position(|letter| *letter == byte)?;
        Some((bits << 5) | u128::try_from(value).ok()?)
    })?;
    let number = (bits >> ACCOUNT_SHIFT) & ((1 << 40) - 1);
    AccountId::parse(&format!("{number:012}")).ok()
}

/// Letters of `alphabet`, whose length is a power of two, so that none is likelier than another.
fn random_text(random: &dyn Random, alphabet: &[u8], len: usize) -> Result<SecretText, Error> {
    let mut bytes = vec![0_u8; len];
    random.fill(&mut bytes)?;
    let letters = bytes.iter().filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()));
    Ok(SecretText::new(letters.map(|letter| char::from(*letter)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_root_key_is_what_earlier_releases_wrote() {
        let body = SecretBytes::new(b"123456789012\nAKIAEXAMPLE\nthe/secret".to_vec());
        let key = AccessKey::from_body(&body).expect("it reads");
        assert_eq!(key.key(), "123456789012:AKIAEXAMPLE");
        assert_eq!((key.secret().expose(), key.account().as_str()), ("the/secret", "123456789012"));
        assert!(key.owner().is_none() && key.is_active());
        assert_eq!(key.to_body().expect("it writes").expose(), body.expose());
    }

    #[test]
    fn a_users_key_keeps_owner_status_and_time() {
        let account = AccountId::parse("123456789012").expect("account");
        let new = NewKey { key_id: "AKIAEXAMPLE".into(), secret: SecretText::new("the/secret".into()) };
        let key = AccessKey::of_user(account, "AIDAEXAMPLE", &new, Timestamp::from_millis(5)).with_status(false);
        let read = AccessKey::from_body(&key.to_body().expect("it writes")).expect("it reads");
        assert_eq!((read.owner(), read.is_active(), read.created().millis()), (Some("AIDAEXAMPLE"), false, 5));
    }

    #[test]
    fn the_key_id_of_a_session_tells_its_account() {
        let random = strongroom_crypto::random::SeededRandom::new(4);
        for number in ["000000000001", "123456789012", "999999999999"] {
            let account = AccountId::parse(number).expect("account");
            let [one, two] = [(); 2].map(|()| NewKey::draw_for_session(&random, &account).expect("drawn"));
            assert_ne!(one.key_id, two.key_id);
            assert_eq!(one.key_id.len(), 20);
            assert_eq!(account_of_session_key(&one.key_id), Some(account));
        }
        for id in ["ASIA", "ASIAAAAAAAAAAAAAAAA1", "AKIAAAAAAAAAAAAAAAAA", "ASIAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(account_of_session_key(id), None, "{id}");
        }
    }

    #[test]
    fn a_body_that_ends_early_is_a_fault() {
        for body in ["", "123456789012\nA", "123456789012\nA\ns\nowner", "x\nA\ns"] {
            assert!(AccessKey::from_body(&SecretBytes::new(body.as_bytes().to_vec())).is_err(), "{body}");
        }
    }
}
