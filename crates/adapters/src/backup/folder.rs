//! A folder of this machine, or of whatever is mounted there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{Draft, Shelf};

/// Ending of files that are not whole.
const PART: &str = "part";

/// See the module.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

/// Removes its part unless it was finished.
struct Begun {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    folder: PathBuf,
    finished: bool,
}

impl Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Draft for Begun {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        // A name is given once: a link fails where another file has it, a rename would take its place.
        fs::hard_link(&self.part, &self.whole)?;
        File::open(&self.folder)?.sync_all()?;
        self.finished = true;
        fs::remove_file(&self.part)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.finished {
            // What stays has the ending of a part, and the next start writes over it.
            let _ = fs::remove_file(&self.part);
        }
    }
}

impl Shelf for Folder {
    fn begin(&self, name: &str) -> io::Result<Box<dyn Draft>> {
        fs::create_dir_all(&self.0)?;
        let whole = self.0.join(name);
        if whole.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let part = self.0.join(format!("{name}.{PART}"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        Ok(Box::new(Begun {
            file,
            part,
            whole,
            folder: self.0.clone(),
            finished: false,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.0.join(name))?))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if let Some(name) = name.to_str()
                && Path::new(name).extension().is_none_or(|ending| ending != PART)
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sweep(&self, name: &str) -> io::Result<()> {
        if !self.0.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let is_part = path.extension().is_some_and(|ending| ending == PART);
            if is_part && path.file_name().is_some_and(|part| part < name) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
