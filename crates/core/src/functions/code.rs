//! The packages of functions: checked, cut into sealed documents, put together again.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_crypto::digest::sha256;
use strongroom_store::{Batch, Delete, DocumentKey, Kind};
use strongroom_types::{SecretBuffer, SecretBytes};
use zip::ZipArchive;

use super::model::{CodeFacts, Function};
use super::refusals;
use crate::documents::{Document, Documents};
use crate::error::Error;

/// Kind of the documents of code.
pub const FUNCTION_CODE: Kind = Kind("function-code");
/// Bytes of a package at most (Lambda's quotas: uploaded directly).
const ZIPPED_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Bytes of a package's files at most (Lambda's quotas).
pub const UNZIPPED_BYTES_MAX: u64 = 250 * 1024 * 1024;
/// Files of a package that are looked at.
const FILES_MAX: usize = 100_000;
/// Bytes of a package in one document.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A piece of a package. Never changed: another package has another id.
#[derive(Clone, Debug)]
pub struct CodeChunk {
    key: String,
    bytes: Arc<SecretBytes>,
}

impl Document for CodeChunk {
    const KIND: Kind = FUNCTION_CODE;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.key.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        let mut body = SecretBuffer::with_capacity(self.key.len() + 1 + self.bytes.len());
        body.extend_from_slice(self.key.as_bytes());
        body.push(b'\n');
        body.extend_from_slice(self.bytes.expose());
        Ok(body.into_secret())
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        let mut parts = body.expose().splitn(2, |byte| *byte == b'\n');
        let (key, bytes) = parts.next().zip(parts.next()).ok_or_else(unreadable)?;
        let key = std::str::from_utf8(key).map_err(|_| unreadable())?.to_owned();
        Ok(Self { key, bytes: Arc::new(SecretBytes::new(bytes.to_vec())) })
    }
}

fn unreadable() -> Error {
    Error::internal("a piece of a function's code does not read")
}

/// The key of a piece.
fn chunk_key(function: &str, id: &str, at: u32) -> String {
    format!("{function}:{id}:{at:05}")
}

/// What is known of a package that was uploaded under `id`.
///
/// # Errors
/// InvalidParameterValueException for what is no zip file or is too large.
pub fn checked(zip: &SecretBytes, id: String) -> Result<CodeFacts, Error> {
    if zip.len() > ZIPPED_BYTES_MAX {
        return Err(refusals::package_too_large(ZIPPED_BYTES_MAX));
    }
    let mut archive = ZipArchive::new(Cursor::new(zip.expose())).map_err(|_| refusals::not_a_zip())?;
    if archive.is_empty() {
        return Err(refusals::empty_zip());
    }
    if archive.len() > FILES_MAX {
        return Err(refusals::unzipped_too_large(UNZIPPED_BYTES_MAX));
    }
    let mut unzipped = 0_u64;
    for at in 0..archive.len() {
        let file = archive.by_index_raw(at).map_err(|_| refusals::not_a_zip())?;
        // What would be put outside the function's folder is in no package that tools make.
        if file.enclosed_name().is_none() {
            return Err(refusals::not_a_zip());
        }
        unzipped = unzipped.saturating_add(file.size());
    }
    if unzipped > UNZIPPED_BYTES_MAX {
        return Err(refusals::unzipped_too_large(UNZIPPED_BYTES_MAX));
    }
    facts(zip, id)
}

/// What is known of the package of a native function, which is not looked into.
///
/// # Errors
/// InvalidParameterValueException when it is too large.
pub fn unchecked(zip: &SecretBytes, id: String) -> Result<CodeFacts, Error> {
    if zip.len() > ZIPPED_BYTES_MAX {
        return Err(refusals::package_too_large(ZIPPED_BYTES_MAX));
    }
    facts(zip, id)
}

fn facts(zip: &SecretBytes, id: String) -> Result<CodeFacts, Error> {
    let chunks = u32::try_from(zip.len().div_ceil(CHUNK_BYTES)).map_err(|_| unreadable())?;
    let bytes = u64::try_from(zip.len()).map_err(|_| unreadable())?;
    Ok(CodeFacts { id, sha256: STANDARD.encode(sha256(zip.expose())), bytes, chunks })
}

/// Adds a package's pieces to `batch`.
///
/// # Errors
/// Faults.
pub fn put(
    documents: &Documents,
    batch: &mut Batch,
    function: &Function,
    code: &CodeFacts,
    zip: &SecretBytes,
) -> Result<(), Error> {
    let function = function.key();
    for (at, bytes) in (0_u32..).zip(zip.expose().chunks(CHUNK_BYTES)) {
        let bytes = Arc::new(SecretBytes::new(bytes.to_vec()));
        let chunk = CodeChunk { key: chunk_key(&function, &code.id, at), bytes };
        documents.put(batch, None, &Arc::new(chunk))?;
    }
    Ok(())
}

/// Adds the removal of a package's pieces to `batch`.
pub fn delete(batch: &mut Batch, function: &Function, code: &CodeFacts) {
    let function = function.key();
    for at in 0..code.chunks {
        let key = DocumentKey::new(FUNCTION_CODE, chunk_key(&function, &code.id, at));
        batch.deletes.push(Delete { key, expected: 1 });
    }
}

/// Where the code of a version is, to be loaded when it is needed.
#[derive(Clone)]
pub struct Code {
    documents: Arc<Documents>,
    function: String,
    facts: CodeFacts,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({})", self.facts.sha256)
    }
}

impl Code {
    pub(super) fn new(documents: Arc<Documents>, function: &Function, facts: CodeFacts) -> Self {
        Self { documents, function: function.key(), facts }
    }

    /// SHA-256 of the package, in base64: two packages with the same are the same.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.facts.sha256
    }

    /// Bytes of the package.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.facts.bytes
    }

    /// The package, a zip file.
    ///
    /// # Errors
    /// Faults of the store; a fault when the package is gone, as after the function was deleted.
    pub async fn load(&self) -> Result<SecretBytes, Error> {
        let mut package = SecretBuffer::with_capacity(usize::try_from(self.facts.bytes).unwrap_or_default());
        for at in 0..self.facts.chunks {
            let key = chunk_key(&self.function, &self.facts.id, at);
            let chunk = self.documents.load::<CodeChunk>(key).await?;
            let chunk = chunk.ok_or_else(|| Error::internal("a piece of a function's code is gone"))?;
            package.extend_from_slice(chunk.value.bytes.expose());
        }
        let package = package.into_secret();
        if STANDARD.encode(sha256(package.expose())) != self.facts.sha256 {
            return Err(Error::internal("a function's code is not what was uploaded"));
        }
        Ok(package)
    }
}
