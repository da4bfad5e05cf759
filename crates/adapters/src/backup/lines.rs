//! Lines of text that somebody else makes or takes, sealed as archives are. Both ways block.

use std::io::{self, BufRead as _, BufReader, Cursor, Read, Write};

use tokio::sync::mpsc;

use super::{BackupError, Identity, Made, Recipient, archive};

/// The bytes of lines as they come.
struct Incoming {
    lines: mpsc::Receiver<String>,
    line: Cursor<Vec<u8>>,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.line.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut next) = self.lines.blocking_recv() else {
                return Ok(0);
            };
            next.push('\n');
            self.line = Cursor::new(next.into_bytes());
        }
    }
}

/// Compresses and encrypts lines until there are no more. Nothing but ciphertext gets to `out`.
pub fn seal_lines(
    lines: mpsc::Receiver<String>,
    recipients: &[Recipient],
    out: &mut dyn Write,
) -> Result<Made, BackupError> {
    let line = Cursor::default();
    archive::seal(Incoming { lines, line }, recipients, out)
}

/// Gives the lines of a sealed file to whoever takes them, until they take no more.
pub fn open_lines(
    sealed: impl Read,
    identity: &Identity,
    lines: &mpsc::Sender<String>,
) -> Result<(), BackupError> {
    let mut plain = BufReader::new(archive::open(sealed, identity)?);
    loop {
        let mut line = String::new();
        if plain.read_line(&mut line)? == 0 || lines.blocking_send(line).is_err() {
            return Ok(());
        }
    }
}
