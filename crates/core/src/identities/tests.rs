//! Tests of accounts and credentials.

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, aead};
use strongroom_store::MemoryStore;

use super::*;

fn identities() -> Identities {
    let random = Arc::new(SeededRandom::new(3));
    let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
    Identities::new(Arc::new(Documents::new(Arc::new(MemoryStore::default()), Arc::new(keyring), random, 1 << 20)))
}

#[tokio::test]
async fn only_the_other_keys_of_the_same_account_are_removed() {
    let identities = identities();
    let [one, two] = ["111111111111", "222222222222"].map(|text| AccountId::parse(text).expect("account"));
    let keys: Vec<NewKey> = (0..4).map(|_| identities.new_key().expect("key")).collect();
    identities.create_account(&one, &keys[0], Timestamp::from_seconds(1)).await.expect("created");
    identities.create_account(&two, &keys[1], Timestamp::from_seconds(1)).await.expect("created");
    identities.add_root_key(&one, &keys[2]).await.expect("added");
    identities.add_root_key(&one, &keys[3]).await.expect("added");
    assert!(identities.access_key(&keys[0].key_id).await.expect("read").is_some(), "all work until then");
    assert_eq!(identities.remove_root_keys_but(&one, &keys[3].key_id).await.expect("removed"), 2);
    for (key, there) in keys.iter().zip([false, true, false, true]) {
        assert_eq!(identities.access_key(&key.key_id).await.expect("read").is_some(), there);
    }
}

#[tokio::test]
async fn the_last_use_of_a_role_is_written_and_goes_with_the_role() {
    let identities = identities();
    let account = AccountId::parse("111111111111").expect("account");
    let key = identities.new_key().expect("key");
    identities.create_account(&account, &key, Timestamp::from_seconds(1)).await.expect("created");
    let role = Role {
        account: account.to_string(),
        partition: "aws".into(),
        name: "used".into(),
        path: "/".into(),
        id: "AROAUSED".into(),
        created_ms: 0,
        description: None,
        trust: policy_text::PolicyText::default(),
        session_seconds_max: 3600,
        signin_seconds_max: None,
        tags: Vec::new(),
        policies: entity::Policies::default(),
    };
    let mut batch = Batch::named("test");
    identities.documents.put(&mut batch, None, &Arc::new(role.clone())).expect("sealed");
    identities.documents.commit(batch).await.expect("committed");
    let principal = |id: &str| crate::caller::Principal::RoleSession {
        role_arn: role.arn().into(),
        role_name: "used".into(),
        role_id: id.into(),
    };
    let root = crate::caller::Caller::root(account, "aws");
    let session = crate::caller::Caller { principal: principal(&role.id), ..root.clone() };
    let of_no_role = crate::caller::Caller { principal: principal("AROAGONE"), ..root.clone() };
    let region = strongroom_types::Region::parse("eu-west-1").expect("region");
    for caller in [&root, &session, &of_no_role] {
        identities.note_role_use(caller, "iam", &region, Timestamp::from_seconds(50));
    }
    let shown = identities.role_use(&role).await.expect("read").expect("noted");
    assert_eq!((shown.used_ms, shown.region.as_str()), (50_000, "eu-west-1"));
    assert!(identities.stored_role_use(&role).await.expect("read").is_none(), "not written yet");
    identities.flush_role_uses().await.expect("written");
    let stored = identities.stored_role_use(&role).await.expect("read").expect("written");
    assert_eq!(*stored.value, shown);
    let gone = Role { id: "AROAGONE".into(), ..role };
    assert!(identities.stored_role_use(&gone).await.expect("read").is_none(), "a role that is gone has no use");
}
