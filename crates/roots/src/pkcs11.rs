//! An AES key in a PKCS#11 token, such as a hardware security module, a smart card or a TPM: it encrypts there and never
//! leaves. The token's module is loaded when the root is opened, so a machine without one runs all the same.
//!
//! A token that has `CKM_AES_GCM` encrypts what it is given. One that has not, such as a TPM, encrypts a fresh key by
//! `CKM_AES_CBC`, and what was given is sealed under that key here: whatever is altered, another key comes out, which
//! opens nothing.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11 as Module};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use strongroom_crypto::digest::sha256;
use strongroom_crypto::service::{KeyService, ServiceError, ServiceRoot};
use strongroom_crypto::{Context, Random, RootError, aead, random};
use strongroom_types::{SecretBytes, SecretText};

use crate::secret_file;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "pkcs11";
/// What a ciphertext of `CKM_AES_GCM` begins with; then come the initialization vector and what the token made.
const GCM: u8 = 1;
/// What a ciphertext under a key of its own begins with; then come the initialization vector, that key encrypted by
/// `CKM_AES_CBC`, and what is sealed under it.
const CBC: u8 = 2;
/// Length of the initialization vector of `CKM_AES_GCM`, in bytes.
const IV_LEN: usize = 12;
/// Length of the initialization vector of `CKM_AES_CBC`, in bytes: a block.
const CBC_IV_LEN: usize = 16;
/// Length of the authentication tag, in bits.
const TAG_BITS: std::ffi::c_ulong = 128;

/// Where the key is.
#[derive(Clone, Debug)]
pub struct Pkcs11 {
    /// The module: the token maker's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The key's label.
    pub key: String,
    /// The file with the user's PIN, read anew for each call.
    pub pin_file: PathBuf,
}

/// The root that `pkcs11` names. Nobody logs in yet.
///
/// # Errors
/// `Unavailable` when the module cannot be loaded.
pub fn open(pkcs11: Pkcs11) -> Result<ServiceRoot, RootError> {
    let unavailable = |error: Error| RootError::Unavailable {
        name: NAME.to_owned(),
        reason: format!("{}: {error}", pkcs11.module.display()),
    };
    let module = Module::new(&pkcs11.module).map_err(unavailable)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another root of the same module has done it.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unavailable(error)),
    }
    Ok(ServiceRoot::new(NAME, Box::new(Token { pkcs11, module, refused: RefusedPin::default() })))
}

struct Token {
    pkcs11: Pkcs11,
    module: Module,
    refused: RefusedPin,
}

/// The digest of the PIN that the token refused last. It is not tried again: a few wrong PINs lock a token.
#[derive(Default)]
struct RefusedPin(Mutex<Option<SecretBytes>>);

impl RefusedPin {
    /// Logs in by `login`, unless the PIN is the one that was refused before. One login at a time: others would try the
    /// same PIN meanwhile.
    fn log_in(&self, pin: &SecretText, login: impl FnOnce() -> Result<(), Error>) -> Result<(), String> {
        const NOT_AGAIN: &str =
            "it is not tried again, as wrong PINs lock the token, until the PIN file holds another one";
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = SecretBytes::new(sha256(pin.expose().as_bytes()).to_vec());
        if refused.as_ref() == Some(&digest) {
            return Err(format!("login: the token has refused the PIN; {NOT_AGAIN}"));
        }
        match login() {
            // Sessions of one process share the login.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) if is_wrong_pin(&error) => {
                *refused = Some(digest);
                Err(format!("login: {error}; {NOT_AGAIN}"))
            }
            Err(error) => Err(format!("login: {error}")),
        }
    }
}

fn unavailable(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::Unavailable(error.to_string())
}

impl Token {
    /// A session of the user, and the key in it. The session ends with the value.
    fn session(&self, slot: Slot) -> Result<(Session, ObjectHandle), ServiceError> {
        let pin = secret_file::text(&self.pkcs11.pin_file).map_err(unavailable)?;
        let session = self.module.open_ro_session(slot).map_err(unavailable)?;
        let login = || session.login(UserType::User, Some(&AuthPin::from(pin.expose().to_owned())));
        self.refused.log_in(&pin, login).map_err(unavailable)?;
        let label = Attribute::Label(self.pkcs11.key.clone().into_bytes());
        let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), label];
        let found = session.find_objects(&wanted).map_err(unavailable)?;
        match found.as_slice() {
            [key] => Ok((session, *key)),
            [] => Err(unavailable("the token holds no AES key of that label")),
            _ => Err(unavailable("the token holds several AES keys of that label")),
        }
    }

    fn decrypted(&self, mechanism: &Mechanism<'_>, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
        let (session, key) = self.session(self.slot()?)?;
        session
            .decrypt(mechanism, key, ciphertext)
            .map(SecretBytes::new)
            .map_err(|error| if is_refusal(&error) { ServiceError::Refused } else { unavailable(error) })
    }

    fn slot(&self) -> Result<Slot, ServiceError> {
        for slot in self.module.get_slots_with_initialized_token().map_err(unavailable)? {
            // A slot whose token was just drawn is none that is looked for.
            if self.module.get_token_info(slot).is_ok_and(|token| token.label() == self.pkcs11.token) {
                return Ok(slot);
            }
        }
        Err(unavailable("no token of that label is there"))
    }
}

impl KeyService for Token {
    fn describe(&self) -> String {
        let Pkcs11 { module, token, key, .. } = &self.pkcs11;
        format!("key {key} of PKCS#11 token {token} ({})", module.display())
    }

    fn encrypt(
        &self,
        random: &dyn Random,
        context: &Context,
        plaintext: &SecretBytes,
    ) -> Result<Vec<u8>, ServiceError> {
        let slot = self.slot()?;
        let mechanisms = self.module.get_mechanism_list(slot).map_err(unavailable)?;
        let (session, key) = self.session(slot)?;
        if mechanisms.contains(&MechanismType::AES_GCM) {
            let mut iv: [u8; IV_LEN] = random::bytes(random).map_err(unavailable)?;
            let ciphertext = session.encrypt(&gcm(&mut iv, context)?, key, plaintext.expose()).map_err(unavailable)?;
            // Some tokens draw the vector themselves, and write it in place of the one that they were given.
            return Ok([&[GCM], iv.as_slice(), &ciphertext].concat());
        }
        let iv: [u8; CBC_IV_LEN] = random::bytes(random).map_err(unavailable)?;
        let inner = aead::generate_key(random).map_err(unavailable)?;
        let wrapped = session.encrypt(&Mechanism::AesCbc(iv), key, inner.expose()).map_err(unavailable)?;
        let inner = aead::Key::new(&inner).map_err(unavailable)?;
        let sealed = inner.seal(random, context.as_bytes(), plaintext.expose()).map_err(unavailable)?;
        Ok([&[CBC], iv.as_slice(), &wrapped, &sealed].concat())
    }

    fn decrypt(&self, context: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
        let (form, rest) = ciphertext.split_first().ok_or(ServiceError::Refused)?;
        match *form {
            GCM => {
                let (iv, ciphertext) = rest.split_first_chunk::<IV_LEN>().ok_or(ServiceError::Refused)?;
                let mut iv = *iv;
                self.decrypted(&gcm(&mut iv, context)?, ciphertext)
            }
            CBC => {
                let (iv, rest) = rest.split_first_chunk::<CBC_IV_LEN>().ok_or(ServiceError::Refused)?;
                let (wrapped, sealed) = rest.split_first_chunk::<{ aead::KEY_LEN }>().ok_or(ServiceError::Refused)?;
                let inner = self.decrypted(&Mechanism::AesCbc(*iv), wrapped)?;
                let inner = aead::Key::new(&inner).map_err(|_| ServiceError::Refused)?;
                inner.open(context.as_bytes(), sealed).map_err(|_| ServiceError::Refused)
            }
            _ => Err(ServiceError::Refused),
        }
    }
}

/// The mechanism that authenticates `context` too.
fn gcm<'a>(iv: &'a mut [u8; IV_LEN], context: &'a Context) -> Result<Mechanism<'a>, ServiceError> {
    GcmParams::new(iv, context.as_bytes(), TAG_BITS.into()).map(Mechanism::AesGcm).map_err(unavailable)
}

/// Whether a token tells that a PIN is not the user's.
fn is_wrong_pin(error: &Error) -> bool {
    matches!(error, Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _))
}

/// Whether a token tells that a ciphertext does not open. SoftHSM has no other word for it than a general error.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange, _)
            | Error::Pkcs11(RvError::GeneralError, Function::Decrypt)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // With a token: tests/suite/roots.rs, for a token of SoftHSM is found by the environment of the whole process.

    #[test]
    fn a_module_that_is_not_there_is_told() {
        let pkcs11 = Pkcs11 {
            module: "/no/such/module.so".into(),
            token: "t".to_owned(),
            key: "k".to_owned(),
            pin_file: "/no/such/pin".into(),
        };
        let told = open(pkcs11).err().expect("no module").to_string();
        assert!(told.starts_with("root `pkcs11` is not available: /no/such/module.so: "), "{told}");
    }

    #[test]
    fn a_refused_pin_is_not_tried_again_until_it_is_another() {
        let (refused, tries) = (RefusedPin::default(), std::cell::Cell::new(0));
        let log_in = |pin: &str, answer: Result<(), RvError>| {
            let login = || {
                tries.set(tries.get() + 1);
                answer.map_err(|error| Error::Pkcs11(error, Function::Login))
            };
            refused.log_in(&SecretText::new(pin.to_owned()), login)
        };
        for _ in 0..5 {
            let told = log_in("4321", Err(RvError::PinIncorrect)).expect_err("a wrong PIN");
            assert!(told.starts_with("login: ") && told.contains("until the PIN file holds another one"), "{told}");
            assert!(!told.contains("4321"), "{told}");
        }
        assert_eq!(tries.get(), 1);
        assert_eq!(log_in("1234", Ok(())), Ok(()));
        assert_eq!(log_in("1234", Err(RvError::UserAlreadyLoggedIn)), Ok(()), "another session has logged in");
        // What is not about the PIN is tried again.
        assert!(log_in("1234", Err(RvError::DeviceError)).is_err());
        assert_eq!((log_in("1234", Ok(())), tries.get()), (Ok(()), 5));
    }
}
