//! Lists, page by page. Markers are places in the list: nothing of them is secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_wire::lambda::{FunctionVersion, ListFunctionsRequest, ListFunctionsResponse};

use super::model::{Function, LATEST, document_key};
use super::{Functions, refusals, shown};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Entries of a page at most and when nobody says (Lambda's API reference).
const PAGE_MAX: usize = 50;

fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).map_or(PAGE_MAX, |asked| asked.clamp(1, PAGE_MAX))
}

/// What a marker says.
fn read_marker(marker: Option<&str>) -> Result<Option<String>, Error> {
    let invalid = || refusals::invalid("Invalid marker.");
    let read = |marker: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| invalid())?;
        String::from_utf8(bytes).map_err(|_| invalid())
    };
    marker.filter(|marker| !marker.is_empty()).map(read).transpose()
}

/// A page of names in their order, and the marker of the next.
///
/// # Errors
/// InvalidParameterValueException for a marker that is none.
pub(super) fn page(
    names: Vec<String>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<(Vec<String>, Option<String>), Error> {
    let after = read_marker(marker)?;
    let begin = match &after {
        Some(after) => names.iter().position(|name| name == after).map_or(names.len(), |at| at + 1),
        None => 0,
    };
    let (total, limit) = (names.len(), limit(max_items));
    let page: Vec<String> = names.into_iter().skip(begin).take(limit).collect();
    let more = begin + page.len() < total;
    let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last));
    Ok((page, next))
}

impl Functions {
    /// The account's functions, in the order of their names.
    ///
    /// # Errors
    /// InvalidParameterValueException for a marker that is none.
    pub async fn list_functions(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListFunctionsRequest,
    ) -> Result<ListFunctionsResponse, Error> {
        let prefix = document_key(cx.caller.account.as_str(), cx.region.as_str(), "");
        let after = read_marker(input.marker.as_deref())?.map(|name| [prefix.as_str(), &name].concat());
        let limit = limit(input.max_items);
        let mut found = self.documents.scan::<Function>(&prefix, after.as_deref(), limit + 1).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|last| last.value.name.clone());
        let all = input.function_version == Some(FunctionVersion::All);
        let mut functions = Vec::new();
        for function in &found {
            functions.extend(shown::configuration(&function.value, LATEST, all));
            if all {
                let numbers = function.value.versions.keys().map(u64::to_string);
                functions.extend(numbers.filter_map(|version| shown::configuration(&function.value, &version, true)));
            }
        }
        let next_marker = last.filter(|_| more).map(|name| URL_SAFE_NO_PAD.encode(name));
        Ok(ListFunctionsResponse { next_marker, functions: Some(functions) })
    }
}
