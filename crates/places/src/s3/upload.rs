//! Objects into a bucket: a short one by one call, a long one in parts that become an object at the end.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use http::Method;
use strongroom_client::{CallError, element};

use super::Bucket;
use super::call::{Asked, Wanted};
use crate::{Content, PlaceError, is_name};

/// Parts of an object at most.
const PARTS_MAX: u64 = 10_000;
/// Bytes of an object's name without the bucket's prefix: S3 allows 1024 with it.
const PATH_BYTES_MAX: usize = 900;

impl Bucket {
    /// Makes an object under a name of several segments between slashes, each of which is an object's name by itself.
    /// Wholly or not at all; one that is there is not replaced. It has these headers.
    ///
    /// # Errors
    /// As [`Place::put`](crate::Place::put).
    pub async fn put_under(
        &self,
        path: &str,
        bytes: &[u8],
        headers: &[(&'static str, &str)],
    ) -> Result<(), PlaceError> {
        if path.len() > PATH_BYTES_MAX || !path.split('/').all(is_name) {
            return Err(PlaceError::Name(path.to_owned()));
        }
        self.put_with(path, bytes, headers).await
    }

    pub(super) async fn upload(&self, name: &str, content: Content<'_>) -> Result<(), PlaceError> {
        match content {
            Content::Bytes(bytes) => self.put_whole(name, bytes).await,
            Content::File(path) => {
                let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
                let (bytes, file) = opened.map_err(|error| here(path, &error))?;
                let mut parts = Parts { file: Some(file), path, left: bytes };
                if bytes <= self.part_bytes {
                    let whole = parts.next(bytes).await?;
                    self.put_whole(name, &whole).await
                } else {
                    self.put_parts(name, bytes, parts).await
                }
            }
        }
    }

    async fn put_whole(&self, name: &str, bytes: &[u8]) -> Result<(), PlaceError> {
        self.put_with(name, bytes, &[]).await
    }

    async fn put_with(&self, name: &str, bytes: &[u8], headers: &[(&'static str, &str)]) -> Result<(), PlaceError> {
        let wanted = Wanted::of_object(Method::PUT, name).body(bytes);
        let wanted = headers.iter().fold(wanted, |wanted, (name, value)| wanted.header(name, value));
        let asked = self.attempt(&wanted.clone().header("if-none-match", "*")).await?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.is_unconditional(&asked) {
            self.refuse_existing(name).await?;
            return self.ask(&wanted).await.map(drop);
        }
        self.settled(name, asked, length).await.map(drop)
    }

    /// Whether the service does not know conditions on what is put.
    fn is_unconditional(&self, asked: &Asked) -> bool {
        matches!(&asked.answer, Err(CallError::Service(refused)) if refused.status == 501 || refused.code == "NotImplemented")
    }

    async fn refuse_existing(&self, name: &str) -> Result<(), PlaceError> {
        match self.length(name).await? {
            Some(_) => Err(PlaceError::Exists(name.to_owned())),
            None => Ok(()),
        }
    }

    /// What came of putting an object under the condition that there is none. That there is one may be this call's own
    /// doing, when an attempt before had no answer.
    async fn settled(&self, name: &str, asked: Asked, length: u64) -> Result<Option<String>, PlaceError> {
        match asked.answer {
            Ok(answer) => Ok(answer.text().ok().map(str::to_owned)),
            Err(CallError::Service(refused)) if matches!(refused.status, 409 | 412) => {
                if asked.repeated && self.length(name).await? == Some(length) {
                    return Ok(None);
                }
                Err(PlaceError::Exists(name.to_owned()))
            }
            Err(error) => Err(self.fault(Some(name), &error)),
        }
    }

    async fn put_parts(&self, name: &str, bytes: u64, parts: Parts<'_>) -> Result<(), PlaceError> {
        self.refuse_existing(name).await?;
        let answer = self.ask(&Wanted::of_object(Method::POST, name).with("uploads", "")).await?;
        let upload = answer.element("UploadId").map_err(|error| PlaceError::Unavailable(error.to_string()))?;
        let done = self.put_parts_of(name, &upload, bytes, parts).await;
        if done.is_err() {
            // One that stays goes by the bucket's own rule for uploads that were never finished.
            let _ = self.ask(&Wanted::of_object(Method::DELETE, name).with("uploadId", &upload)).await;
        }
        done
    }

    async fn put_parts_of(&self, name: &str, upload: &str, bytes: u64, mut parts: Parts<'_>) -> Result<(), PlaceError> {
        let part_bytes = self.part_bytes.max(bytes.div_ceil(PARTS_MAX));
        let mut list = "<CompleteMultipartUpload>".to_owned();
        let mut number = 0;
        while parts.left > 0 {
            number += 1;
            let part = parts.next(part_bytes.min(parts.left)).await?;
            let wanted = Wanted::of_object(Method::PUT, name)
                .with("partNumber", &number.to_string())
                .with("uploadId", upload)
                .body(&part);
            let answer = self.ask(&wanted).await?;
            let tag = answer.headers.get(http::header::ETAG).and_then(|tag| tag.to_str().ok());
            let tag = tag
                .filter(|tag| !tag.contains(['<', '&']))
                .ok_or_else(|| PlaceError::Unavailable(format!("{name}: a part was taken without an entity tag")))?;
            list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        list += "</CompleteMultipartUpload>";
        let wanted = Wanted::of_object(Method::POST, name).with("uploadId", upload).body(list.as_bytes());
        let mut asked = self.attempt(&wanted.clone().header("if-none-match", "*")).await?;
        if self.is_unconditional(&asked) {
            asked = self.attempt(&wanted).await?;
        }
        // An upload that is gone after a repeated call was completed by the call before.
        if asked.repeated
            && matches!(&asked.answer, Err(CallError::Service(refused)) if refused.status == 404)
            && self.length(name).await? == Some(bytes)
        {
            return Ok(());
        }
        let text = self.settled(name, asked, bytes).await?;
        // The head of the answer may have been sent before it was known how it ends.
        match text.filter(|text| text.contains("<Error>")) {
            Some(text) => {
                let code = element(&text, "Code").unwrap_or_default();
                Err(PlaceError::Unavailable(format!("{name}: the upload was not completed: {code}")))
            }
            None => Ok(()),
        }
    }
}

/// A file that is read part by part.
struct Parts<'a> {
    file: Option<File>,
    path: &'a Path,
    left: u64,
}

impl Parts<'_> {
    async fn next(&mut self, bytes: u64) -> Result<Vec<u8>, PlaceError> {
        let Some(mut file) = self.file.take() else {
            return Err(PlaceError::Unavailable(format!("{}: cannot be read further", self.path.display())));
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut part = vec![0; usize::try_from(bytes).map_err(|_| std::io::ErrorKind::InvalidInput)?];
            file.read_exact(&mut part).map(|()| (part, file))
        });
        let read = read.await.map_err(|error| PlaceError::Unavailable(error.to_string()))?;
        let (part, file) = read.map_err(|error| here(self.path, &error))?;
        self.file = Some(file);
        self.left = self.left.saturating_sub(bytes);
        Ok(part)
    }
}

fn here(path: &Path, error: &std::io::Error) -> PlaceError {
    PlaceError::Unavailable(format!("{}: {error}", path.display()))
}
