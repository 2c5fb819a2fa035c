//! The files that a document refers to, and those that they refer to: each read once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use super::location::{Located, join_url, locate, normal};
use super::yaml::{self, Event};
use super::{File, Id, Kind, LONGEST, Meaning, Node, Size, Source, Tree};
use crate::diagnostic::{Code, Diagnostic, Errors, Place, Text, quote};
use crate::options::Options;

/// How many values a document may have, aliases followed.
const MOST: usize = 130_000;

/// How many values all other files may have together.
const MOST_BESIDE: usize = 200_000;

/// How many files may be read.
const MOST_FILES: usize = 1000;

/// How many bytes all other files may have together.
const LONGEST_TOGETHER: usize = 4 * LONGEST;

/// How much of a URL is shown for a build script to copy.
const LONGEST_SHOWN: usize = 200;

/// Endings of files that hold neither YAML nor JSON.
const FOREIGN: &[&str] = &[
    "avdl", "capnp", "fbs", "gql", "graphql", "graphqls", "proto", "raml", "thrift", "wsdl", "xsd",
];

/// Where files are read from. Paths have `/` between their parts.
pub(crate) trait Files {
    /// The contents of a file: at most a few bytes more than may be read.
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;

    /// What else is in a folder, as far as that is known: for suggestions.
    fn names(&mut self, folder: &str) -> Vec<String>;
}

/// The file is one of Avro: JSON in which there is no schema of AsyncAPI's.
pub(crate) fn is_avro(location: &str) -> bool {
    let ending = location.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("avsc"))
}

/// Reads as much of a file as is needed to see that it is too long.
pub(crate) fn read_bytes(file: impl Read) -> io::Result<Vec<u8>> {
    let most = u64::try_from(LONGEST_TOGETHER).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What references to other files lead to.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// By the file that has the reference, and the part of it before the `#`.
    links: HashMap<(usize, String), Link>,
    /// What has a URL of its own.
    ids: HashMap<String, Id>,
    /// Schemas with a name that references may use in place of a pointer.
    anchors: HashMap<(usize, String), Id>,
}

#[derive(Clone, Debug)]
enum Link {
    File(usize),
    /// It was read, and is of no use: what is wrong with it.
    Unusable(Rc<RefCell<Errors>>),
    Foreign,
    Broken(Broken),
}

/// A reference that leads to no file, and why.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    code: Code,
    message: String,
    help: Option<String>,
    /// It may well be somewhere that is not looked at.
    is_elsewhere: bool,
}

impl Broken {
    /// What is wrong, at the place of the reference.
    pub(crate) fn error(&self, place: Place) -> Diagnostic {
        self.with_help(Diagnostic::error(self.code, place, self.message.as_str()))
    }

    /// The same where nothing would be read of what is referred to.
    pub(crate) fn unread(&self, place: Place) -> Diagnostic {
        if !self.is_elsewhere {
            return self.error(place);
        }
        self.with_help(Diagnostic::warning(self.code, place, self.message.as_str()))
    }

    fn with_help(&self, diagnostic: Diagnostic) -> Diagnostic {
        match &self.help {
            Some(help) => diagnostic.with_help(help.as_str()),
            None => diagnostic,
        }
    }
}

/// What the part of a reference before its `#` leads to.
#[derive(Debug)]
pub(crate) enum Target<'s> {
    /// That which pointers begin at.
    Node(Node<'s>),
    /// A file in a language that is not read.
    Foreign,
    /// A file that cannot be used, for the mistakes that are in it.
    Unusable,
    Broken(&'s Broken),
}

impl Source {
    /// Reads a document and all that it refers to. Without anything to return, there is an error to
    /// see; with something, there may be errors too.
    pub(crate) fn read<'r>(
        path: &str,
        text: &str,
        files: Option<&'r mut (dyn Files + 'r)>,
        options: &'r Options,
        errors: &mut Errors,
    ) -> Option<Self> {
        if text.len() > LONGEST {
            let message = format!("found {} bytes, expected at most {LONGEST}", text.len());
            errors.push(Diagnostic::error(Code::TooLong, Place::file(path), message));
            return None;
        }
        let tree = Tree::parse(0, path, text, &mut Size::new(MOST), errors)?;
        let path = normal(&super::slashed(path.as_ref()));
        let file = File {
            path: path.clone(),
            url: None,
            tree,
            errors: RefCell::default(),
        };
        let mut reader = Reader {
            files,
            options,
            source: Self {
                files: vec![file],
                links: Links::default(),
            },
            known: HashMap::from([(path, Link::File(0))]),
            bytes: 0,
            size: Size::new(MOST_BESIDE),
        };
        reader.all();
        Some(reader.source)
    }

    /// What `location`, the part before the `#` of a reference of `from`, leads to.
    pub(crate) fn target(&self, from: Node<'_>, location: &str) -> Target<'_> {
        match self.link(from, location) {
            Some(Link::File(file)) => Target::Node(self.root_of(*file)),
            Some(Link::Foreign) => Target::Foreign,
            Some(Link::Broken(broken)) => match self.by_id(from, location) {
                Some(node) => Target::Node(node),
                None => Target::Broken(broken),
            },
            Some(Link::Unusable(_)) | None => Target::Unusable,
        }
    }

    /// Reports what is wrong with the file that `location` leads to, now that something in it is
    /// used.
    pub(crate) fn tell(&self, from: Node<'_>, location: &str, errors: &mut Errors) {
        match self.link(from, location) {
            Some(Link::File(file)) => errors.absorb(self.file(*file).errors.take()),
            Some(Link::Unusable(mistakes)) => errors.absorb(mistakes.take()),
            Some(Link::Foreign | Link::Broken(_)) | None => {}
        }
    }

    fn link(&self, from: Node<'_>, location: &str) -> Option<&Link> {
        self.links.links.get(&(from.id.file, location.to_owned()))
    }

    /// The schema whose own URL this is.
    fn by_id(&self, from: Node<'_>, location: &str) -> Option<Node<'_>> {
        let ids = &self.links.ids;
        let within = std::iter::successors(Some(from), |node| node.parent());
        let bases = within.filter_map(|node| node.get("$id")?.text());
        let joined = bases.filter_map(|base| join_url(base, location));
        let id = joined
            .filter_map(|url| ids.get(&url))
            .next()
            .or_else(|| ids.get(location))?;
        Some(self.node(*id))
    }

    /// The schema of this name (`$anchor`) in the file of `root`.
    pub(crate) fn anchor(&self, root: Node<'_>, name: &str) -> Option<Node<'_>> {
        let id = self.links.anchors.get(&(root.id.file, name.to_owned()))?;
        Some(self.node(*id))
    }
}

/// Follows references from file to file.
struct Reader<'r> {
    files: Option<&'r mut (dyn Files + 'r)>,
    options: &'r Options,
    source: Source,
    /// What each path leads to.
    known: HashMap<String, Link>,
    bytes: usize,
    size: Size,
}

impl Reader<'_> {
    fn all(&mut self) {
        // Reading adds further files, which are looked at in their turn.
        let mut at = 0_usize;
        while at < self.source.files.len() {
            for location in self.locations(at) {
                let link = self.link(at, &location);
                self.source.links.links.insert((at, location), link);
            }
            at = at.saturating_add(1);
        }
    }

    /// Where the references of a file lead, each once; notes what others can refer to by name.
    fn locations(&mut self, at: usize) -> Vec<String> {
        let Source { files, links } = &mut self.source;
        let Some(File { tree, .. }) = files.get(at) else {
            return Vec::new();
        };
        let text = |id: &Id| match &tree.data(*id).kind {
            Kind::Scalar(Meaning::String, text) => Some(text.as_str()),
            _ => None,
        };
        let mut locations: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (index, data) in tree.nodes.iter().enumerate() {
            let Kind::Mapping(mapping) = &data.kind else {
                continue;
            };
            let id = Id { file: at, index };
            let member = |key: &str| {
                let member = mapping.get(key)?;
                text(&member.node)
            };
            if let Some(reference) = member("$ref") {
                let location = reference.split('#').next().unwrap_or_default();
                if !location.is_empty() && seen.insert(location) {
                    locations.push(location.to_owned());
                }
            }
            if let Some(own) = member("$id") {
                match own.strip_prefix('#') {
                    // In the drafts before 2019-09.
                    Some(anchor) => links.anchors.entry((at, anchor.to_owned())).or_insert(id),
                    None => {
                        let url = own.trim_end_matches('#').to_owned();
                        links.ids.entry(url).or_insert(id)
                    }
                };
            }
            if let Some(anchor) = member("$anchor") {
                let anchor = (at, anchor.to_owned());
                links.anchors.entry(anchor).or_insert(id);
            }
        }
        locations
    }

    fn link(&mut self, from: usize, location: &str) -> Link {
        let file = self.source.file(from);
        let located = locate(
            &file.path,
            file.url.as_deref(),
            location,
            &self.options.urls,
        );
        let ending = location.rsplit_once('.').map(|(_, ending)| ending);
        let ending = ending.unwrap_or_default().to_lowercase();
        match located {
            Located::Refused { message, help } if location.starts_with('/') => {
                broken(Code::OtherDocument, message, Some(help.to_owned()))
            }
            Located::Refused { message, help } => elsewhere(message, help.to_owned()),
            _ if FOREIGN.contains(&ending.as_str()) => Link::Foreign,
            Located::Unmapped(url) => {
                let message = format!("{} is not fetched", quote(&url));
                let url: String = url.chars().take(LONGEST_SHOWN).collect();
                let help = format!(
                    "say which file it is in the build script: `Config::map_url({url:?}, \"path\")`"
                );
                elsewhere(message, help)
            }
            Located::File { path, url } => match self.file(path, url) {
                // Whoever has the schema's registry may have no need of the file.
                Link::Broken(broken) if is_avro(location) => Link::Broken(Broken {
                    is_elsewhere: true,
                    ..broken
                }),
                link => link,
            },
        }
    }

    fn file(&mut self, path: String, url: Option<String>) -> Link {
        if let Some(known) = self.known.get(&path) {
            return known.clone();
        }
        let link = self.read(&path, url);
        self.known.insert(path, link.clone());
        link
    }

    fn read(&mut self, path: &str, url: Option<String>) -> Link {
        let too_much = |message: String| broken(Code::TooLarge, message, None);
        if self.source.files.len() >= MOST_FILES {
            return too_much(format!(
                "found more than {MOST_FILES} files, expected fewer"
            ));
        }
        let Some(files) = &mut self.files else {
            let message = format!("found a reference to another file, {}", quote(path));
            let help = "files are read by `compile` and by `Config::generate_with`".to_owned();
            return elsewhere(message, help);
        };
        let bytes = match files.read(path) {
            Ok(bytes) => bytes,
            Err(error) => return unread(path, &error, *files),
        };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > LONGEST_TOGETHER {
            return too_much(format!(
                "found more than {LONGEST_TOGETHER} bytes in all files, expected fewer"
            ));
        }
        let order = self.source.files.len();
        let mut errors = Errors::default();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                errors.push(not_utf8(order, path, &error));
                return Link::Unusable(Rc::new(RefCell::new(errors)));
            }
        };
        let Some(tree) = Tree::parse(order, path, &text, &mut self.size, &mut errors) else {
            return Link::Unusable(Rc::new(RefCell::new(errors)));
        };
        self.source.files.push(File {
            path: path.to_owned(),
            url,
            tree,
            errors: RefCell::new(errors),
        });
        Link::File(order)
    }
}

fn broken(code: Code, message: String, help: Option<String>) -> Link {
    Link::Broken(Broken {
        code,
        message,
        help,
        is_elsewhere: false,
    })
}

/// The same of what another reader may find.
fn elsewhere(message: String, help: String) -> Link {
    Link::Broken(Broken {
        code: Code::OtherDocument,
        message,
        help: Some(help),
        is_elsewhere: true,
    })
}

/// The file cannot be read: which was probably meant.
fn unread(path: &str, error: &io::Error, files: &mut dyn Files) -> Link {
    if error.kind() != io::ErrorKind::NotFound {
        let message = format!("{} cannot be read: {error}", quote(path));
        return broken(Code::Unreadable, message, None);
    }
    let message = format!("the file {} does not exist", quote(path));
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let names = files.names(folder);
    let meant = Errors::default().nearest(name, names.iter().map(String::as_str));
    let help = meant.map(|meant| match folder {
        "" => format!("did you mean {}?", quote(meant)),
        folder => format!("did you mean {}?", quote(&format!("{folder}/{meant}"))),
    });
    broken(Code::MissingFile, message, help)
}

/// Points at the first byte that is wrong.
pub(crate) fn not_utf8(order: usize, path: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let text = String::from_utf8_lossy(error.as_bytes());
    let at = error.utf8_error().valid_up_to();
    let place = Place::new(&Text::numbered(order, path, &text), at..at, String::new());
    Diagnostic::error(Code::NotUtf8, place, "the file is not in UTF-8")
        .with_help("save it in UTF-8")
}

/// The text is a document of its own, and not a part of others: it says what it is, or cannot be read
/// far enough to know.
pub(crate) fn is_document(text: &str) -> bool {
    let text = Text::new("", text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut depth = 0_usize;
    let mut is_key = false;
    for event in yaml::events(&text, text.as_str(), super::tree::DEEPEST, "") {
        match event {
            Err(_) => return true,
            Ok((Event::Mapping { .. } | Event::Sequence { .. }, _)) => {
                depth = depth.saturating_add(1);
                is_key = depth == 1;
            }
            Ok((Event::End, _)) => {
                depth = depth.saturating_sub(1);
                is_key = depth == 1;
            }
            Ok((Event::Scalar { text, .. }, _)) if depth == 1 => {
                if is_key && text == "asyncapi" {
                    return true;
                }
                is_key = !is_key;
            }
            Ok((Event::Alias { .. }, _)) if depth == 1 => is_key = true,
            Ok(_) => {}
        }
    }
    false
}
