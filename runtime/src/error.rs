//! What can go wrong for the program that embeds specwire.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::fault::Fault;
use crate::payload::Payload;

/// [`std::result::Result`] with this crate's [`Error`], unless another is given.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server could not serve, or a client could not connect.
///
/// What one peer does wrong is told to that peer as a [`Fault`] and logged; it never ends a server,
/// and so is not found here.
///
/// ```
/// # async fn start() {
/// if let Err(error @ specwire::Error::Bind { .. }) = specwire::bind("192.0.2.1:80").await {
///     assert_eq!(error.to_string(), "cannot listen on 192.0.2.1:80");
/// }
/// # }
/// ```
///
/// Its `Debug` output is its message and those of its sources, as it is what a `main` that returns
/// it shows.
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on: in use, not allowed, or not of this machine.
    Bind {
        /// The address as it was given.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Two documents of one name were given to one server.
    DuplicateDocument {
        /// The name that both have.
        document: &'static str,
    },
    /// A provider was given to a server that has another bus, or other histories, than the one that
    /// it was served or called with before: its subscribers would not hear what they should.
    AlreadyServed {
        /// The name of its document.
        document: &'static str,
        /// What is another: `bus` or `history`.
        what: &'static str,
    },
    /// A limit that nothing can keep within was given to a server.
    Limit {
        /// Which of [`Limits`](crate::Limits).
        name: &'static str,
    },
    /// The process was told to stop while it was stopping, and did not wait any longer.
    Interrupted,
    /// A document is to answer paths that nothing else does, and is not served.
    UnknownDocument {
        /// The name that was given.
        document: String,
    },
    /// The URL is not one that a client can connect to.
    Url {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header that a client was told to send cannot be sent.
    Header {
        /// Its name, as it was given.
        name: String,
        /// What is wrong with it. Its value is not shown: it may be a secret.
        reason: &'static str,
    },
    /// No TCP connection, or no WebSocket handshake over it.
    Connect {
        /// The URL as it was given.
        url: String,
        /// What failed underneath.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The server answered the handshake, but did not accept it.
    Refused {
        /// The URL as it was given.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said, shortened.
        reason: String,
        /// How long it asked to wait before another attempt (`Retry-After`), if it said so in seconds.
        retry_after: Option<Duration>,
    },
    /// The server did not answer the handshake in time.
    ConnectTimeout {
        /// The URL as it was given.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The service refused or failed a call, or the connection to it was lost.
    Fault(Fault),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, .. } => write!(f, "cannot listen on {address}"),
            Self::DuplicateDocument { document } => {
                write!(f, "the document `{document}` is served twice")
            }
            Self::AlreadyServed { document, what } => write!(
                f,
                "the provider of `{document}` was served or called before with another {what}, \
                 expected the same or a new provider"
            ),
            Self::Limit { name } => write!(f, "the limit `{name}` is zero, expected more"),
            Self::Interrupted => f.write_str("told to stop twice: what had not ended was aborted"),
            Self::UnknownDocument { document } => {
                write!(
                    f,
                    "the document `{document}` is not among those that are served"
                )
            }
            Self::Url { url, reason } => write!(f, "cannot connect to `{url}`: {reason}"),
            Self::Header { name, reason } => write!(f, "cannot send the header `{name}`: {reason}"),
            Self::Connect { url, .. } => write!(f, "cannot connect to {url}"),
            Self::Refused {
                url,
                status,
                reason,
                ..
            } => {
                write!(f, "{url} refused the connection with status {status}")?;
                if reason.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {reason}")
                }
            }
            Self::ConnectTimeout { url, after } => {
                write!(f, "{url} did not answer within {after:?}")
            }
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Bind { source, .. } => Some(source),
            Self::Connect { source, .. } => Some(source.as_ref()),
            Self::DuplicateDocument { .. }
            | Self::AlreadyServed { .. }
            | Self::Limit { .. }
            | Self::Interrupted
            | Self::UnknownDocument { .. }
            | Self::Url { .. }
            | Self::Header { .. }
            | Self::Refused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Fault(_) => None,
        }
    }
}

impl<E: Payload> From<Fault<E>> for Error {
    fn from(fault: Fault<E>) -> Self {
        Self::Fault(fault.into_undeclared())
    }
}
