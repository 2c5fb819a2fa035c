//! Which modules a folder of documents was compiled into, so that the module of a document that is
//! gone goes as well.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// One line for each module: its name, and the path that its document was found under.
const FILE: &str = "specwire.modules";

/// Notes that `path` is compiled into `modules`, and returns those that it was compiled into before
/// and that nothing is compiled into any more.
pub(super) fn replace(
    out_dir: &Path,
    path: &Path,
    modules: &BTreeSet<String>,
) -> io::Result<Vec<String>> {
    let file = file(out_dir);
    // A record that cannot be read is one that is not there yet.
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let path = path.display().to_string();
    let lines = || before.lines().filter_map(|line| line.split_once('\t'));
    let others: Vec<_> = lines().filter(|(_, other)| *other != path).collect();
    let stale = lines()
        .filter(|(module, owner)| *owner == path && !modules.contains(*module))
        .filter(|(module, _)| others.iter().all(|(other, _)| other != module))
        .map(|(module, _)| module.to_owned())
        .collect();

    let own = modules
        .iter()
        .map(|module| (module.as_str(), path.as_str()));
    let after: String = others
        .into_iter()
        .chain(own)
        .map(|(module, path)| format!("{module}\t{path}\n"))
        .collect();
    if after != before {
        std::fs::write(&file, after)?;
    }
    Ok(stale)
}

pub(super) fn file(out_dir: &Path) -> PathBuf {
    out_dir.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace_in(out_dir: &Path, path: &str, modules: &[&str]) -> Vec<String> {
        let modules = modules.iter().map(ToString::to_string).collect();
        replace(out_dir, Path::new(path), &modules).expect("the folder can be written to")
    }

    #[test]
    fn a_module_is_stale_when_nothing_is_compiled_into_it_any_more() {
        let out_dir = std::env::temp_dir().join(format!("specwire-record-{}", std::process::id()));
        std::fs::create_dir_all(&out_dir).expect("a folder for tests");
        let nothing: [&str; 0] = [];
        assert_eq!(replace_in(&out_dir, "yaml", &["clock", "room"]), nothing);
        assert_eq!(replace_in(&out_dir, "yaml", &["clock", "room"]), nothing);
        assert_eq!(replace_in(&out_dir, "more", &["lamp"]), nothing);
        assert_eq!(replace_in(&out_dir, "yaml", &["clock"]), ["room"]);
        assert_eq!(replace_in(&out_dir, "yaml", &["clock"]), nothing);
        // The document was moved from one folder to the other, which was compiled first.
        assert_eq!(replace_in(&out_dir, "more", &["clock", "lamp"]), nothing);
        assert_eq!(replace_in(&out_dir, "yaml", &[]), nothing);
        assert_eq!(replace_in(&out_dir, "more", &[]), ["clock", "lamp"]);
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&out_dir);
    }
}
