//! A server within another program: behind axum's router, and on streams that are no TCP.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use specwire::{Limits, Mount, Server};
use specwire_server::heartbeat;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Peer, handshake, http, soon, status};
use crate::context::{Curious, Seen};
use crate::service::{Dome, Running, provider};

/// An application that runs beside the test.
async fn application(router: Router) -> (Running, JoinHandle<()>) {
    let listener = specwire::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (running, stopped) = Running::elsewhere(address);
    let stopped = async { drop(stopped.await) };
    let serve = axum::serve(listener, router).with_graceful_shutdown(stopped);
    (running, tokio::spawn(async { serve.await.unwrap() }))
}

fn telescope(limits: Limits) -> (Mount, Dome) {
    let (provider, dome) = provider();
    let server = Server::new()
        .serve(provider)
        .limits(limits)
        .allow_origin("https://console.example.org");
    (server.mount().unwrap(), dome)
}

fn routed(mount: &Mount) -> Router {
    Router::new()
        .route_service("/ws", mount.clone())
        .route_service("/ws/{*path}", mount.clone())
}

#[tokio::test]
async fn a_route_of_an_application_is_a_server() {
    let (mount, mut dome) = telescope(Limits::default());
    let (server, _application) = application(routed(&mount)).await;
    let mut envelope = Peer::envelope(&server).await;
    envelope
        .send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(envelope.next().await, json!({"op": "ack", "id": 1}));
    dome.runs(1, 0).await;
    assert_eq!(dome.wind(3.0).await, 1);
    assert_eq!(envelope.next().await["payload"]["wind"], 3.0);
    let mut raw = Peer::raw(&server, "/ws/patterns/status_request").await;
    raw.send(&json!({})).await;
    assert_eq!(raw.next().await["parked"], true);
    envelope.close().await;
    dome.runs(1, 1).await;
}

#[tokio::test]
async fn a_path_of_the_application_may_come_before() {
    let (mount, _dome) = telescope(Limits::default());
    let router = Router::new().nest_service("/telescope", mount);
    let (server, _application) = application(router).await;
    let mut raw = Peer::raw(&server, "/telescope/ws/patterns").await;
    raw.send(&json!({"corners": []})).await;
    raw.next().await;
    let page = http(&server, b"GET /telescope/ HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&page), "200");
}

#[tokio::test]
async fn a_route_keeps_the_servers_limits() {
    let (mount, _dome) = telescope(Limits {
        connections: 1,
        message_size: 1000,
        ..Limits::default()
    });
    let (server, _application) = application(routed(&mount)).await;
    for (origin, refused) in [
        ("https://evil", Some(403)),
        ("https://console.example.org", None),
        (&format!("http://{}", server.address), None),
    ] {
        let opened = Peer::open(&server, "/ws", &[("origin", origin)]).await;
        assert_eq!(opened.as_ref().err(), refused.as_ref(), "{origin}");
        if let Ok(mut peer) = opened {
            peer.close().await;
        }
        // There is room again when the other has gone.
        while mount.connections() > 0 {
            tokio::task::yield_now().await;
        }
    }
    for (headers, refused) in [
        (format!("X-Long: {}\r\n", "x".repeat(7 << 10)), "101"),
        (format!("X-Long: {}\r\n", "x".repeat(8 << 10)), "431"),
        ("X-Many: 1\r\n".repeat(60), "431"),
    ] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        let request = handshake("/ws", &headers);
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        soon(tcp.read_exact(&mut answer)).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(status(&answer), refused, "{answer}");
        drop(tcp);
        while mount.connections() > 0 {
            tokio::task::yield_now().await;
        }
    }
    let elsewhere = Peer::open(&server, "/ws/nowhere", &[]).await;
    assert_eq!(elsewhere.err(), Some(404));
    let mut peer = Peer::raw(&server, "/ws").await;
    let refused = http(&server, handshake("/ws", "").as_bytes()).await;
    assert_eq!(status(&refused), "503");
    assert!(
        refused.to_lowercase().contains("retry-after: "),
        "{refused}"
    );
    peer.send_text(&"x".repeat(1001)).await;
    assert_eq!(peer.close_code().await, 1009);
}

#[tokio::test]
async fn a_route_stops_and_is_waited_for() {
    let (mount, mut dome) = telescope(Limits::default());
    let (mut server, application) = application(routed(&mount)).await;
    let mut subscribed = Peer::raw(&server, "/ws").await;
    subscribed.send(&json!({"subscriptionId": "1"})).await;
    dome.runs(1, 0).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "msg", "id": 1, "channel": "pointAt_submit",
                      "payload": {"rightAscension": 0, "declination": 90}}))
        .await;
    peer.expect_nothing().await;
    server.stop();
    soon(application).await.unwrap();

    let stopping = mount.clone();
    let stopped = tokio::spawn(async move { stopping.stop().await });
    assert_eq!(subscribed.close_code().await, 1001);
    assert!(!stopped.is_finished(), "a request is in flight");
    dome.gate.add_permits(1);
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    assert_eq!(peer.close_code().await, 1001);
    peer.dropped().await;
    subscribed.dropped().await;
    soon(stopped).await.unwrap();
    assert_eq!(*dome.runs.borrow(), (1, 1));
    assert_eq!(mount.connections(), 0);
}

#[tokio::test]
async fn a_route_that_has_stopped_takes_no_more() {
    let (mount, _dome) = telescope(Limits::default());
    let (server, _application) = application(routed(&mount)).await;
    soon(mount.stop()).await;
    let refused = http(&server, handshake("/ws", "").as_bytes()).await;
    assert_eq!(status(&refused), "503");
    let (_ours, theirs) = tokio::io::duplex(1024);
    soon(mount.serve_connection(theirs, None)).await;
}

#[tokio::test]
async fn handlers_learn_the_address_that_the_application_tells() {
    let (sender, mut seen) = mpsc::unbounded_channel::<Seen>();
    let server = Server::new().serve(heartbeat::provider(Curious(sender)));
    let mount = server.mount().unwrap();
    let told = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 7));
    let tell = from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(told);
        next.run(request)
    });
    let (server, _application) = application(routed(&mount).layer(tell)).await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
    peer.send(&json!({"interactionId": "1"})).await;
    let request = soon(seen.recv()).await.unwrap();
    assert_eq!(request.peer_address(), Some(told));
    assert_eq!(request.path(), "/ws/heartbeat");
}

#[tokio::test]
async fn any_stream_can_be_served_from_its_handshake_on() {
    let (mount, _dome) = telescope(Limits::default());
    let (ours, theirs) = tokio::io::duplex(100);
    let served = tokio::spawn(mount.serve_connection(theirs, None));
    let (mut socket, _) = soon(client_async("ws://localhost/ws", ours)).await.unwrap();
    let status = r#"{"corners":[]}"#;
    socket.send(Message::text(status)).await.unwrap();
    assert!(soon(socket.next()).await.unwrap().unwrap().is_text());
    socket.close(None).await.unwrap();
    while soon(socket.next()).await.is_some() {}
    soon(served).await.unwrap();
    assert_eq!(mount.connections(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn so_can_a_unix_socket_within_the_same_limits() {
    let (mount, _dome) = telescope(Limits {
        handshake_timeout: std::time::Duration::from_millis(100),
        ..Limits::default()
    });
    let (mut ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let served = tokio::spawn(mount.serve_connection(theirs, None));
    ours.write_all(b"GET /ws HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    soon(ours.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"");
    soon(served).await.unwrap();
}
