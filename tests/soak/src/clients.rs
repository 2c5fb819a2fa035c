//! Clients that come, stall and go, and look at every beat that they get.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::random_range;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

const SUBPROTOCOL: &str = "specwire.v1.json";

/// Enough for anything that a server on this machine has to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time in which the server drops a client that stalls: ping and pong timeout, or the time to fill
/// its queue and that for writing, and a little more.
const DROP: Duration = Duration::from_secs(13);

/// What all clients have seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) visits: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) beats: AtomicU64,
    /// Stalled clients that the server dropped, as it should.
    pub(crate) dropped: AtomicU64,
    /// The longest time, in ms, that a client which listened had to wait for its next beat.
    pub(crate) longest_pause: AtomicU64,
    /// What should not have been, and how often.
    pub(crate) surprises: Mutex<BTreeMap<String, u64>>,
    is_over: AtomicBool,
}

impl Tally {
    /// From now on nobody comes back.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// How late the machine is, as it has shown until now: beats, and so the server's other times.
    fn lateness(&self) -> Duration {
        Duration::from_millis(self.longest_pause.load(Ordering::Relaxed))
    }

    fn surprise(&self, what: String) {
        let surprises = self.surprises.lock();
        let mut surprises = surprises.unwrap_or_else(PoisonError::into_inner);
        *surprises.entry(what).or_default() += 1;
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Leaving {
    /// It closes.
    Close,
    /// Its end of the connection is gone, with or without a reset.
    Vanish,
    Reset,
    /// It gives up its subscriptions first, and sees that nothing more comes.
    Unsubscribe,
    /// It stops reading for a while, and goes on.
    Pause,
    /// It stops reading until the server has dropped it.
    Stall,
    /// It has not even finished its handshake.
    Dawdle,
}

impl Leaving {
    fn by_chance() -> Self {
        match random_range(0..100) {
            0..35 => Self::Close,
            35..45 => Self::Vanish,
            45..55 => Self::Reset,
            55..75 => Self::Unsubscribe,
            75..85 => Self::Pause,
            85..97 => Self::Stall,
            _ => Self::Dawdle,
        }
    }
}

/// A client that comes back again and again, until it is over.
pub(crate) async fn come_and_go(server: SocketAddr, tally: Arc<Tally>) {
    while !tally.is_over() {
        sleep(Duration::from_millis(random_range(0..3000))).await;
        count(&tally.visits);
        if let Err(surprise) = visit(server, &tally).await {
            tally.surprise(surprise);
        }
    }
}

async fn visit(server: SocketAddr, tally: &Tally) -> Result<(), String> {
    let leaving = Leaving::by_chance();
    if leaving == Leaving::Dawdle {
        return dawdle(server).await;
    }
    let stalls = leaving == Leaving::Stall;
    let is_heavy = stalls && random_range(0..4) == 0;
    // What the kernel takes for a client that does not read is to fill up in time, and not before
    // that: a heavy client takes up to 200 KiB a second.
    let receive_buffer = stalls.then_some(if is_heavy { 64 << 10 } else { 4 << 10 });
    let mut client = Client::connect(server, random_range(0..2) == 0, receive_buffer).await?;
    for _ in 0..random_range(1..=3) {
        client
            .subscribe(if is_heavy { 16 << 10 } else { 0 })
            .await?;
        count(&tally.subscriptions);
    }
    let stay = Duration::from_millis(random_range(1000..15_000));
    client.listen(stay, tally).await?;
    match leaving {
        Leaving::Close | Leaving::Dawdle => client.close(tally).await,
        Leaving::Vanish => Ok(()),
        Leaving::Reset => {
            let stream = client.socket.get_ref();
            stream.set_zero_linger().map_err(|error| error.to_string())
        }
        Leaving::Unsubscribe => {
            client.unsubscribe(tally).await?;
            client.close(tally).await
        }
        Leaving::Pause => {
            sleep(Duration::from_secs(3)).await;
            client.last_beat = Instant::now();
            client.listen(Duration::from_secs(1), tally).await?;
            client.close(tally).await
        }
        Leaving::Stall => {
            // On a machine that is late for everybody, the server is as late to drop: once when it
            // pings, and once when it gives up.
            let begun = Instant::now();
            while begun.elapsed() < DROP + 2 * tally.lateness() {
                sleep(Duration::from_millis(100)).await;
            }
            client.expect_drop(begun.elapsed(), tally).await
        }
    }
}

/// Half a handshake, which the server has to end.
async fn dawdle(server: SocketAddr) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("half a handshake: {error}");
    let mut stream = TcpStream::connect(server).await.map_err(failed)?;
    let half = stream.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n");
    half.await.map_err(failed)?;
    let closed = async {
        while let Ok(()) = stream.readable().await {
            match stream.try_read(&mut [0; 1024]) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                _ => {}
            }
        }
    };
    let ended = timeout(PATIENCE, closed).await;
    ended.map_err(|_| "half a handshake stays open".to_owned())
}

/// A WebSocket, and what was subscribed to over it.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    has_envelope: bool,
    /// The subscription of each exchange.
    subscriptions: HashMap<u64, String>,
    last_id: u64,
    last_beat: Instant,
    has_stalled: bool,
}

impl Client {
    pub(crate) async fn connect(
        server: SocketAddr,
        has_envelope: bool,
        receive_buffer: Option<u32>,
    ) -> Result<Self, String> {
        let opened = timeout(PATIENCE, Self::open(server, has_envelope, receive_buffer)).await;
        let socket = opened.map_err(|_| "no handshake in time".to_owned())??;
        let mut client = Self {
            socket,
            has_envelope,
            subscriptions: HashMap::new(),
            last_id: 0,
            last_beat: Instant::now(),
            has_stalled: false,
        };
        if has_envelope {
            client.send(&json!({"op": "init", "id": 0})).await?;
        }
        Ok(client)
    }

    async fn open(
        server: SocketAddr,
        has_envelope: bool,
        receive_buffer: Option<u32>,
    ) -> Result<WebSocketStream<TcpStream>, String> {
        let failed = |error: &dyn std::fmt::Display| format!("no connection: {error}");
        let socket = TcpSocket::new_v4().map_err(|error| failed(&error))?;
        if let Some(bytes) = receive_buffer {
            let set = socket.set_recv_buffer_size(bytes);
            set.map_err(|error| failed(&error))?;
        }
        let stream = socket.connect(server).await;
        let stream = stream.map_err(|error| failed(&error))?;
        let request = format!("ws://{server}/ws").into_client_request();
        let mut request = request.map_err(|error| failed(&error))?;
        if has_envelope {
            let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
            request
                .headers_mut()
                .insert("sec-websocket-protocol", subprotocol);
        }
        // Small, so that ten thousand of them are no load for this process.
        let config = WebSocketConfig::default().read_buffer_size(1024);
        let opened = client_async_with_config(request, stream, Some(config)).await;
        Ok(opened.map_err(|error| failed(&error))?.0)
    }

    async fn send(&mut self, frame: &Value) -> Result<(), String> {
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.map_err(|error| format!("cannot send: {error}"))
    }

    /// Subscribes under a name that nobody else has, longer by so many bytes.
    pub(crate) async fn subscribe(&mut self, more: usize) -> Result<(), String> {
        let name = format!("{}{}", specwire::Uuid::new_v4(), "x".repeat(more));
        let payload = json!({"subscriptionId": name});
        self.last_id += 1;
        let id = self.last_id;
        self.subscriptions.insert(id, name);
        self.last_beat = Instant::now();
        // What a client calls the address for its beats must not matter: all call it the same.
        if self.has_envelope {
            self.send(
                &json!({"op": "sub", "id": id, "channel": "beat_sub", "payload": payload,
                              "headers": {"replyTo": "beat_pub_same"}}),
            )
            .await
        } else {
            let mut frame = payload;
            if let Some(members) = frame.as_object_mut() {
                members.insert("replyTo".to_owned(), "beat_pub_same".into());
            }
            self.send(&frame).await
        }
    }

    /// Waits until the server has done all that it was told so far.
    pub(crate) async fn settle(&mut self) -> Result<(), String> {
        let question = if self.has_envelope {
            json!({"op": "msg", "id": 1_000_000, "channel": "getPeriod_request", "payload": {}})
        } else {
            json!({"interactionId": "1"})
        };
        self.send(&question).await?;
        let answered = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if message.to_text().is_ok_and(|text| text.contains("period")) {
                    return Ok(());
                }
            }
            Err("no answer".to_owned())
        };
        let answered = timeout(PATIENCE, answered).await;
        answered.map_err(|_| "no answer in time".to_owned())?
    }

    /// Reads for so long, and expects beats all the while.
    async fn listen(&mut self, time: Duration, tally: &Tally) -> Result<(), String> {
        let deadline = Instant::now() + time;
        while !tally.is_over() {
            match timeout_at(deadline, self.socket.next()).await {
                Err(_) => break,
                Ok(Some(Ok(Message::Text(text)))) => self.check(text.as_str(), tally)?,
                Ok(Some(Ok(Message::Ping(_)))) => {}
                Ok(end) => return Err(format!("listening: {}", ended(end))),
            }
        }
        Ok(())
    }

    /// Looks at one frame: what comes must be a beat of a subscription that is going.
    fn check(&mut self, text: &str, tally: &Tally) -> Result<(), String> {
        let frame: Value = text
            .parse()
            .map_err(|_| format!("a frame that is not JSON: {}", cut(text)))?;
        let member = |name: &str| frame.get(name).and_then(Value::as_str);
        if !self.has_envelope {
            let name = member("subscriptionId");
            let is_own = self
                .subscriptions
                .values()
                .any(|own| Some(own.as_str()) == name);
            return self.beat(is_own, text, tally);
        }
        let id = frame.get("id").and_then(Value::as_u64);
        match member("op") {
            Some("msg") => {
                let own = id.and_then(|id| self.subscriptions.get(&id));
                let name = frame.pointer("/payload/subscriptionId");
                let is_own =
                    own.is_some() && name.and_then(Value::as_str) == own.map(String::as_str);
                self.beat(is_own, text, tally)
            }
            Some("ack") => Ok(()),
            Some("unsub") => {
                let known = id.and_then(|id| self.subscriptions.remove(&id));
                known
                    .map(drop)
                    .ok_or_else(|| "an end of nothing".to_owned())
            }
            _ => Err(format!("a frame that nobody expects: {}", cut(text))),
        }
    }

    fn beat(&mut self, is_own: bool, text: &str, tally: &Tally) -> Result<(), String> {
        if !is_own {
            return Err(format!("ANOTHER'S BEAT: {}", cut(text)));
        }
        count(&tally.beats);
        // What comes after a stall is as late as the kernels make it.
        if !self.has_stalled {
            let pause = u64::try_from(self.last_beat.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last_beat = Instant::now();
            tally.longest_pause.fetch_max(pause, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives up all subscriptions, one by one, and waits until the server has.
    async fn unsubscribe(&mut self, tally: &Tally) -> Result<(), String> {
        if !self.has_envelope {
            return Ok(());
        }
        let ids: Vec<_> = self.subscriptions.keys().copied().collect();
        for id in ids {
            self.send(&json!({"op": "unsub", "id": id})).await?;
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.subscriptions.is_empty() {
            match timeout_at(deadline, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.check(text.as_str(), tally)?,
                Ok(Some(Ok(Message::Ping(_)))) => {}
                Ok(end) => return Err(format!("unsubscribing: {}", ended(end))),
                Err(_) => return Err("unsubscribing takes too long".to_owned()),
            }
        }
        Ok(())
    }

    /// Closes; beats may come until the server has seen it.
    async fn close(mut self, tally: &Tally) -> Result<(), String> {
        let closed = self.socket.close(None).await;
        closed.map_err(|error| format!("cannot close: {error}"))?;
        let end = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Text(text) = message {
                    self.check(text.as_str(), tally)?;
                }
            }
            Ok(())
        };
        let end = timeout(PATIENCE, end).await;
        end.map_err(|_| "a close is not answered".to_owned())?
    }

    /// Reads what still comes after a stall. All of it is this client's own, and it ends: of a
    /// connection that is not dropped there would be no end, as this answers pings again. The kernels
    /// may take seconds over it: what the one at this end had no room for the other sends once more,
    /// later and later.
    async fn expect_drop(mut self, stalled: Duration, tally: &Tally) -> Result<(), String> {
        self.has_stalled = true;
        let end = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Text(text) = message {
                    self.check(text.as_str(), tally)?;
                }
            }
            Ok(())
        };
        match timeout(PATIENCE, end).await {
            Ok(checked) => {
                count(&tally.dropped);
                checked
            }
            // How late the machine was may have been seen afterwards only.
            Err(_) if stalled < DROP + 2 * tally.lateness() => Ok(()),
            Err(_) => Err("a client that stalled is not dropped".to_owned()),
        }
    }

    /// Answers pings until the connection ends.
    pub(crate) async fn stay(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

fn ended(end: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> String {
    match end {
        None => "the connection ended".to_owned(),
        Some(Ok(message)) => format!("got {message:?}"),
        Some(Err(error)) => error.to_string(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
