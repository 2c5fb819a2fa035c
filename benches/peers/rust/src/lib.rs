//! What the programs share: how they are started.

use tokio::net::TcpListener;

/// Whether what comes in goes to everybody, rather than back to its sender.
pub fn is_broadcast() -> bool {
    std::env::args().nth(1).as_deref() == Some("broadcast")
}

/// A listener on a free port, which is told on the standard output.
pub async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    listener
}
