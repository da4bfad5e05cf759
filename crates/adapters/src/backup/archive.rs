//! The archive's way out and back: dump → zstd → age, and the other way round.

use std::{
    fmt,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write},
    iter,
};

use aws_lc_rs::digest::{Context, SHA256};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{BackupError, Identity, Programs, Recipient};

/// zstd's own default: what is gained beyond costs more time than it saves.
const LEVEL: i32 = 3;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Of the encrypted file.
    pub size_bytes: u64,
    /// Of the encrypted file, lower-case hex.
    pub sha256: String,
    /// Of the dump before it was compressed.
    pub dump_bytes: u64,
}

/// Counts and hashes what passes.
struct Measured<T> {
    inner: T,
    bytes: u64,
    digest: Context,
}

impl<T> Measured<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            bytes: 0,
            digest: Context::new(&SHA256),
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }

    fn sha256(self) -> String {
        hex::encode(self.digest.finish())
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.pass(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Dumps the database of `url` as `snapshot` shows it into `out`. Nothing but ciphertext gets there.
pub fn dump(
    programs: &Programs,
    url: &SecretString,
    snapshot: &str,
    recipients: &[Recipient],
    out: &mut dyn Write,
) -> Result<Made, BackupError> {
    let snapshot = format!("--snapshot={snapshot}");
    let arguments = [
        "--format=custom",
        "--compress=0",
        "--no-password",
        // Budgets of a minute ago: empty is full.
        "--no-unlogged-table-data",
        &snapshot,
    ];
    let mut run = programs.run("pg_dump", &arguments, Some(url))?;
    let output = run.output().ok_or(BackupError::Url)?;
    let made = seal(output, recipients, out)?;
    // A dump that broke off ends like one that is whole: only its exit status says so.
    run.end()?;
    Ok(made)
}

/// Compresses and encrypts.
pub(super) fn seal(
    mut plain: impl Read,
    recipients: &[Recipient],
    out: &mut dyn Write,
) -> Result<Made, BackupError> {
    let recipients = recipients
        .iter()
        .map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = match age::Encryptor::with_recipients(recipients) {
        Err(age::EncryptError::MissingRecipients) => return Err(BackupError::NoRecipient),
        other => other.map_err(BackupError::Encrypt)?,
    };
    let sealed = encryptor.wrap_output(Measured::new(out))?;
    let mut compressed = zstd::Encoder::new(sealed, LEVEL)?;
    let dump_bytes = io::copy(&mut plain, &mut compressed)?;
    let mut measured = compressed.finish()?.finish()?;
    measured.flush()?;
    Ok(Made {
        size_bytes: measured.bytes,
        sha256: measured.sha256(),
        dump_bytes,
    })
}

/// Decrypts and decompresses what [`seal`] has written.
pub(super) fn open<R: Read>(sealed: R, identity: &Identity) -> Result<impl Read + use<R>, BackupError> {
    let opened = age::Decryptor::new_buffered(BufReader::new(sealed))
        .and_then(|decryptor| decryptor.decrypt(iter::once(identity as &dyn age::Identity)))
        .map_err(BackupError::Decrypt)?;
    Ok(zstd::Decoder::new(opened)?)
}

/// An archive on this machine, still encrypted, that is the one of its manifest.
#[derive(Debug)]
pub struct Archive {
    file: NamedTempFile,
    made: Made,
}

/// That every byte of it was decrypted and decompressed. Only this is restored.
pub struct Proved<'a> {
    archive: &'a Archive,
    identity: &'a Identity,
}

impl fmt::Debug for Proved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proved")
            .field("archive", self.archive)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Takes a copy, and compares it with what was made.
    pub fn fetch(from: impl Read, made: &Made) -> Result<Self, BackupError> {
        let mut copy = Measured::new(NamedTempFile::new()?);
        // One byte more than there should be is enough to know.
        io::copy(&mut from.take(made.size_bytes + 1), &mut copy)?;
        copy.flush()?;
        if copy.bytes != made.size_bytes {
            return Err(BackupError::Tampered { what: "its size" });
        }
        let Measured {
            inner: file, digest, ..
        } = copy;
        if hex::encode(digest.finish()) != made.sha256 {
            return Err(BackupError::Tampered { what: "its hash" });
        }
        Ok(Self {
            file,
            made: made.clone(),
        })
    }

    /// Decrypts and decompresses everything, to nowhere.
    pub fn prove<'a>(&'a self, identity: &'a Identity) -> Result<Proved<'a>, BackupError> {
        let mut plain = self.plain(identity)?;
        if io::copy(&mut plain, &mut io::sink())? != self.made.dump_bytes {
            return Err(BackupError::Tampered {
                what: "the size of its dump",
            });
        }
        Ok(Proved {
            archive: self,
            identity,
        })
    }

    fn plain(&self, identity: &Identity) -> Result<impl Read + use<>, BackupError> {
        let mut file = self.file.reopen()?;
        file.seek(SeekFrom::Start(0))?;
        open(file, identity)
    }
}

impl Proved<'_> {
    /// Restores it into an empty database, all or nothing. Extensions are the server's and stay as they are.
    pub fn restore(&self, programs: &Programs, owner_url: &SecretString) -> Result<(), BackupError> {
        let mut list = NamedTempFile::new()?;
        for line in self.contents(programs)?.lines().filter(|line| is_ours(line)) {
            writeln!(list, "{line}")?;
        }
        list.flush()?;
        let list = format!("--use-list={}", list.path().display());
        let arguments = [
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            "--no-password",
            &list,
        ];
        let mut run = programs.run("pg_restore", &arguments, Some(owner_url))?;
        let fed = self.feed(&mut run);
        // What the program says is nearer to the cause than a pipe that it has closed.
        run.end()?;
        fed
    }

    /// The archive's table of contents.
    fn contents(&self, programs: &Programs) -> Result<String, BackupError> {
        let mut run = programs.run("pg_restore", &["--list"], None)?;
        let output = run.output();
        // It stops reading where the list is complete, and writes the list: both at once, or both wait for ever.
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            let read = output.map_or(Ok(0), |mut output| output.read_to_string(&mut text));
            read.map(|_| text)
        });
        let fed = self.feed(&mut run);
        let text = reading
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        run.end()?;
        fed?;
        Ok(text?)
    }

    /// Gives a program the dump to read, until it has had enough.
    fn feed(&self, run: &mut super::Run) -> Result<(), BackupError> {
        let mut plain = self.archive.plain(self.identity)?;
        let Some(mut input) = run.input() else {
            return Ok(());
        };
        match io::copy(&mut plain, &mut input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Extensions and their tables belong to the server's superuser.
fn is_ours(line: &str) -> bool {
    !line.contains(" EXTENSION ")
        && !line.contains(" spatial_ref_sys ")
        && !line.contains(" SCHEMA - public ")
}
