//! Where the files come from that documents refer to.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::source::{Files, normal, read_bytes};

/// What a function returns for each path.
pub(super) struct Given<F>(pub(super) F);

impl<F: FnMut(&str) -> io::Result<Vec<u8>>> Files for Given<F> {
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        (self.0)(path)
    }

    fn names(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// The files on disk; remembers which were looked for.
#[derive(Debug, Default)]
pub(super) struct Disk {
    asked: BTreeSet<String>,
    /// In the order in which they were read.
    new: Vec<String>,
}

impl Disk {
    /// The file was read on behalf of another.
    pub(super) fn has_read(&self, path: &str) -> bool {
        self.asked.contains(&normal(path))
    }

    /// What has been looked for since this was last asked, whether or not it was there.
    pub(super) fn newly_read(&mut self) -> Vec<String> {
        std::mem::take(&mut self.new)
    }
}

impl Files for Disk {
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        if self.asked.insert(path.to_owned()) {
            self.new.push(path.to_owned());
        }
        read(Path::new(path))
    }

    fn names(&mut self, folder: &str) -> Vec<String> {
        let folder = if folder.is_empty() { "." } else { folder };
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// Reads a file, and not what only looks like one: a pipe may never end.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    read_bytes(fs::File::open(path)?)
}
