//! Rows of indexes that somebody forged on the disk: they lead to secrets of others.

use strongroom_store::{Batch, Term};
use strongroom_wire::secretsmanager::{DeleteSecretRequest, Filter, FilterNameStringType, ListSecretsRequest};

use super::*;
use crate::documents::Document as _;

const OTHER: &str = "210987654321";

impl Service {
    /// A copy of each row that leads to the secret, for another account.
    async fn forge(&self, name: &str) {
        let key = format!("123456789012:us-east-1:{name}");
        let secret = self.documents.load::<Secret>(key).await.expect("read").expect("there");
        let mut batch = Batch::named("test");
        self.documents.put(&mut batch, Some(&secret), &secret.value).expect("sealed");
        let forged = |term: Term| Term::new(term.index, term.value.replace("123456789012", OTHER));
        batch.puts[0].terms_added.extend(secret.value.terms().into_iter().map(forged));
        self.documents.commit(batch).await.expect("committed");
    }

    async fn listed(&self, account: &str, filters: Option<Vec<Filter>>) -> usize {
        let cx = self.cx_in(account);
        let permit = authorize(&cx, Operation::ListSecrets.action(), Resource::Account, &()).expect("the root may");
        let input = ListSecretsRequest { filters, ..ListSecretsRequest::default() };
        self.secrets.list_secrets(&cx, &permit, input).await.expect("listed").secret_list.map_or(0, |list| list.len())
    }
}

#[tokio::test]
async fn secrets_that_an_index_offers_to_another_account_are_not_listed_there() {
    let service = Service::new();
    service.create("prod/db", Some("hunter2")).await.expect("created");
    service.forge("prod/db").await;
    let filter = Filter { key: Some(FilterNameStringType::Name), values: Some(vec!["prod".to_owned()]) };
    assert_eq!(service.listed("123456789012", None).await, 1);
    assert_eq!(service.listed(OTHER, None).await, 0, "by walking an index");
    assert_eq!(service.listed(OTHER, Some(vec![filter])).await, 0, "by narrowing");
}

#[tokio::test]
async fn a_turn_of_one_account_purges_no_secret_of_another() {
    let service = Service::new();
    service.create("prod/db", Some("hunter2")).await.expect("created");
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DeleteSecret, "prod/db").await;
    let input = DeleteSecretRequest { secret_id: "prod/db".to_owned(), ..DeleteSecretRequest::default() };
    service.secrets.delete_secret(&cx, &permit, input).await.expect("scheduled");
    service.forge("prod/db").await;
    service.clock.advance_days(31);
    assert_eq!(service.secrets.purge_due(&service.cx_in(OTHER), 10).await.expect("purged"), 0);
    assert_eq!(service.secrets.purge_due(&service.cx(), 10).await.expect("purged"), 1);
}
