//! Signature Version 4 for one connection: signing key cached for the day, constant parts kept for the second, hex
//! written without allocation. About one microsecond a request.
//!
//! Follows AWS's description of Signature Version 4 for a POST to `/` without query. The signed headers are those
//! that botocore signs for a JSON service: content-type, host, x-amz-date, x-amz-target.

use strongroom_crypto::digest::{DIGEST_LEN, MacKey, sha256};
use strongroom_types::Timestamp;

use crate::amz_date::{AMZ_DATE_LEN, amz_date};
use crate::credentials::Credentials;

/// The content type of each request.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";

/// Signs requests of one operation to one host.
pub struct Signer {
    credentials: Credentials,
    region: String,
    host: String,
    target: String,
    second: Option<i64>,
    date: [u8; AMZ_DATE_LEN],
    key: MacKey,
    /// The canonical request of this second up to the hash of the body, and its length.
    canonical: Buffer,
    /// The string to sign of this second up to the hash of the canonical request.
    to_sign: Buffer,
    /// The value of the header of this second up to the signature.
    authorization: Buffer,
}

/// What the two headers must say.
pub struct Signature<'a> {
    /// `x-amz-date`.
    pub date: &'a [u8],
    /// `authorization`.
    pub authorization: &'a [u8],
}

impl Signer {
    /// A signer for `secretsmanager` in `region`, for requests with this `host` and `x-amz-target`.
    pub fn new(credentials: Credentials, region: &str, host: &str, target: &str) -> Self {
        Self {
            credentials,
            region: region.to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            second: None,
            date: [0; AMZ_DATE_LEN],
            key: MacKey::new(&[]),
            canonical: Buffer::default(),
            to_sign: Buffer::default(),
            authorization: Buffer::default(),
        }
    }

    /// The signature of a request with `body` sent at `now`.
    pub fn sign(&mut self, now: Timestamp, body: &[u8]) -> Signature<'_> {
        if self.second != Some(now.seconds()) {
            self.turn(now);
        }
        self.canonical.finish_with(&sha256(body));
        self.to_sign.finish_with(&sha256(&self.canonical.bytes));
        self.authorization.finish_with(&self.key.tag(&self.to_sign.bytes));
        Signature { date: &self.date, authorization: &self.authorization.bytes }
    }

    /// Prepares what is the same for all requests of a second, and the signing key of a new day.
    fn turn(&mut self, now: Timestamp) {
        let date = amz_date(now);
        let (day, _) = date.split_at(8);
        if self.second.is_none() || !self.date.starts_with(day) {
            let secret = [b"AWS4", self.credentials.secret_access_key.expose().as_bytes()].concat();
            let of_day = MacKey::new(&secret).tag(day);
            let of_region = MacKey::new(&of_day).tag(self.region.as_bytes());
            let of_service = MacKey::new(&of_region).tag(b"secretsmanager");
            self.key = MacKey::new(&MacKey::new(&of_service).tag(b"aws4_request"));
        }
        let scope = [day, b"/", self.region.as_bytes(), b"/secretsmanager/aws4_request"].concat();
        self.canonical.begin(&[
            b"POST\n/\n\ncontent-type:",
            CONTENT_TYPE.as_bytes(),
            b"\nhost:",
            self.host.as_bytes(),
            b"\nx-amz-date:",
            &date,
            b"\nx-amz-target:",
            self.target.as_bytes(),
            b"\n\n",
            SIGNED_HEADERS.as_bytes(),
            b"\n",
        ]);
        self.to_sign.begin(&[ALGORITHM, b"\n", &date, b"\n", &scope, b"\n"]);
        self.authorization.begin(&[
            ALGORITHM,
            b" Credential=",
            self.credentials.access_key_id.as_bytes(),
            b"/",
            &scope,
            b", SignedHeaders=",
            SIGNED_HEADERS.as_bytes(),
            b", Signature=",
        ]);
        self.date = date;
        self.second = Some(now.seconds());
    }
}

/// Bytes that begin the same for a second and end with a digest in hex.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    constant: usize,
}

impl Buffer {
    fn begin(&mut self, parts: &[&[u8]]) {
        self.bytes.clear();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.constant = self.bytes.len();
    }

    fn finish_with(&mut self, digest: &[u8; DIGEST_LEN]) {
        self.bytes.truncate(self.constant);
        for byte in digest {
            self.bytes.extend_from_slice(&[nibble(byte >> 4), nibble(byte & 15)]);
        }
    }
}

const fn nibble(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;

    use super::*;

    const TARGET: &str = "secretsmanager.GetSecretValue";

    /// The `authorization` header as the SDK's own signer writes it.
    fn by_the_sdk(credentials: &Credentials, at: Timestamp, host: &str, body: &[u8]) -> String {
        let identity = aws_credential_types::Credentials::from_keys(
            &credentials.access_key_id,
            credentials.secret_access_key.expose(),
            None,
        )
        .into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name("secretsmanager")
            .time(UNIX_EPOCH + Duration::from_secs(at.seconds().unsigned_abs()))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{host}/");
        let headers = [("host", host), ("content-type", CONTENT_TYPE), ("x-amz-target", TARGET)];
        let request = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let header = instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1;
        header.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_sdk_across_seconds_days_and_bodies() {
        let credentials = Credentials::unchecked();
        let host = "127.0.0.1:4566";
        let mut signer = Signer::new(credentials.clone(), "eu-central-1", host, TARGET);
        let long = vec![b'x'; 65_536];
        let bodies: [&[u8]; 3] = [b"", br#"{"SecretId":"a"}"#, &long];
        for seconds in [1_795_466_251, 1_795_466_251, 1_795_466_252, 1_795_564_800, 1_795_466_251] {
            let at = Timestamp::from_seconds(seconds);
            for body in bodies {
                let ours = signer.sign(at, body);
                assert_eq!(ours.date, amz_date(at));
                let ours = String::from_utf8(ours.authorization.to_vec()).unwrap();
                assert_eq!(ours, by_the_sdk(&credentials, at, host, body));
            }
        }
    }
}
