//! The ciphertext blob that callers get: it names its key, and only that key opens it.
//!
//! Format 1: this byte; 0, or 1 for a multi-Region key; the key's id as 16 bytes; the owner's account as 8 bytes; a sealed
//! body of the key's ring, bound to the key and the encryption context.

use strongroom_crypto::Sealed;

/// First byte of a blob.
const FORMAT: u8 = 1;
/// What the ids of multi-Region keys begin with.
const MULTI_REGION: &str = "mrk-";

/// A blob, taken apart.
#[derive(Debug)]
pub struct Ciphertext {
    /// The account that owns the key.
    pub account: String,
    /// The key's id.
    pub key_id: String,
    /// What the key's ring opens.
    pub sealed: Sealed,
}

impl Ciphertext {
    /// The blob.
    #[must_use]
    pub fn to_blob(&self) -> Option<Vec<u8>> {
        let multi_region = self.key_id.starts_with(MULTI_REGION);
        let hex: String = self.key_id.trim_start_matches(MULTI_REGION).chars().filter(|c| *c != '-').collect();
        let id = u128::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 32)?;
        let account: u64 = self.account.parse().ok()?;
        let mut blob = Vec::with_capacity(26 + self.sealed.as_bytes().len());
        blob.extend_from_slice(&[FORMAT, u8::from(multi_region)]);
        blob.extend_from_slice(&id.to_be_bytes());
        blob.extend_from_slice(&account.to_be_bytes());
        blob.extend_from_slice(self.sealed.as_bytes());
        Some(blob)
    }

    /// Takes a blob apart; none when it is not of this form.
    #[must_use]
    pub fn parse(blob: &[u8]) -> Option<Self> {
        let ([FORMAT, multi_region @ (0 | 1)], rest) = blob.split_first_chunk::<2>()? else { return None };
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (account, sealed) = rest.split_first_chunk::<8>()?;
        let hex = format!("{:032x}", u128::from_be_bytes(*id));
        let key_id = if *multi_region == 1 { [MULTI_REGION, &hex].concat() } else { uuid(&hex)? };
        let account = format!("{:012}", u64::from_be_bytes(*account));
        Some(Self { account, key_id, sealed: Sealed::from_storage(sealed.to_vec()).ok()? })
    }
}

/// 32 digits with a UUID's hyphens.
fn uuid(hex: &str) -> Option<String> {
    let parts = [hex.get(..8)?, hex.get(8..12)?, hex.get(12..16)?, hex.get(16..20)?, hex.get(20..)?];
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, Keyring, aead};

    use super::*;

    #[test]
    fn a_blob_names_its_key_and_reads_back() {
        let random = SeededRandom::new(3);
        let ring = Keyring::new(&[aead::generate_key(&random).expect("key")]).expect("ring");
        let sealed = ring.seal(&random, &Context::new("test"), b"value").expect("seal");
        for key_id in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            let (account, key_id) = ("000000000012".to_owned(), key_id.to_owned());
            let blob = Ciphertext { account, key_id: key_id.clone(), sealed: sealed.clone() }.to_blob().expect("blob");
            let read = Ciphertext::parse(&blob).expect("read");
            assert_eq!((read.account.as_str(), &read.key_id, &read.sealed), ("000000000012", &key_id, &sealed));
            for len in 0..blob.len().min(60) {
                assert!(Ciphertext::parse(&blob[..len]).is_none(), "{len}");
            }
        }
        assert!(Ciphertext::parse(b"").is_none());
        assert!(Ciphertext::parse(&[2; 100]).is_none());
    }

    /// A known answer, computed by another implementation from the format's description: under the key 00 01 … 1f, with
    /// salt 40 … 4f and nonce 60 … 6b.
    #[test]
    fn a_blob_of_an_earlier_release_is_read() {
        const BLOB: &str = "01001234abcd12ab34cd56ef1234567890ab0000001cbe991a1401374ad0ab17da7fa3404142434445464748494a4b4c\
                            4d4e4f606162636465666768696a6bed5c9733dbbdd18eded90a35d33ca4af2984854b53f3f6df1881";
        let byte = |at: usize| u8::from_str_radix(BLOB.get(at..at + 2).expect("two digits"), 16).expect("hexadecimal");
        let blob: Vec<u8> = (0..BLOB.len()).step_by(2).map(byte).collect();
        let read = Ciphertext::parse(&blob).expect("read");
        let (account, key_id) = ("123456789012", "1234abcd-12ab-34cd-56ef-1234567890ab");
        assert_eq!((read.account.as_str(), read.key_id.as_str()), (account, key_id));
        let ring = Keyring::new(&[strongroom_types::SecretBytes::new((0..32).collect())]).expect("ring");
        let pairs = [("purpose".to_owned(), "test".to_owned())].into();
        let context = super::super::encryption_context::bound(account, "us-east-1", key_id, &pairs);
        assert_eq!(ring.open(&context, &read.sealed).expect("opened").expose(), b"a data key");
        assert_eq!(read.to_blob().expect("blob"), blob);
    }
}
