//! Clients that know RFC 6455 and nothing of specwire.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use specwire::Mount;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async, client_async};

use crate::service::Running;

/// Waits, but not for ever: a test that hangs has failed.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("this takes too long")
}

/// A WebSocket, from the client's side.
pub(crate) struct Peer<S = TcpStream> {
    socket: WebSocketStream<S>,
}

impl Peer {
    /// Opens `path` without a subprotocol.
    pub(crate) async fn raw(server: &Running, path: &str) -> Self {
        match Self::open(server, path, &[]).await {
            Ok(peer) => peer,
            Err(status) => panic!("{path} was refused with {status}"),
        }
    }

    /// Opens `/ws` with the envelope, which is not initialised yet.
    pub(crate) async fn uninitialised(server: &Running) -> Self {
        let headers = [("sec-websocket-protocol", "specwire.v1.json")];
        match Self::open(server, "/ws", &headers).await {
            Ok(peer) => peer,
            Err(status) => panic!("the envelope was refused with {status}"),
        }
    }

    /// Opens `/ws` with the envelope, and initialises it.
    pub(crate) async fn envelope(server: &Running) -> Self {
        let mut peer = Self::uninitialised(server).await;
        peer.initialise().await;
        peer
    }

    /// Opens `path`; the status if it is refused.
    pub(crate) async fn open(
        server: &Running,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{}{path}", server.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        match soon(client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The server's end of the next connection: of a server that knows nothing of specwire either.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = soon(listener.accept()).await.unwrap();
        let socket = soon(accept_async(stream)).await.unwrap();
        Self { socket }
    }

    /// The same of a server that selects this subprotocol.
    pub(crate) async fn accept_speaking(listener: &TcpListener, subprotocol: &'static str) -> Self {
        let (stream, _) = soon(listener.accept()).await.unwrap();
        #[expect(clippy::result_large_err, reason = "tungstenite's")]
        let select = |_: &Request, mut response: Response| {
            let name = HeaderValue::from_static(subprotocol);
            response
                .headers_mut()
                .insert("sec-websocket-protocol", name);
            Ok(response)
        };
        let socket = soon(accept_hdr_async(stream, select)).await.unwrap();
        Self { socket }
    }

    /// The TCP connection, of which nothing has been read ahead.
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.socket.into_inner()
    }
}

impl Peer<DuplexStream> {
    /// Opens `/ws` within this process, where the clock may be paused.
    #[allow(dead_code, reason = "not all that use this file need it")]
    pub(crate) async fn within(mount: &Mount) -> Self {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(mount.serve_connection(far, None));
        let (socket, _) = soon(client_async("ws://localhost/ws", near)).await.unwrap();
        Self { socket }
    }

    /// The same with the envelope, which is initialised.
    #[allow(dead_code, reason = "not all that use this file need it")]
    pub(crate) async fn envelope_within(mount: &Mount) -> Self {
        Self::envelope_through(mount, |far| far).await
    }

    /// The same through something that is put in front of the server.
    #[allow(dead_code, reason = "not all that use this file need it")]
    pub(crate) async fn envelope_through<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        mount: &Mount,
        put: impl FnOnce(DuplexStream) -> S,
    ) -> Self {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(mount.serve_connection(put(far), None));
        let mut request = "ws://localhost/ws".into_client_request().unwrap();
        let envelope = HeaderValue::from_static("specwire.v1.json");
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", envelope);
        let (socket, _) = soon(client_async(request, near)).await.unwrap();
        let mut peer = Self { socket };
        peer.initialise().await;
        peer
    }

    /// What is beneath, of which nothing has been read ahead.
    #[allow(dead_code, reason = "not all that use this file need it")]
    pub(crate) fn into_pipe(self) -> DuplexStream {
        self.socket.into_inner()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn initialise(&mut self) {
        self.send(&json!({"op": "init", "id": 0})).await;
        let ack = self.next().await;
        assert_eq!((&ack["op"], &ack["id"]), (&json!("ack"), &json!(0)));
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, frame: &str) {
        self.send_frame(Message::text(frame)).await;
    }

    pub(crate) async fn send_frame(&mut self, frame: Message) {
        soon(self.socket.send(frame)).await.unwrap();
    }

    /// Whatever comes next.
    pub(crate) async fn next_frame(&mut self) -> Option<Result<Message, Error>> {
        soon(self.socket.next()).await
    }

    /// The next text, letter by letter.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            match self.next_frame().await {
                Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?} in place of a text"),
            }
        }
    }

    pub(crate) async fn send_binary(&mut self, frame: &[u8]) {
        self.send_frame(Message::binary(frame.to_vec())).await;
    }

    /// The next bytes.
    pub(crate) async fn next_binary(&mut self) -> Vec<u8> {
        loop {
            match self.next_frame().await {
                Some(Ok(Message::Binary(bytes))) => return bytes.to_vec(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?} in place of bytes"),
            }
        }
    }

    /// The next text, as JSON.
    pub(crate) async fn next(&mut self) -> Value {
        let text = self.next_text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of the fault that comes next, in either framing.
    pub(crate) async fn next_fault(&mut self) -> String {
        let frame = self.next().await;
        let code = match frame.get("op") {
            Some(op) => {
                assert_eq!(op, "err", "{frame}");
                &frame["payload"]["code"]
            }
            None => &frame["error"]["code"],
        };
        match code.as_str() {
            Some(code) => code.to_owned(),
            None => panic!("{frame} is not a fault"),
        }
    }

    /// Shows that nothing else has been sent: the answer to a ping is what comes next.
    pub(crate) async fn expect_nothing(&mut self) {
        self.send(&json!({"op": "ping", "id": 4711})).await;
        assert_eq!(self.next().await, json!({"op": "pong", "id": 4711}));
    }

    /// The code with which the server closes, past whatever it sent before.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close_frame().await.0
    }

    /// The same with the reason.
    pub(crate) async fn close_frame(&mut self) -> (u16, String) {
        loop {
            match self.next_frame().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.as_str().to_owned());
                }
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?} in place of a close frame"),
            }
        }
    }

    /// Waits until the server has dropped the connection, whether or not it says why.
    pub(crate) async fn dropped(&mut self) {
        while let Some(Ok(_)) = self.next_frame().await {}
    }

    pub(crate) async fn close(&mut self) {
        soon(self.socket.close(None)).await.unwrap();
        self.dropped().await;
    }

    #[allow(dead_code, reason = "not all that use this file need it")]
    pub(crate) fn into_socket(self) -> WebSocketStream<S> {
        self.socket
    }
}

/// The code of the close frame that the server sends on a connection, past other frames.
pub(crate) async fn close_code(tcp: &mut (impl AsyncRead + Unpin)) -> u16 {
    soon(async {
        loop {
            let mut head = [0; 2];
            tcp.read_exact(&mut head).await.expect("a frame");
            let length = match head[1] {
                126 => usize::from(tcp.read_u16().await.unwrap()),
                127 => usize::try_from(tcp.read_u64().await.unwrap()).unwrap(),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            tcp.read_exact(&mut payload).await.expect("a whole frame");
            if head[0] == 0x88 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    })
    .await
}

/// A frame of a client, masked with zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Sends `request` over plain TCP, and returns all that is answered until the server hangs up.
pub(crate) async fn http(server: &Running, request: &[u8]) -> String {
    soon(async {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = tcp.write_all(request).await;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = tcp.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

/// The status of an HTTP answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

/// A handshake with further headers.
pub(crate) fn handshake(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}
