//! TLS below a client's connections (RFC 8446), for `wss://`.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connect::Stream;

/// What servers are trusted by, or what is wrong with it.
pub(super) struct Tls {
    roots: Result<RootCertStore, &'static str>,
}

/// Speaks TLS.
pub(super) struct Secure(TlsConnector);

impl Default for Tls {
    /// By the certificate authorities that Mozilla trusts.
    fn default() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { roots: Ok(roots) }
    }
}

impl Tls {
    /// Trusts the certificates in this text as well.
    pub(super) fn trust(self, pem: &str) -> Self {
        Self {
            roots: self.roots.and_then(|roots| with(roots, pem)),
        }
    }

    /// What speaks TLS to the server.
    ///
    /// # Errors
    ///
    /// What is wrong with the certificates that were given.
    pub(super) fn connector(self) -> Result<Secure, String> {
        let roots = self
            .roots
            .map_err(|reason| format!("of the root certificates, {reason}"))?;
        // Named, so that what else a program is made of decides nothing here.
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A server that would rather speak HTTP/2 does not upgrade to a WebSocket in our way.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Secure(TlsConnector::from(Arc::new(config))))
    }
}

impl Secure {
    /// Speaks TLS over a stream, to the host of this name.
    pub(super) async fn secure(&self, host: &str, stream: Stream) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(self.0.connect(name, stream).await?))
    }
}

fn with(mut roots: RootCertStore, pem: &str) -> Result<RootCertStore, &'static str> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| "one is not PEM")?;
        let added = roots.add(certificate);
        added.map_err(|_| "one is not a certificate that can be trusted")?;
    }
    if roots.len() == before {
        return Err("there is none");
    }
    Ok(roots)
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").finish_non_exhaustive()
    }
}
