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
