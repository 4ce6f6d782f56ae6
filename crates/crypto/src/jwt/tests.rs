//! Tokens of every algorithm, and the ways to have one believed that nobody signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{EC_KEYS_MAX, JwtError, KEY_SET_BYTES_MAX, KeySet, KeySetError, TOKEN_BYTES_MAX, TRIES_MAX, Token};
use crate::digest::MacKey;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider's key pair.
enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn ec(how: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Self {
        Self::Ec(EcdsaKeyPair::generate(how).unwrap(), curve)
    }

    fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
    }

    fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    fn jwk(&self, more: Value) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                // A sequence of two numbers in DER, whose headers have 9 and 2 bytes at this length (RFC 8017 A.1.1).
                let der = pair.public_key().as_ref();
                json!({"kty": "RSA", "n": encode(&der[9..265]), "e": encode(&der[267..])})
            }
            Self::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())}),
        };
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let how: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(how, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.sign(header["alg"].as_str().unwrap(), signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn verified(token: &str, keys: &KeySet) -> Result<Value, JwtError> {
    Token::read(token)?.verify(keys).map(|claims| Value::Object(claims.clone()))
}

fn claims() -> Value {
    json!({"iss": "https://idp.example.com", "sub": "someone"})
}

#[test]
fn every_algorithm_verifies_under_its_key_and_no_other() {
    let rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let signers = [
        (Signer::rsa(), rsa.as_slice()),
        (Signer::p256(), &["ES256"]),
        (Signer::ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"), &["ES384"]),
        (Signer::ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"), &["ES512"]),
        (Signer::ed(), &["EdDSA", "Ed25519"]),
    ];
    for (at, (signer, algorithms)) in signers.iter().enumerate() {
        for algorithm in *algorithms {
            let token = signer.token(&json!({"alg": algorithm, "kid": "a"}), &claims());
            let own = set(&[signer.jwk(json!({"kid": "a", "use": "sig", "alg": algorithm}))]);
            assert_eq!(verified(&token, &own), Ok(claims()), "{algorithm}");
            let unnamed = set(&[signer.jwk(json!({}))]);
            assert_eq!(verified(&token, &unnamed), Ok(claims()), "{algorithm}");
            for (other, _) in signers.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, pair)| pair) {
                let others = set(&[other.jwk(json!({"kid": "a"}))]);
                assert_eq!(verified(&token, &others), Err(JwtError::UnknownKey), "{algorithm}");
            }
        }
    }
}

#[test]
fn an_altered_token_is_refused() {
    let signer = Signer::p256();
    let keys = set(&[signer.jwk(json!({}))]);
    let token = signer.token(&json!({"alg": "ES256"}), &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let other = encode(json!({"iss": "https://idp.example.com", "sub": "root"}).to_string());
    assert_eq!(verified(&format!("{}.{other}.{}", parts[0], parts[2]), &keys), Err(JwtError::Signature));
    assert_eq!(verified(&format!("{}.{}.", parts[0], parts[1]), &keys), Err(JwtError::Signature));
    let header = encode(json!({"alg": "ES256", "typ": "JWT"}).to_string());
    assert_eq!(verified(&format!("{header}.{}.{}", parts[1], parts[2]), &keys), Err(JwtError::Signature));
    assert_eq!(verified(&token, &keys), Ok(claims()));
}

#[test]
fn the_algorithm_cannot_be_talked_over() {
    let rsa = Signer::rsa();
    let keys = set(&[rsa.jwk(json!({"kid": "a"}))]);
    let body = encode(claims().to_string());
    for name in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "ES256K", "RSA-OAEP", "rs256"] {
        let signed = format!("{}.{body}", encode(json!({"alg": name, "kid": "a"}).to_string()));
        // The public key as a shared secret, in the forms that libraries have fallen for.
        let modulus = rsa.jwk(json!({}))["n"].as_str().unwrap().to_owned();
        for secret in [modulus.as_bytes(), rsa.jwk(json!({})).to_string().as_bytes(), b""] {
            let token = format!("{signed}.{}", encode(MacKey::new(secret).tag(signed.as_bytes())));
            assert_eq!(verified(&token, &keys), Err(JwtError::Algorithm), "{name}");
        }
        assert_eq!(verified(&format!("{signed}."), &keys), Err(JwtError::Algorithm), "{name}");
    }
    // A key that its provider means for one algorithm takes no other, though it could.
    let token = rsa.token(&json!({"alg": "RS256", "kid": "a"}), &claims());
    let meant = set(&[rsa.jwk(json!({"kid": "a", "alg": "PS256"}))]);
    assert_eq!(verified(&token, &meant), Err(JwtError::UnknownKey));
    // A signature of one algorithm is none of another.
    let parts: Vec<&str> = token.split('.').collect();
    let header = encode(json!({"alg": "PS256", "kid": "a"}).to_string());
    assert_eq!(verified(&format!("{header}.{}.{}", parts[1], parts[2]), &keys), Err(JwtError::Signature));
}

#[test]
fn keys_that_the_token_brings_along_are_not_looked_at() {
    let (provider, attacker) = (Signer::p256(), Signer::p256());
    let keys = set(&[provider.jwk(json!({"kid": "a"}))]);
    let own = attacker.jwk(json!({"kid": "a"}));
    let header = json!({"alg": "ES256", "kid": "a", "jwk": own, "jku": "https://evil.example", "x5c": ["AAAA"]});
    assert_eq!(verified(&attacker.token(&header, &claims()), &keys), Err(JwtError::Signature));
}

#[test]
fn what_must_be_understood_and_is_not_is_refused() {
    let signer = Signer::p256();
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!("x")] {
        let token = signer.token(&json!({"alg": "ES256", "crit": crit, "b64": false}), &claims());
        assert_eq!(Token::read(&token).unwrap_err(), JwtError::Form);
    }
}

#[test]
fn keys_are_chosen_by_id_and_without_one_each_fitting_key_is_tried() {
    let (first, second, third) = (Signer::p256(), Signer::p256(), Signer::rsa());
    let named = set(&[
        first.jwk(json!({"kid": "1"})),
        third.jwk(json!({"kid": "2"})),
        second.jwk(json!({"kid": "2"})),
        first.jwk(json!({"kid": "2"})),
    ]);
    let token = |kid: &str| second.token(&json!({"alg": "ES256", "kid": kid}), &claims());
    assert_eq!(verified(&token("2"), &named), Ok(claims()));
    assert_eq!(verified(&token("1"), &named), Err(JwtError::Signature));
    assert_eq!(verified(&token("3"), &named), Err(JwtError::UnknownKey));
    assert_eq!(verified(&second.token(&json!({"alg": "ES256"}), &claims()), &named), Ok(claims()));
    assert_eq!(verified(&second.token(&json!({"alg": "ES384"}), &claims()), &named), Err(JwtError::UnknownKey));

    let mut many: Vec<Value> = (0..TRIES_MAX).map(|_| Signer::p256().jwk(json!({}))).collect();
    many.push(second.jwk(json!({})));
    assert_eq!(verified(&token("2"), &set(&many)), Err(JwtError::Signature), "tries are bounded");
    assert_eq!(verified(&token("2"), &set(&many[1..])), Ok(claims()));
}

#[test]
fn what_is_no_token_is_refused() {
    let good = Signer::p256().token(&json!({"alg": "ES256"}), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let huge = encode(json!({"iss": "x".repeat(TOKEN_BYTES_MAX)}).to_string());
    let deep = encode("[".repeat(10_000));
    for text in [
        String::new(),
        "....".to_owned(),
        "abc".to_owned(),
        format!("{header}.{body}"),
        format!("{header}.{body}.{signature}.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!("{header}.{body}.{signature}\n"),
        format!(" {header}.{body}.{signature}"),
        format!("{header}.{}.{signature}", encode("[]")),
        format!("{header}.{}.{signature}", encode("{")),
        format!("{header}.{}.{signature}", encode([0xff])),
        format!("{header}.{deep}.{signature}"),
        format!("{}.{body}.{signature}", encode("{}")),
        format!("{}.{body}.{signature}", encode(r#"{"alg":"ES256","alg":"ES256"}"#)),
        format!("{}.{body}.{signature}", encode(r#"{"alg":["ES256"]}"#)),
        format!("{}.{body}.{signature}", encode(r#"{"alg":"ES256","kid":7}"#)),
        format!("{header}.{huge}.{signature}"),
        "a".repeat(TOKEN_BYTES_MAX + 1),
    ] {
        assert_eq!(Token::read(&text).unwrap_err(), JwtError::Form, "{text:.80}");
    }
    assert_eq!(Token::read(&good).unwrap().issuer(), Some("https://idp.example.com"));
}

#[test]
fn keys_that_cannot_verify_are_left_out() {
    let good = Signer::p256().jwk(json!({"kid": "good"}));
    let rsa = Signer::rsa().jwk(json!({}));
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let mut useless = vec![
        json!({"kty": "oct", "k": encode("secret")}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!("text"),
        json!({}),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("alg", json!("ES256K")),
        with("crv", json!("secp256k1")),
        with("x", json!("AAAA")),
        with("y", Value::Null),
        with("kid", json!("x".repeat(2000))),
        json!({"kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": encode([0x7f; 256]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": encode([0xff; 1025]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": rsa["n"], "e": encode([0xff; 6])}),
        json!({"kty": "RSA", "n": rsa["n"], "e": ""}),
        json!({"kty": "OKP", "crv": "X25519", "x": encode([1; 32])}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": encode([1; 31])}),
    ];
    let parse = |keys: &[Value]| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes());
    for key in &useless {
        assert_eq!(parse(std::slice::from_ref(key)).unwrap_err(), KeySetError::Empty, "{key}");
    }
    useless.extend([good, rsa, json!({"kty": "EC", "key_ops": ["verify"], "x5c": []})]);
    assert_eq!(parse(&useless).unwrap().len(), 2);
}

#[test]
fn an_rsa_key_with_leading_zeros_is_read() {
    let signer = Signer::rsa();
    let mut jwk = signer.jwk(json!({}));
    let padded = [vec![0, 0], URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap()].concat();
    jwk["n"] = json!(encode(padded));
    assert_eq!(verified(&signer.token(&json!({"alg": "RS256"}), &claims()), &set(&[jwk])), Ok(claims()));
}

#[test]
fn key_sets_are_bounded() {
    let parse = |text: &str| KeySet::parse(text.as_bytes()).map(|keys| keys.len());
    let key = Signer::p256().jwk(json!({}));
    let many = |count: usize| json!({ "keys": vec![key.clone(); count] }).to_string();
    assert_eq!(parse(&many(EC_KEYS_MAX)), Ok(EC_KEYS_MAX));
    assert_eq!(parse(&many(EC_KEYS_MAX + 1)), Err(KeySetError::Count));
    assert_eq!(parse(&" ".repeat(KEY_SET_BYTES_MAX + 1)), Err(KeySetError::Size));
    assert_eq!(parse(r#"{"keys":[]}"#), Err(KeySetError::Empty));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "null", &"[".repeat(1000)] {
        assert_eq!(parse(text), Err(KeySetError::Form), "{text}");
    }
}
