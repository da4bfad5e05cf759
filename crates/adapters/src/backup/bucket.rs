//! A bucket of an S3 service (AWS Signature Version 4), reached through the egress guard.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use reqwest::{
    Method,
    header::{ETAG, HeaderValue, RANGE},
};
use rusty_s3::{
    Bucket as Target, Credentials, S3Action, UrlStyle,
    actions::{
        CompleteMultipartUpload, CompleteMultipartUploadResponse, CreateMultipartUpload, ListObjectsV2,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use url::Url;

use super::{Draft, Shelf};
use crate::egress::{Egress, HttpLimits, Reply};

/// Size of a part: at least 5 MiB but for the last (S3's rule), at most 10,000 parts make 80 GiB.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How long a signature is good.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// Where and as whom.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    pub endpoint: Url,
    pub region: String,
    pub bucket: String,
    /// Put before every name, such as `simpul/`.
    pub prefix: String,
    /// `endpoint/bucket` instead of `bucket.endpoint`.
    pub path_style: bool,
    pub access_key: String,
    pub secret_key: SecretString,
}

/// See the module. Made on a runtime, used on blocking threads.
#[derive(Clone)]
pub struct Bucket {
    target: Target,
    credentials: Credentials,
    prefix: String,
    egress: Egress,
    runtime: Handle,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("target", &self.target)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

impl Bucket {
    /// Limits of requests that carry parts: [`Egress::with`].
    pub fn limits() -> HttpLimits {
        HttpLimits {
            total: Duration::from_mins(5),
            answer_bytes: PART_BYTES + 64 * 1024,
            ..HttpLimits::default()
        }
    }

    pub fn new(settings: BucketSettings, egress: Egress, runtime: Handle) -> io::Result<Self> {
        let style = if settings.path_style {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let target =
            Target::new(settings.endpoint, style, settings.bucket, settings.region).map_err(failed)?;
        Ok(Self {
            target,
            credentials: Credentials::new(settings.access_key, settings.secret_key.expose_secret()),
            prefix: settings.prefix,
            egress,
            runtime,
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<Vec<u8>>,
        range: Option<(u64, u64)>,
    ) -> io::Result<Reply> {
        let sending = async {
            let mut request = self.egress.http().request(method, url).map_err(failed)?;
            if let Some(body) = body {
                request = request.body(HeaderValue::from_static("application/octet-stream"), body);
            }
            if let Some((from, to)) = range {
                let range = HeaderValue::try_from(format!("bytes={from}-{to}")).map_err(failed)?;
                request = request.header(RANGE, range);
            }
            request.send().await.map_err(failed)
        };
        self.runtime.block_on(sending)
    }

    /// Any other status than success is an error that says which.
    fn done(&self, method: Method, url: Url, body: Option<Vec<u8>>) -> io::Result<Reply> {
        let reply = self.send(method, url, body, None)?;
        if reply.is_success() {
            return Ok(reply);
        }
        Err(io::Error::other(format!("the bucket answered {}", reply.status)))
    }
}

fn text(reply: &Reply) -> io::Result<&str> {
    std::str::from_utf8(&reply.body).map_err(failed)
}

/// Parts go up as they are full; the object appears when all are named.
struct Upload {
    bucket: Bucket,
    key: String,
    id: String,
    tags: Vec<String>,
    buffer: Vec<u8>,
    finished: bool,
}

impl Upload {
    fn part(&mut self) -> io::Result<()> {
        let number = u16::try_from(self.tags.len() + 1).map_err(failed)?;
        let bucket = &self.bucket;
        let action = bucket
            .target
            .upload_part(Some(&bucket.credentials), &self.key, number, &self.id);
        let body = std::mem::take(&mut self.buffer);
        let reply = bucket.done(Method::PUT, action.sign(GOOD_FOR), Some(body))?;
        let tag = reply.headers.get(ETAG);
        let tag = tag
            .and_then(|tag| tag.to_str().ok())
            .ok_or_else(|| io::Error::other("the bucket named no part"))?;
        self.tags.push(tag.to_owned());
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PART_BYTES {
            self.part()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Draft for Upload {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if !self.buffer.is_empty() || self.tags.is_empty() {
            self.part()?;
        }
        let bucket = &self.bucket;
        let tags = self.tags.iter().map(String::as_str);
        let action = CompleteMultipartUpload::new(
            &bucket.target,
            Some(&bucket.credentials),
            &self.key,
            &self.id,
            tags,
        );
        let url = action.sign(GOOD_FOR);
        let reply = bucket.done(Method::POST, url, Some(action.body().into_bytes()))?;
        // A failure may come with the status of a success.
        CompleteMultipartUploadResponse::parse(text(&reply)?).map_err(failed)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished {
            let bucket = &self.bucket;
            let action = bucket
                .target
                .abort_multipart_upload(Some(&bucket.credentials), &self.key, &self.id);
            // Best effort: parts of an upload that nobody completed are no object.
            let _ = bucket.send(Method::DELETE, action.sign(GOOD_FOR), None, None);
        }
    }
}

/// An object, read piece by piece.
struct Download {
    bucket: Bucket,
    key: String,
    at: u64,
    piece: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Download {
    /// Fetches the next piece, if there is one.
    fn fill(&mut self) -> io::Result<()> {
        let bucket = &self.bucket;
        let action = bucket.target.get_object(Some(&bucket.credentials), &self.key);
        let last = self.at + PART_BYTES as u64 - 1;
        let reply = bucket.send(Method::GET, action.sign(GOOD_FOR), None, Some((self.at, last)))?;
        match reply.status {
            // A server that knows no ranges sends everything at once.
            200 if self.at == 0 => self.ended = true,
            206 => self.ended = reply.body.len() < PART_BYTES,
            // Nothing lies behind the last byte.
            416 => {
                self.ended = true;
                return Ok(());
            }
            404 => return Err(io::ErrorKind::NotFound.into()),
            status => return Err(io::Error::other(format!("the bucket answered {status}"))),
        }
        self.at += reply.body.len() as u64;
        self.piece = io::Cursor::new(reply.body.to_vec());
        Ok(())
    }
}

impl Read for Download {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(into)?;
        if read > 0 || self.ended || into.is_empty() {
            return Ok(read);
        }
        self.fill()?;
        self.piece.read(into)
    }
}

impl Shelf for Bucket {
    fn begin(&self, name: &str) -> io::Result<Box<dyn Draft>> {
        let key = self.key(name);
        let action = self.target.create_multipart_upload(Some(&self.credentials), &key);
        let reply = self.done(Method::POST, action.sign(GOOD_FOR), None)?;
        let created = CreateMultipartUpload::parse_response(text(&reply)?).map_err(failed)?;
        Ok(Box::new(Upload {
            bucket: self.clone(),
            key,
            id: created.upload_id().to_owned(),
            tags: Vec::new(),
            buffer: Vec::new(),
            finished: false,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let mut download = Download {
            bucket: self.clone(),
            key: self.key(name),
            at: 0,
            piece: io::Cursor::default(),
            ended: false,
        };
        // What is not there is said now.
        download.fill()?;
        Ok(Box::new(download))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut action = self.target.list_objects_v2(Some(&self.credentials));
            action.with_prefix(self.prefix.as_str());
            if let Some(token) = &token {
                action.with_continuation_token(token.as_str());
            }
            let reply = self.done(Method::GET, action.sign(GOOD_FOR), None)?;
            let page = ListObjectsV2::parse_response(text(&reply)?).map_err(failed)?;
            names.extend(
                page.contents
                    .iter()
                    .filter_map(|object| object.key.strip_prefix(&self.prefix).map(str::to_owned)),
            );
            token = page.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Parts of uploads that nobody completed are no objects and have no names: the bucket's own lifecycle rule
    /// (`AbortIncompleteMultipartUpload`) removes them.
    fn sweep(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let key = self.key(name);
        let action = self.target.delete_object(Some(&self.credentials), &key);
        self.done(Method::DELETE, action.sign(GOOD_FOR), None).map(|_| ())
    }
}
