//! What every engine refuses before it looks at what is stored, and the bounds of what it takes.

use std::collections::HashSet;

use crate::api::{Batch, DocumentKey, Put, StoreError, Term};

/// Greatest length of a document's key, in bytes. With its kind it fits an entry of a PostgreSQL index.
pub const KEY_BYTES_MAX: usize = 2 * 1024;
/// Greatest length of an index value or of a feed entry's name, in bytes.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;
/// Greatest length of a topic's name, in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;
/// Greatest length of a sealed body, in bytes.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most puts, deletes and feed entries of one batch, each.
pub const BATCH_DOCUMENTS_MAX: usize = 10_000;
/// Most terms and unique keys, together, that one put removes or adds.
pub const TERMS_MAX: usize = 10_000;

/// Checks what can be checked of a batch by itself.
///
/// # Errors
/// `Invalid`, naming the broken rule.
pub(crate) fn check(batch: &Batch) -> Result<(), StoreError> {
    if batch.puts.len().max(batch.deletes.len()).max(batch.feed.len()) > BATCH_DOCUMENTS_MAX {
        return Err(StoreError::Invalid("too many documents or feed entries"));
    }
    for put in &batch.puts {
        check_key(&put.key)?;
        check_terms(put)?;
        check_body(put.body.as_bytes())?;
    }
    for delete in &batch.deletes {
        check_key(&delete.key)?;
        if delete.expected == 0 {
            return Err(StoreError::Invalid("a delete of a document that must not exist"));
        }
    }
    for entry in &batch.feed {
        check_text(&entry.id, VALUE_BYTES_MAX)?;
        check_text(&entry.topic, TOPIC_BYTES_MAX)?;
        check_body(entry.body.as_bytes())?;
    }
    check_single(batch)
}

fn check_single(batch: &Batch) -> Result<(), StoreError> {
    if batch.puts.len() + batch.deletes.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(batch.puts.len() + batch.deletes.len());
    let mut keys = batch.puts.iter().map(|put| &put.key).chain(batch.deletes.iter().map(|delete| &delete.key));
    if keys.all(|key| seen.insert(key)) { Ok(()) } else { Err(StoreError::Invalid("a document stands twice")) }
}

fn check_key(key: &DocumentKey) -> Result<(), StoreError> {
    check_text(&key.key, KEY_BYTES_MAX)
}

fn check_terms(put: &Put) -> Result<(), StoreError> {
    let lists: [&[Term]; 4] = [&put.terms_removed, &put.terms_added, &put.unique_removed, &put.unique_added];
    if lists.iter().map(|list| list.len()).sum::<usize>() > TERMS_MAX {
        return Err(StoreError::Invalid("too many terms"));
    }
    lists.into_iter().flatten().try_for_each(|term| check_text(&term.value, VALUE_BYTES_MAX))
}

/// Texts of the store are not empty and hold no NUL: a range begins at the empty text, and lists are parted by NUL.
fn check_text(text: &str, bytes_max: usize) -> Result<(), StoreError> {
    if text.is_empty() {
        Err(StoreError::Invalid("an empty key or value"))
    } else if text.len() > bytes_max {
        Err(StoreError::Invalid("a key or value that is too long"))
    } else if text.as_bytes().contains(&0) {
        Err(StoreError::Invalid("a NUL character in a key or value"))
    } else {
        Ok(())
    }
}

fn check_body(body: &[u8]) -> Result<(), StoreError> {
    if body.len() > BODY_BYTES_MAX { Err(StoreError::Invalid("a body that is too long")) } else { Ok(()) }
}
