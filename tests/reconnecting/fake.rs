//! A server that does what a test tells it to, at the other end of a pipe.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use specwire::{ClientBuilder, Reconnect, State, States};
use specwire_server::heartbeat::{BeatSub, Client};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// The name that the fake gives every connection.
pub(crate) const CONNECTION: &str = "6a1f1e0c-5f5d-4b52-9f27-3a1b6c0d9e11";

/// Waits, but not for ever: a test that hangs has failed. The clock is paused, so that it is reached
/// as soon as nothing else is left to wait for.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(24 * 3600), future)
        .await
        .expect("this takes too long")
}

/// A client that connects to the fake, and the fake.
pub(crate) fn fake() -> (ClientBuilder<Client>, Fake) {
    let (pipes, attempts) = mpsc::unbounded_channel();
    let builder = Client::builder("ws://fake.example/ws").connector(move |_, _| {
        let (near, far) = duplex(64 << 10);
        let sent = pipes.send(far);
        async move {
            sent.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(near)
        }
    });
    (builder, Fake { attempts })
}

/// A client that is connected to the fake, with short delays.
pub(crate) async fn connected(builder: ClientBuilder<Client>, fake: &mut Fake) -> (Client, Peer) {
    let (client, peer) = tokio::join!(builder.connect(), fake.accept());
    (client.unwrap(), peer)
}

pub(crate) fn subscription(id: &str) -> BeatSub {
    BeatSub {
        subscription_id: Some(id.to_owned()),
    }
}

/// Past all others, the next state that there is no connection in.
pub(crate) async fn next_loss(states: &mut States) -> State {
    loop {
        match soon(states.next()).await {
            Some(state @ (State::Disconnected { .. } | State::Closed { .. })) => return state,
            Some(_) => {}
            None => panic!("the states have ended"),
        }
    }
}

/// One attempt, and then no more.
pub(crate) fn once() -> Reconnect {
    Reconnect {
        attempts: 1,
        ..Reconnect::default()
    }
}

/// Where a client's connections arrive.
pub(crate) struct Fake {
    attempts: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Fake {
    /// The next attempt to connect; `None` once the client has ended.
    pub(crate) async fn attempt(&mut self) -> Option<DuplexStream> {
        soon(self.attempts.recv()).await
    }

    /// Takes the next connection, and answers its `init`.
    pub(crate) async fn accept(&mut self) -> Peer {
        let mut peer = self.uninitialised().await;
        assert_eq!(peer.next().await, json!({"op": "init", "id": 0}));
        let welcome = json!({"connection": CONNECTION, "messageSize": 65_536});
        peer.send(json!({"op": "ack", "id": 0, "payload": welcome}))
            .await;
        peer
    }

    /// Takes the next connection.
    pub(crate) async fn uninitialised(&mut self) -> Peer {
        let stream = self.attempt().await.expect("another attempt");
        let mut headers = HeaderMap::new();
        #[expect(clippy::result_large_err, reason = "tungstenite's own")]
        let answer = |request: &Request, mut response: Response| {
            headers = request.headers().clone();
            // As a proxy may have it.
            let connection = HeaderValue::from_static("keep-alive, Upgrade");
            response.headers_mut().insert("connection", connection);
            let subprotocol = HeaderValue::from_static("specwire.v1.json");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", subprotocol);
            Ok(response)
        };
        let socket = soon(accept_hdr_async(stream, answer)).await.unwrap();
        Peer { socket, headers }
    }

    /// Answers the next handshake with a status.
    pub(crate) async fn refuse(&mut self, status: u16) {
        self.refuse_until(status, None).await;
    }

    /// The same, with `Retry-After`.
    pub(crate) async fn refuse_until(&mut self, status: u16, retry_after: Option<&'static str>) {
        let stream = self.attempt().await.expect("another attempt");
        #[expect(clippy::result_large_err, reason = "tungstenite's own")]
        let answer = |_: &Request, _: Response| {
            let mut response = ErrorResponse::new(Some("not today".to_owned()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(retry_after) = retry_after {
                let value = HeaderValue::from_static(retry_after);
                response.headers_mut().insert("retry-after", value);
            }
            Err(response)
        };
        assert!(soon(accept_hdr_async(stream, answer)).await.is_err());
    }
}

/// One connection of a client.
pub(crate) struct Peer {
    socket: WebSocketStream<DuplexStream>,
    /// What the handshake was asked for with.
    pub(crate) headers: HeaderMap,
}

impl Peer {
    /// The next frame of the client, pings aside.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} in place of a text"),
        }
    }

    /// The code that the client closes with, past whatever it sent before; `None` if it just leaves.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next_message().await {
                Some(Message::Close(close)) => return close.map(|close| close.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }

    async fn next_message(&mut self) -> Option<Message> {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                _ => return None,
            }
        }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        let text = Message::text(frame.to_string());
        soon(self.socket.send(text)).await.unwrap();
    }

    pub(crate) async fn ack(&mut self, id: &Value) {
        self.send(json!({"op": "ack", "id": id})).await;
    }

    /// The next frame, which is a subscription, once it is acknowledged.
    pub(crate) async fn subscribed(&mut self) -> Value {
        let sub = self.next().await;
        assert_eq!(sub["op"], "sub", "{sub}");
        self.ack(&sub["id"]).await;
        sub
    }

    /// A publication for a subscription.
    pub(crate) async fn beat(&mut self, sub: &Value, text: &str) {
        self.send(json!({
            "op": "msg", "id": sub["id"], "channel": "beat_pub", "message": "beat_pub",
            "payload": {"subscriptionId": text},
        }))
        .await;
    }

    /// The same, from a topic that keeps a history.
    pub(crate) async fn beat_at(&mut self, sub: &Value, text: &str, offset: u64) {
        self.send(json!({
            "op": "msg", "id": sub["id"], "channel": "beat_pub", "message": "beat_pub",
            "payload": {"subscriptionId": text}, "offset": offset,
        }))
        .await;
    }

    /// The answer to `getPeriod`.
    pub(crate) async fn period(&mut self, request: &Value, seconds: u32) {
        self.send(json!({
            "op": "msg", "id": request["id"], "channel": "getPeriod_response",
            "message": "getPeriod_response", "payload": {"period": seconds},
        }))
        .await;
    }

    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        soon(self.socket.close(Some(frame))).await.unwrap();
        // Until the client has answered it.
        while let Some(Ok(_)) = soon(self.socket.next()).await {}
    }
}
