//! Pages of an entity's tags.

use strongroom_wire::iam as shapes;

use super::Iam;
use super::pages::Page;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::Tag;
use crate::page;

impl Iam {
    /// A page of the tags of `owner`, an id or ARN, in the order of their keys.
    ///
    /// # Errors
    /// ValidationError for a marker that is none of this list.
    pub(super) fn tag_page(
        &self,
        cx: &Ctx,
        (operation, owner): (&str, &str),
        tags: &[Tag],
        max_items: Option<i32>,
        marker: Option<&str>,
    ) -> Result<Page<shapes::Tag>, Error> {
        let query = page::Query::new(operation).part(cx.caller.account.as_str()).part(owner);
        let mut tags = tags.to_vec();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let page = self.page_of(&query, tags, |tag| tag.key.clone(), max_items, marker)?;
        Ok(page.map(|Tag { key, value }| shapes::Tag { key, value }))
    }
}
