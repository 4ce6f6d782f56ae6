//! Which tokens are believed, what is made of their claims, and what AWS says of the others.

use serde_json::{Value, json};

use super::{ISSUER, NOW_S, Signer, claims, encode, now, provider, setting, told};
use crate::oidc::{ConditionKey, LEEWAY_S, Provider, read, refusals};

const NO_TOKEN: &str = "InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you \
                        sent an Access Token)";
const NO_KEY: &str = "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider,  please \
                      reference AssumeRoleWithWebIdentity documentation for requirements";

#[tokio::test]
async fn a_good_token_tells_who_comes() {
    let setting = setting();
    let claims = setting.verify(&setting.good()).await.unwrap();
    assert_eq!((claims.issuer(), claims.provider()), (ISSUER, "idp.example.com/realms/a"));
    assert_eq!((claims.subject(), claims.audience()), ("someone", "client"));
    assert_eq!((claims.session_tags(), claims.source_identity()), ([].as_slice(), None));
}

#[tokio::test]
async fn the_audience_is_a_client_of_the_provider() {
    let setting = setting();
    for (more, expected) in [
        (json!({"aud": "client"}), Some("client")),
        (json!({"aud": ["other"]}), Some("other")),
        (json!({"aud": "client", "azp": "other"}), Some("other")),
        (json!({"aud": ["x", "client"], "azp": "client"}), Some("client")),
        (json!({"aud": ["client", "other"]}), None),
        (json!({"aud": ["x", "client"], "azp": "x"}), None),
        (json!({"aud": "client", "azp": "x"}), None),
        (json!({"aud": "client", "azp": ["client"]}), None),
        (json!({"aud": "x", "azp": "client"}), None),
        (json!({"aud": "x"}), None),
        (json!({"aud": "Client"}), None),
        (json!({"aud": "client "}), None),
        (json!({"aud": ""}), None),
    ] {
        let answer = setting.verify(&setting.signer.token(&claims(more.clone()))).await;
        match expected {
            Some(audience) => assert_eq!(answer.unwrap().audience(), audience, "{more}"),
            None => assert_eq!(told(answer), "InvalidIdentityToken: Incorrect token audience", "{more}"),
        }
    }
}

#[tokio::test]
async fn the_token_has_its_time() {
    let setting = setting();
    let refusal = async |more: Value| setting.refusal(&setting.signer.token(&claims(more))).await;
    for exp in [json!(NOW_S), json!(NOW_S - 1), json!(NOW_S as f64 + 0.5), json!(0)] {
        let told = refusal(json!({ "exp": exp })).await;
        let end = exp.as_f64().unwrap().floor();
        let expected = format!(
            "ExpiredTokenException: Token expired: current date/time {NOW_S} must be before the expiration date/time {end}"
        );
        assert_eq!(told, expected);
    }
    assert_eq!(refusal(json!({"exp": NOW_S + 1})).await, "no refusal");
    for name in ["nbf", "iat"] {
        assert_eq!(refusal(json!({name: NOW_S + LEEWAY_S})).await, "no refusal");
        let told = refusal(json!({name: NOW_S + LEEWAY_S + 1})).await;
        assert!(told.starts_with("InvalidIdentityToken: Token is not valid yet"), "{told}");
    }
    for (more, name) in [
        (json!({"exp": null}), "exp"),
        (json!({"exp": "9999999999"}), "exp"),
        (json!({"exp": 1e300}), "exp"),
        (json!({"nbf": "0"}), "nbf"),
        (json!({"aud": null}), "aud"),
        (json!({"aud": []}), "aud"),
        (json!({"aud": [7]}), "aud"),
        (json!({"sub": null}), "sub"),
        (json!({"sub": ""}), "sub"),
        (json!({"sub": 7}), "sub"),
    ] {
        assert_eq!(refusal(more).await, format!("InvalidIdentityToken: Missing a required claim: {name}"));
    }
}

#[tokio::test]
async fn nobody_speaks_for_another_provider() {
    let setting = setting();
    for issuer in ["https://evil.example", "https://idp.example.com/realms/a/", "http://idp.example.com/realms/a", ""] {
        let told = setting.refusal(&setting.signer.token(&claims(json!({ "iss": issuer })))).await;
        assert_eq!(told, format!("InvalidIdentityToken: No OpenIDConnect provider found in your account for {issuer}"));
    }
    assert_eq!(setting.network.asked(), 0);
    let other = Signer::new("1");
    let told = setting.refusal(&other.token(&claims(json!({})))).await;
    assert_eq!(told, "InvalidIdentityToken: The signature of the ID Token provided is not valid");
    assert_eq!(setting.refusal(&Signer::new("2").token(&claims(json!({})))).await, NO_KEY);
}

#[tokio::test]
async fn what_is_no_token_is_refused_before_anyone_is_asked() {
    let setting = setting();
    let good = setting.good();
    let (_, rest) = good.split_once('.').unwrap();
    let (body, _) = rest.split_once('.').unwrap();
    let header = |alg: &str| encode(json!({"alg": alg, "kid": "1"}).to_string());
    for token in [
        "aaaa".to_owned(),
        "a".repeat(20_001),
        format!("{}.{body}.", header("none")),
        format!("{}.{body}.{}", header("HS256"), encode([0; 32])),
        good.replace('.', ".."),
    ] {
        assert_eq!(told(read(&token)), NO_TOKEN);
    }
    assert_eq!(setting.network.asked(), 0);
}

fn keys_of(found: &[ConditionKey]) -> Vec<(String, Vec<String>)> {
    found.iter().map(|key| (key.name.clone(), key.values.clone())).collect()
}

#[tokio::test]
async fn claims_give_the_condition_keys_of_the_provider() {
    let setting = setting();
    let more =
        json!({"aud": ["client", "x"], "azp": "other", "amr": ["pwd", "otp"], "repository": "a/b", "email": "e"});
    let claims = setting.verify(&setting.signer.token(&claims(more))).await.unwrap();
    let name = |claim: &str| format!("idp.example.com/realms/a:{claim}");
    let found = claims.condition_keys();
    let expected = [
        (name("aud"), vec!["other".to_owned()]),
        (name("sub"), vec!["someone".to_owned()]),
        (name("amr"), vec!["pwd".to_owned(), "otp".to_owned()]),
        (name("oaud"), vec!["client".to_owned(), "x".to_owned()]),
        (name("azp"), vec!["other".to_owned()]),
    ];
    assert_eq!(keys_of(&found), expected);
}

#[test]
fn providers_that_aws_knows_give_more() {
    let keys = |issuer: &str, more: Value| {
        let mut all = claims(more);
        all["iss"] = json!(issuer);
        let provider = Provider::new(issuer, vec!["client".to_owned()], vec![]);
        let checked = crate::oidc::Claims::checked(all.as_object().unwrap(), &provider, now()).unwrap();
        keys_of(&checked.condition_keys()).split_off(3)
    };
    let one = |name: &str, value: &str| vec![(name.to_owned(), vec![value.to_owned()])];
    let github = json!({"repository": "octo/infra", "run_id": "1"});
    assert_eq!(
        keys("https://token.actions.githubusercontent.com", github),
        one("token.actions.githubusercontent.com:repository", "octo/infra")
    );
    let google = json!({"google": {"organization_number": 12}});
    assert_eq!(
        keys("https://accounts.google.com", google),
        one("accounts.google.com:google/organization_number", "12")
    );
    let circle = json!({"oidc.circleci.com/project-id": "p"});
    assert_eq!(
        keys("https://oidc.circleci.com/org/o", circle),
        one("oidc.circleci.com/org/o:oidc.circleci.com/project-id", "p")
    );
    let gitlab = json!({"ref_protected": "true", "user_id": 7, "namespace_id": {"a": 1}});
    assert_eq!(keys("https://gitlab.com", gitlab).len(), 2);
}

#[tokio::test]
async fn a_service_account_of_kubernetes_is_told_by_subject_and_audience() {
    let setting = setting();
    let subject = "system:serviceaccount:default:reader";
    let more = json!({"sub": subject, "aud": ["client"], "nbf": NOW_S, "jti": "x", "kubernetes.io": {
        "namespace": "default", "serviceaccount": {"name": "reader", "uid": "u"}, "pod": {"name": "p", "uid": "u"}}});
    let claims = setting.verify(&setting.signer.token(&claims(more))).await.unwrap();
    let found = claims.condition_keys();
    let names: Vec<&str> = found.iter().filter_map(|key| key.name.rsplit(':').next()).collect();
    assert_eq!((names, claims.subject()), (vec!["aud", "sub", "oaud"], subject));
}

#[tokio::test]
async fn tags_and_source_identity_come_with_the_token() {
    let setting = setting();
    let nested = json!({"https://aws.amazon.com/tags": {
        "principal_tags": {"Project": ["Automation"], "CostCenter": "987654"}, "transitive_tag_keys": ["Project"]},
        "https://aws.amazon.com/source_identity": "alice"});
    let flat = json!({"https://aws.amazon.com/tags/principal_tags/Project": ["Automation"],
        "https://aws.amazon.com/tags/principal_tags/CostCenter": ["987654"],
        "https://aws.amazon.com/tags/transitive_tag_keys": ["Project"],
        "https://aws.amazon.com/source_identity": "alice"});
    for more in [nested, flat] {
        let claims = setting.verify(&setting.signer.token(&claims(more))).await.unwrap();
        let tags = [("CostCenter", "987654"), ("Project", "Automation")];
        assert_eq!(claims.session_tags(), tags.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(claims.transitive_tag_keys(), ["Project"]);
        assert_eq!(claims.source_identity(), Some("alice"));
    }
    for wrong in [
        json!([]),
        json!({"principal_tags": []}),
        json!({"principal_tags": {"a": ["b", "c"]}}),
        json!({"principal_tags": {"a": []}}),
        json!({"principal_tags": {"a": 1}}),
        json!({"transitive_tag_keys": [1]}),
    ] {
        let refused =
            setting.verify(&setting.signer.token(&claims(json!({"https://aws.amazon.com/tags": wrong})))).await;
        assert_eq!(told(refused), told::<()>(Err(refusals::wrong_tags())));
    }
    for wrong in [json!(""), json!(["a"]), json!(1)] {
        let more = json!({"https://aws.amazon.com/source_identity": wrong});
        let refused = setting.verify(&setting.signer.token(&claims(more))).await;
        assert_eq!(told(refused), told::<()>(Err(refusals::wrong_source_identity())));
    }
}

#[test]
fn a_provider_without_clients_takes_nobody() {
    let provider = Provider::new(provider().name(), vec![], vec![]);
    let all = claims(json!({}));
    let answer = crate::oidc::Claims::checked(all.as_object().unwrap(), &provider, now());
    assert_eq!(told(answer), "InvalidIdentityToken: Incorrect token audience");
}
