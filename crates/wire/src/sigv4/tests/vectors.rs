//! The published test suite of Signature Version 4 (inputs and expected signatures in `vectors.json`), as far as it
//! concerns services other than S3: signing gives the published signatures, and verifying accepts them.
//!
//! A header that the suite folds over several lines stands in one line here, as an HTTP parser would hand it over.

use serde_json::Value;

use super::*;

struct Vector {
    name: String,
    sample: Sample,
    token: Option<SecretText>,
    /// Whether the token is part of what is signed.
    token_signed: bool,
    /// Whether the header form carries the body's digest in a header.
    body_header: bool,
    header_signature: String,
    query_signature: String,
}

fn vectors() -> Vec<Vector> {
    let list: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).expect("vectors");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let one = |vector: Value| {
        let mut headers = HeaderMap::new();
        for pair in vector["headers"].as_array().expect("headers") {
            let name = HeaderName::try_from(text(&pair[0])).expect("name");
            headers.append(name, HeaderValue::try_from(text(&pair[1])).expect("value"));
        }
        Vector {
            name: text(&vector["name"]),
            sample: Sample {
                method: if vector["method"] == "GET" { "GET" } else { "POST" },
                path: text(&vector["path"]),
                query: text(&vector["query"]),
                headers,
                body: text(&vector["body"]).into_bytes(),
                service: "service",
                ..Sample::unsigned()
            },
            token: vector.get("token").map(|token| SecretText::new(text(token))),
            token_signed: vector["token_signed"] != false,
            body_header: vector["body_header"] == true,
            header_signature: text(&vector["header_signature"]),
            query_signature: text(&vector["query_signature"]),
        }
    };
    list.into_iter().map(one).collect()
}

fn signing<'a>(vector: &'a Vector, key: &'a SigningKey) -> Signing<'a> {
    let session_token = vector.token.as_ref().filter(|_| vector.token_signed);
    Signing { access_key_id: ACCESS_KEY_ID, session_token, key, at: Timestamp::from_seconds(AT_S) }
}

#[test]
fn the_suite_is_there() {
    assert_eq!(vectors().len(), 31);
}

#[test]
fn the_header_form_has_the_published_signatures() {
    for mut vector in vectors() {
        let (key, body) = (vector.sample.key(), sha256(&vector.sample.body));
        if vector.body_header {
            let digest = String::from_utf8(hex::encode(&body).to_vec()).expect("text");
            vector.sample.set("x-amz-content-sha256", &digest);
        }
        let mut headers = vector.sample.headers.clone();
        sign(&vector.sample.request(&body), &mut headers, &signing(&vector, &key)).expect("sign");
        vector.sample.headers = headers;
        assert_eq!(vector.sample.signature(), vector.header_signature, "{}", vector.name);
        assert_eq!(vector.sample.verdict(), Ok(()), "{}", vector.name);
    }
}

#[test]
fn the_presigned_form_has_the_published_signatures() {
    for mut vector in vectors() {
        let (key, body) = (vector.sample.key(), sha256(&vector.sample.body));
        let request = vector.sample.request(&body);
        let query = presign(&request, &vector.sample.headers, &signing(&vector, &key), 3600).expect("presign");
        assert_eq!(query.rsplit_once('=').expect("signature").1, vector.query_signature, "{}", vector.name);
        vector.sample.query = query;
        if let Some(token) = vector.token.as_ref().filter(|_| !vector.token_signed) {
            // Appended after signing, as the suite's example has it.
            let mut encoded = Vec::new();
            query::push_encoded(&mut encoded, token.expose().as_bytes());
            let encoded = String::from_utf8(encoded).expect("text");
            vector.sample.query.push_str(&format!("&X-Amz-Security-Token={encoded}"));
        }
        assert_eq!(vector.sample.verdict(), Ok(()), "{}", vector.name);
        let request = vector.sample.request(&body);
        let claim = parse(&request, &vector.sample.headers).expect("claim");
        assert_eq!(claim.session_token(), vector.token.as_ref().map(SecretText::expose), "{}", vector.name);
    }
}
