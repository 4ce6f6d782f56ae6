//! Verdicts that are kept: of what changed at once, of all in rounds, by one server at a time.

use std::sync::Arc;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_store::{Batch, MemoryStore, Range, Store};
use strongroom_types::time::DAY_MS;
use strongroom_types::{Region, Timestamp};

use super::judged::{BY_VERDICT, Judged, verdict_prefix};
use super::{Compliance, Judge, Parameters, Rule};
use crate::documents::Documents;
use crate::secrets::model::{Secret, SecretTag};
use crate::trail::NodeName;

const NOW: Timestamp = Timestamp::from_millis(20_000 * DAY_MS);
const MINUTE_MS: i64 = 60_000;

fn documents(store: &Arc<dyn Store>) -> Arc<Documents> {
    let random = Arc::new(SeededRandom::new(1));
    let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).unwrap()]).unwrap();
    Arc::new(Documents::new(Arc::clone(store), Arc::new(keyring), random as Arc<dyn Random>, 1 << 20))
}

fn judge(documents: &Arc<Documents>, node: &str) -> Judge {
    let region = Region::parse("us-east-1").unwrap();
    Judge::new(Arc::clone(documents), Parameters::default(), region, &NodeName::parse(node).unwrap())
}

fn secret(name: &str) -> Secret {
    let created_ms = NOW.millis();
    Secret { name: name.into(), created_ms, changed_ms: created_ms, ..super::tests::secret() }
}

async fn put(documents: &Documents, secret: Secret) {
    let key = crate::documents::Document::key(&secret);
    let before = documents.load::<Secret>(key).await.unwrap();
    let mut batch = Batch::named("test");
    documents.put(&mut batch, before.as_ref(), &Arc::new(secret)).unwrap();
    documents.commit(batch).await.unwrap();
}

async fn count(documents: &Documents, rule: Rule, compliance: Compliance) -> usize {
    let prefix = verdict_prefix("111122223333", "us-east-1", rule, compliance);
    let range = Range { index: BY_VERDICT, prefix, after: None, descending: false, limit: 10_000 };
    documents.range(&range).await.unwrap().len()
}

/// Works until there is nothing left to do at once.
async fn work(judge: &Judge, now: Timestamp) -> usize {
    let mut pieces = 0;
    while judge.work(now).await.unwrap() {
        pieces += 1;
    }
    pieces
}

#[tokio::test]
async fn the_first_round_judges_all_and_later_ones_what_time_has_changed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let documents = documents(&store);
    for n in 0..1500 {
        put(&documents, secret(&format!("s{n:04}"))).await;
    }
    put(&documents, Secret { region: "eu-west-1".into(), ..secret("elsewhere") }).await;
    let judge = judge(&documents, "1");
    assert!(work(&judge, NOW).await >= 1, "in pieces");
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 1500);
    assert_eq!(count(&documents, Rule::Unused, Compliance::Compliant).await, 1500);
    assert_eq!(judge.progress().await.unwrap().judged_ms, Some(NOW.millis()));
    let later = NOW.plus_days(91);
    work(&judge, later).await;
    assert_eq!(count(&documents, Rule::Unused, Compliance::NonCompliant).await, 1500);
    assert_eq!(count(&documents, Rule::Unused, Compliance::Compliant).await, 0);
    let judged = documents.load::<Judged>("111122223333:us-east-1:s0007").await.unwrap().unwrap();
    assert_eq!(judged.value.of(Rule::Tagged).unwrap().since_ms, NOW.millis(), "as before");
    assert_eq!(judged.value.of(Rule::Unused).unwrap().since_ms, later.millis());
    assert!(documents.load::<Judged>("111122223333:eu-west-1:elsewhere").await.unwrap().is_none());
}

#[tokio::test]
async fn what_changes_is_judged_at_once_and_what_is_gone_is_forgotten() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let documents = documents(&store);
    let judge = judge(&documents, "1");
    work(&judge, NOW).await;
    put(&documents, secret("a")).await;
    let soon = NOW.plus_millis(1000);
    work(&judge, soon).await;
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 1);
    let tag = SecretTag { key: "Team".into(), value: "a".into() };
    put(&documents, Secret { tags: vec![tag], ..secret("a") }).await;
    work(&judge, soon).await;
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 0);
    assert_eq!(count(&documents, Rule::Tagged, Compliance::Compliant).await, 1);
    let mut batch = Batch::named("test");
    let gone = documents.load::<Secret>("111122223333:us-east-1:a").await.unwrap().unwrap();
    documents.delete(&mut batch, &gone);
    documents.commit(batch).await.unwrap();
    work(&judge, soon).await;
    assert_eq!(count(&documents, Rule::Tagged, Compliance::Compliant).await, 0);
    assert!(documents.load::<Judged>("111122223333:us-east-1:a").await.unwrap().is_none());
}

#[tokio::test]
async fn one_server_does_the_work_and_another_goes_on_with_it_when_it_is_gone() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let documents = documents(&store);
    let (first, second) = (judge(&documents, "1"), judge(&documents, &"2".repeat(2 * 8)));
    work(&first, NOW).await;
    put(&documents, secret("a")).await;
    assert!(!second.work(NOW.plus_millis(1000)).await.unwrap());
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 0, "the first one's work");
    work(&second, NOW.plus_millis(2 * MINUTE_MS)).await;
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 1);
    assert!(!first.work(NOW.plus_millis(2 * MINUTE_MS)).await.unwrap());
}

#[tokio::test]
async fn with_rounds_switched_off_nothing_is_judged() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let documents = documents(&store);
    put(&documents, secret("a")).await;
    let parameters = Parameters { evaluation_minutes: 0, ..Parameters::default() };
    let region = Region::parse("us-east-1").unwrap();
    let off = Judge::new(Arc::clone(&documents), parameters, region, &NodeName::only());
    assert_eq!(work(&off, NOW).await, 0);
    assert_eq!(count(&documents, Rule::Tagged, Compliance::NonCompliant).await, 0);
}
