//! Rows of indexes that somebody forged on the disk: they lead to documents, and prove nothing of them.

use strongroom_store::Term;
use strongroom_wire::kms::ListRetirableGrantsRequest;

use super::*;
use crate::kms::grant::{BY_GRANTEE, BY_RETIRING, grantee_value, retiring_value};

const OTHER: &str = "210987654321";
const THIRD: &str = "333333333333";

impl House {
    /// Puts rows into indexes that lead to a grant which does not ask for them.
    async fn forge(&self, grant: &Loaded<Grant>, terms: Vec<Term>) {
        let mut batch = Batch::named("test");
        self.documents.put(&mut batch, Some(grant), &grant.value).expect("sealed");
        batch.puts[0].terms_added.extend(terms);
        self.documents.commit(batch).await.expect("committed");
    }

    async fn decrypt_abroad(&self, account: &str, blob: &[u8]) -> Result<Permit, Error> {
        let input = DecryptRequest { ciphertext_blob: Some(blob.to_vec()), ..DecryptRequest::default() };
        self.kms.permitted_decrypt(&self.cx_of(account), Operation::Decrypt.action(), &input).await
    }
}

#[tokio::test]
async fn a_grant_that_an_index_offers_for_another_key_gives_no_leave_on_it() {
    let house = House::new();
    let (key, other) = (house.create().await, house.create().await);
    house.grant_to(&key, OTHER).await;
    house.grant_to(&other, THIRD).await;
    let (own, foreign) = (house.encrypt(&key, b"own").await, house.encrypt(&other, b"foreign").await);
    let (own, foreign) = (own.expect("sealed"), foreign.expect("sealed"));
    let grants = house.documents.scan::<Grant>("", None, 10).await.expect("read");
    let grant = grants.iter().find(|grant| grant.value.key_id == key).expect("a grant");
    let value = grantee_value(ACCOUNT, "us-east-1", &other, &grant.value.grantee.name);
    house.forge(grant, vec![Term::new(BY_GRANTEE, value)]).await;
    assert!(house.decrypt_abroad(OTHER, &own).await.is_ok(), "the grant is good for its own key");
    assert_eq!(code(&house.decrypt_abroad(OTHER, &foreign).await), Some("AccessDeniedException"));
}

#[tokio::test]
async fn grants_that_an_index_offers_to_others_are_not_listed_for_them() {
    let house = House::new();
    let key = house.create().await;
    house.grant_to(&key, OTHER).await;
    let [grant] = house.documents.scan::<Grant>("", None, 10).await.expect("read").try_into().expect("one grant");
    let third = format!("arn:aws:iam::{THIRD}:root");
    house.forge(&grant, vec![Term::new(BY_RETIRING, retiring_value("us-east-1", &third))]).await;
    let mut listed = Vec::new();
    for account in [OTHER, THIRD] {
        let cx = house.cx_of(account);
        let input = ListRetirableGrantsRequest {
            retiring_principal: Some(format!("arn:aws:iam::{account}:root")),
            ..ListRetirableGrantsRequest::default()
        };
        let action = Operation::ListRetirableGrants.action();
        let permit = authorize(&cx, action, Resource::Account, &input).expect("the root may");
        listed
            .push(house.kms.list_retirable_grants(&cx, &permit, input).await.expect("listed").grants.map(|l| l.len()));
    }
    assert_eq!(listed, [Some(1), Some(0)]);
}
