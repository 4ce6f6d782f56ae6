//! Databases that Strongroom rotates by itself: each has the secret of its master user, which belongs to the service that
//! would own it on AWS (specification §2.5).

pub mod database;
mod operations;
mod refusals;
mod value;

use std::sync::Arc;

use strongroom_types::Arn;

use self::database::{Database, DatabaseRef, arn_of};
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::secrets::model::{Secret, place};

/// How records name the type of a database.
pub const DATABASE_KIND: &str = "AWS::Strongroom::Database";

/// Length of the hyphen and the random characters at the end of a secret's ARN.
const SUFFIX_LEN: usize = 7;

/// The operations on databases.
pub struct Databases {
    documents: Arc<Documents>,
}

impl Databases {
    /// Databases kept in `documents`.
    #[must_use]
    pub const fn new(documents: Arc<Documents>) -> Self {
        Self { documents }
    }

    /// The caller's database of an id, registered or not.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn resolve(&self, cx: &Ctx, id: &str) -> Result<DatabaseRef, Error> {
        let account = cx.caller.account.clone();
        let key = place(account.as_str(), cx.region.as_str()) + id;
        let found = self.documents.load::<Database>(key).await?;
        Ok(DatabaseRef { arn: arn_of(&cx.region, account.as_str(), id), account, id: id.to_owned(), found })
    }

    /// The database whose credentials the secret of an ARN holds; none for a secret that no service owns.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn of_arn(&self, secret_arn: &str) -> Result<Option<Arc<Database>>, Error> {
        let Ok(arn) = Arn::parse(secret_arn) else { return Ok(None) };
        let name =
            arn.resource.strip_prefix("secret:").and_then(|rest| rest.get(..rest.len().checked_sub(SUFFIX_LEN)?));
        let Some(name) = name.filter(|_| arn.service == "secretsmanager") else { return Ok(None) };
        let found = self.documents.load::<Secret>(place(&arn.account, &arn.region) + name).await?;
        match found.filter(|found| found.value.arn() == secret_arn) {
            Some(found) => self.of_secret(&found.value).await,
            None => Ok(None),
        }
    }

    /// The database whose credentials a secret holds.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn of_secret(&self, secret: &Secret) -> Result<Option<Arc<Database>>, Error> {
        let Some(owner) = &secret.owner else { return Ok(None) };
        let key = place(&secret.account, &secret.region) + &owner.database;
        let found = self.documents.load::<Database>(key).await?;
        Ok(found.map(|found| found.value).filter(|database| database.secret_name == secret.name))
    }
}

#[cfg(test)]
mod tests;
