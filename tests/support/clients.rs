//! Clients that are not ours: Node's `ws`, Python's `websockets`, and the WebSocket of a browser, as
//! they are under `tests/clients/`.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::env;
use std::ffi::OsStr;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use specwire::{Json, Uuid};

use super::{Program, Server};

/// The envelope's subprotocol.
pub(crate) const ENVELOPE: &str = "specwire.v1.json";

/// Programs that others wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    Node,
    Python,
    Browser,
}

impl Client {
    /// Runs a test if the client's tools are installed.
    pub(crate) fn run(self, test: impl FnOnce(Self)) {
        let Err(install) = self.is_installed() else {
            return test(self);
        };
        let missing = format!("{self:?} has not all it needs; install with: {install}");
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        // Not `eprintln!`, which is not shown where a test passes.
        writeln!(stderr(), "skipped: {missing}").expect("standard error is open");
    }

    /// Or else how to install what is missing.
    fn is_installed(self) -> Result<(), &'static str> {
        let (installed, install) = match self {
            Self::Node => (
                runs("node", &["--version"]) && folder().join("node_modules/ws").exists(),
                "apt-get install nodejs npm && npm ci --prefix tests/clients",
            ),
            Self::Python => (
                runs(python(), &["-c", "import websockets"]),
                "python3 -m venv tests/clients/.venv && \
                 tests/clients/.venv/bin/pip install -r tests/clients/requirements.txt",
            ),
            Self::Browser => (
                runs("node", &["--version"])
                    && folder().join("node_modules/playwright-core").exists()
                    && runs(chromium(), &["--version"]),
                "apt-get install chromium nodejs npm && npm ci --prefix tests/clients",
            ),
        };
        if installed { Ok(()) } else { Err(install) }
    }

    /// Subscribes to the heartbeat.
    pub(crate) fn beats(self, server: &Server, subscription: Uuid, reply_to: &str) -> Program {
        let arguments = [server.url(), subscription.to_string(), reply_to.to_owned()];
        self.program("beats", self.page(server).into_iter().chain(arguments))
    }

    /// Sends and receives what the test wants; in a browser, from a page of `home`.
    pub(crate) fn talk(self, home: &Server, url: &str, subprotocols: &[&str]) -> Program {
        let arguments = [url].into_iter().chain(subprotocols.iter().copied());
        self.program(
            "talk",
            self.page(home)
                .into_iter()
                .chain(arguments.map(str::to_owned)),
        )
    }

    /// The same over a connection for envelopes, once the server has acknowledged the `init`.
    pub(crate) fn talk_envelopes(self, server: &Server) -> Program {
        let mut talk = self.talk(server, &server.url(), &[ENVELOPE]);
        assert_eq!(
            talk.line(),
            format!(r#"open protocol="{ENVELOPE}" extensions="""#)
        );
        talk.write(r#"{"op":"init","id":0}"#);
        let ack = json(&talk.line());
        assert_eq!((&ack["op"], &ack["id"]), (&"ack".into(), &0.into()));
        let connection = ack["payload"]["connection"].as_str().map(Uuid::parse_str);
        assert!(matches!(connection, Some(Ok(_))), "{ack}");
        talk
    }

    fn page(self, server: &Server) -> Option<String> {
        matches!(self, Self::Browser).then(|| format!("http://{}/", server.address))
    }

    pub(crate) fn program(
        self,
        script: &str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Program {
        let (interpreter, script) = match self {
            Self::Node => (PathBuf::from("node"), format!("node/{script}.mjs")),
            Self::Python => (python(), format!("python/{script}.py")),
            Self::Browser => (PathBuf::from("node"), format!("browser/{script}.mjs")),
        };
        Program::start(
            Command::new(interpreter)
                .arg(folder().join(script))
                .args(arguments)
                .env("CHROMIUM", chromium()),
        )
    }
}

/// A line that is JSON.
pub(crate) fn json(text: &str) -> Json {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is not JSON: {error}"))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
}

/// The one that the tests' packages are installed for, or else the system's.
pub(crate) fn python() -> PathBuf {
    let installed = folder().join(".venv/bin/python");
    if installed.exists() {
        installed
    } else {
        PathBuf::from("python3")
    }
}

/// Debian's, unless the environment names another.
fn chromium() -> PathBuf {
    env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}

fn runs(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
