//! What a client does about `wss://` without the feature `tls`: it says so.

use std::io;

use super::connect::Stream;

/// What servers are trusted by.
#[derive(Debug, Default)]
pub(super) struct Tls(());

/// Speaks TLS: there is none that does.
#[derive(Debug)]
pub(super) enum Secure {}

impl Tls {
    pub(super) fn connector(self) -> Result<Secure, String> {
        Err("TLS (wss://) is the feature `tls` of specwire, which is not on".to_owned())
    }
}

impl Secure {
    pub(super) async fn secure(&self, _host: &str, _stream: Stream) -> io::Result<Stream> {
        match *self {}
    }
}
