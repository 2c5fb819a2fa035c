//! `wss://`: to a server within the process, whose certificate is under `tests/tls/`, made by
//!
//! ```sh
//! openssl ecparam -name prime256v1 -genkey -noout -out ca.key
//! openssl req -x509 -new -key ca.key -days 36500 -subj "/CN=specwire tests" -out ca.pem \
//!   -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
//! openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out server.key
//! openssl req -new -key server.key -subj "/CN=server.example" -out server.csr
//! openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 \
//!   -out server.pem -extfile <(printf "subjectAltName=DNS:server.example\nbasicConstraints=CA:FALSE")
//! ```
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use specwire::{Client, ClientBuilder, Error, Server, State};
use tokio::io::duplex;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const ROOT: &str = include_str!("tls/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("tls/server.pem");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// A client of a server that speaks TLS, whatever host the URL names.
fn client(url: &str) -> ClientBuilder {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::new().mount().unwrap();
    Client::builder(url).connector(move |_, port| {
        assert_eq!(port, 443);
        let (near, far) = duplex(64 << 10);
        let (acceptor, server) = (acceptor.clone(), server.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(far).await {
                server.serve_connection(stream, None).await;
            }
        });
        async { Ok(near) }
    })
}

#[tokio::test]
async fn a_server_with_a_certificate_that_is_trusted_is_connected_to() {
    let client = client("wss://server.example/ws").root_certificates(ROOT);
    let client = client.connect().await.unwrap();
    assert!(matches!(client.state(), State::Connected { .. }));
    client.close().await;
}

#[tokio::test]
async fn any_other_is_not() {
    for (builder, reason) in [
        (client("wss://server.example/ws"), "UnknownIssuer"),
        (
            client("wss://other.example/ws").root_certificates(ROOT),
            "certificate not valid for name",
        ),
    ] {
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{error:?}");
        assert!(format!("{error:?}").contains(reason), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_told_before_connecting() {
    for (pem, reason) in [
        ("", "there is none"),
        ("no PEM", "there is none"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "one is not a certificate",
        ),
    ] {
        let builder = client("wss://server.example/ws").root_certificates(pem);
        let error = builder.connect_lazy().unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
