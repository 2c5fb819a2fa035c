//! Public WebSocket APIs, as `docs/apis/` shows them: the clients work, and what is shown of documents
//! and generated code is what is there.
#![deny(warnings, clippy::all)]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
#![allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as Frame;

/// `docs/apis/trading.md`.
mod trading {
    use super::Step::{Say, Stay};
    use super::{foreign, gemini, page};
    use gemini::{Client, EventsItemType, Market, MarketDataV1Parameters, MarketDataV1Symbol};
    use specwire::{Fault, Subscribers, Validate};

    /// What the next trade is made at.
    async fn next_price(client: &Client) -> Result<Option<f64>, Fault> {
        let symbol = MarketDataV1Symbol::Btcusd;
        let mut messages = client
            .send_market_data(MarketDataV1Parameters { symbol })
            .await?;
        while let Some(message) = messages.next().await? {
            let Market::Update(update) = message.payload else {
                continue;
            };
            let is_trade = |event: &&gemini::EventsItem| event.type_ == Some(EventsItemType::Trade);
            if let Some(trade) = update.events.iter().find(is_trade) {
                return Ok(trade.price);
            }
        }
        Ok(None)
    }

    /// Connects to the exchange itself, in whose frames there are messages and nothing else.
    async fn connect(url: &str) -> specwire::Result<Client> {
        Client::builder(url).raw().connect().await
    }

    /// What the exchange itself sends.
    fn read(frame: &str) -> Result<Market, Box<dyn std::error::Error>> {
        let market: Market = serde_json::from_str(frame)?;
        market.validate()?;
        Ok(market)
    }

    struct Exchange;

    impl gemini::Service for Exchange {
        async fn send_market_data(
            &self,
            subscribers: Subscribers<MarketDataV1Parameters, Market>,
        ) -> Result<(), Fault> {
            for frame in [
                r#"{"type":"heartbeat","socket_sequence":0}"#,
                r#"{"type":"update","eventId":1,"timestamp":1,"timestampms":1000,"socket_sequence":1,
                    "events":[{"type":"change","price":1.5},{"type":"trade","price":2.5,"side":"ask"}]}"#,
            ] {
                subscribers.publish(read(frame).unwrap());
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_client_hears_of_a_trade_from_a_server_that_is_not_ours() {
        let (url, exchange) = foreign(vec![
            Say(r#"{"type":"heartbeat","socket_sequence":0}"#),
            Say(
                r#"{"type":"update","eventId":1,"timestamp":1,"timestampms":1000,
                    "socket_sequence":1,"events":[{"type":"trade","price":2.5,"side":"ask"}]}"#,
            ),
            Stay,
        ])
        .await;
        let client = connect(&url).await.unwrap();
        assert_eq!(next_price(&client).await, Ok(Some(2.5)));
        drop(client);
        exchange.await.unwrap();
    }

    #[tokio::test]
    async fn the_client_hears_of_a_trade() {
        let client = Client::in_memory(Exchange);
        assert_eq!(next_price(&client).await, Ok(Some(2.5)));
        assert!(read(r#"{"type":"heartbeat"}"#).is_err());
    }

    #[test]
    fn the_page_shows_what_is_there() {
        page("trading", "Gemini");
    }
}

/// `docs/apis/speech.md`.
mod speech {
    use super::Step::{HearBytes, HearText, Say};
    use super::{deepgram, foreign, page};
    use deepgram::{
        Client, CloseFrame, ControlMessageResponse, ControlMessagesRequest,
        ControlMessagesRequestType, TranscriptionRequest, TranscriptionResponse,
    };
    use specwire::{Bytes, Fault, Request, Subscribers};

    /// What is said in `sound`.
    async fn transcribe(client: &Client, sound: Vec<Bytes>) -> Result<Option<String>, Fault> {
        let mut results = client.receive_transcription().await?;
        for piece in sound {
            client.send_audio(TranscriptionRequest(piece)).await?;
        }
        let type_ = ControlMessagesRequestType::Finalize;
        client
            .send_listen_control_message(ControlMessagesRequest { type_ })
            .await?;
        while let Some(result) = results.next().await? {
            if result.is_final == Some(true) {
                let mut alternatives = result.payload.channel.alternatives.into_iter().flatten();
                return Ok(alternatives.next().and_then(|best| best.transcript));
            }
        }
        Ok(None)
    }

    /// Says how much it has heard.
    #[derive(Default)]
    struct Counter {
        heard: std::sync::Mutex<usize>,
        is_over: tokio::sync::Notify,
    }

    impl deepgram::Service for Counter {
        async fn send_audio(&self, sound: Request<TranscriptionRequest>) -> Result<(), Fault> {
            *self.heard.lock().unwrap() += sound.0.len();
            Ok(())
        }

        async fn send_listen_control_message(
            &self,
            _: Request<ControlMessagesRequest>,
        ) -> Result<(), Fault> {
            self.is_over.notify_one();
            Ok(())
        }

        async fn receive_transcription(
            &self,
            subscribers: Subscribers<(), TranscriptionResponse>,
        ) -> Result<(), Fault> {
            self.is_over.notified().await;
            let heard = *self.heard.lock().unwrap();
            let alternative = deepgram::TranscriptionResponseChannelAlternativesItem {
                transcript: Some(format!("{heard} bytes")),
                ..Default::default()
            };
            for is_final in [false, true] {
                subscribers.publish(TranscriptionResponse {
                    is_final: Some(is_final),
                    channel: deepgram::TranscriptionResponseChannel {
                        alternatives: Some(vec![alternative.clone()]),
                    },
                    ..Default::default()
                });
            }
            Ok(())
        }

        async fn receive_listen_control_response(
            &self,
            _: Subscribers<(), ControlMessageResponse>,
        ) -> Result<(), Fault> {
            Ok(())
        }

        async fn receive_listen_close_frame(
            &self,
            _: Subscribers<(), CloseFrame>,
        ) -> Result<(), Fault> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_client_is_told_what_was_said_by_a_server_that_is_not_ours() {
        let (url, company) = foreign(vec![
            HearBytes(&[1, 2, 3]),
            HearBytes(&[4]),
            HearText(r#"{"type":"Finalize"}"#),
            Say(r#"{"type":"Results","is_final":true,
                    "channel":{"alternatives":[{"transcript":"hello"}]}}"#),
        ])
        .await;
        let client = Client::builder(&url)
            .raw()
            .header("authorization", "Token secret")
            .connect()
            .await
            .unwrap();
        let sound = vec![Bytes::from(vec![1, 2, 3]), Bytes::from(vec![4])];
        let said = transcribe(&client, sound).await;
        assert_eq!(said, Ok(Some("hello".to_owned())));
        company.await.unwrap();
    }

    #[tokio::test]
    async fn the_client_is_told_what_was_said() {
        let client = Client::in_memory(Counter::default());
        let sound = vec![Bytes::from(vec![0; 3]), Bytes::from(vec![0; 4])];
        let said = transcribe(&client, sound).await;
        assert_eq!(said, Ok(Some("7 bytes".to_owned())));
    }

    #[test]
    fn the_page_shows_what_is_there() {
        page("speech", "Deepgram");
    }
}

/// `docs/apis/chat.md`.
mod chat {
    use super::Step::{HearText, Say};
    use super::{foreign, page, slack};
    use slack::{Acknowledge, Client, Disconnect, Event, EventData, EventPayload, Hello};
    use specwire::{Fault, Request, Subscribers};
    use tokio::sync::mpsc;

    /// Says what happens, and acknowledges it.
    async fn follow(client: &Client, mut say: impl FnMut(String)) -> Result<(), Fault> {
        let mut events = client.on_event().await?;
        while let Some(message) = events.next().await? {
            let Event {
                envelope_id,
                payload,
                ..
            } = message.payload;
            match payload.event {
                EventData::ReactionAdded(added) => {
                    say(format!("{}: {}", added.user, added.reaction))
                }
                EventData::ChannelJoin(join) => say(format!("{:?} is new", join.user)),
                EventData::MessageDeleted(_) => {}
            }
            let envelope_id = Some(envelope_id);
            client
                .on_event_reply(Acknowledge {
                    envelope_id,
                    ..Default::default()
                })
                .await?;
        }
        Ok(())
    }

    struct Workspace(mpsc::UnboundedSender<Option<String>>);

    impl slack::Service for Workspace {
        async fn on_hello_message(&self, _: Subscribers<(), Hello>) -> Result<(), Fault> {
            Ok(())
        }

        async fn on_event(&self, subscribers: Subscribers<(), Event>) -> Result<(), Fault> {
            let added = slack::ReactionAdded {
                user: "U1".to_owned(),
                reaction: "beers".to_owned(),
                ..Default::default()
            };
            let payload = EventPayload::new(added.into());
            subscribers.publish(Event::new("E1".to_owned(), payload));
            Ok(())
        }

        async fn on_disconnect_message(&self, _: Subscribers<(), Disconnect>) -> Result<(), Fault> {
            Ok(())
        }

        async fn on_event_reply(&self, done: Request<Acknowledge>) -> Result<(), Fault> {
            self.0.send(done.envelope_id.clone()).unwrap();
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_client_acknowledges_to_a_server_that_is_not_ours() {
        let (url, workspace) = foreign(vec![
            Say(r#"{"type":"hello","num_connections":1}"#),
            Say(
                r#"{"type":"events_api","envelope_id":"E1","payload":{"event":
                    {"type":"reaction_added","reaction":"beers","user":"U1"}}}"#,
            ),
            HearText(r#"{"envelope_id":"E1"}"#),
        ])
        .await;
        let client = Client::builder(&url)
            .raw()
            .reconnect(specwire::Reconnect::never())
            .connect()
            .await
            .unwrap();
        let mut said = Vec::new();
        let ended = follow(&client, |text| said.push(text)).await;
        assert_eq!(ended.unwrap_err().code(), Fault::UNAVAILABLE);
        assert_eq!(said, ["U1: beers"]);
        workspace.await.unwrap();
    }

    #[tokio::test]
    async fn the_client_acknowledges_what_it_hears() {
        let (sender, mut acknowledged) = mpsc::unbounded_channel();
        let client = Client::in_memory(Workspace(sender));
        let mut said = Vec::new();
        assert_eq!(follow(&client, |text| said.push(text)).await, Ok(()));
        assert_eq!(said, ["U1: beers"]);
        assert_eq!(acknowledged.recv().await, Some(Some("E1".to_owned())));
    }

    #[test]
    fn the_page_shows_what_is_there() {
        page("chat", "Slack");
    }
}

// Not by `#[path]`: rustfmt would follow it, and golden files are as they are generated.
mod gemini {
    include!("../codegen/tests/golden/Gemini.rs");
}
mod deepgram {
    include!("../codegen/tests/golden/Deepgram.rs");
}
mod slack {
    include!("../codegen/tests/golden/Slack.rs");
}

/// What a server says, and what it is to hear.
enum Step {
    Say(&'static str),
    HearText(&'static str),
    HearBytes(&'static [u8]),
    /// Until the client leaves.
    Stay,
}

/// A server that knows nothing of specwire, with one client: where it is, and its end.
async fn foreign(steps: Vec<Step>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        for step in steps {
            let expected = match step {
                Step::Say(text) => {
                    socket.send(Frame::text(text)).await.unwrap();
                    continue;
                }
                Step::Stay => {
                    while let Some(Ok(_)) = socket.next().await {}
                    return;
                }
                Step::HearText(text) => Frame::text(text),
                Step::HearBytes(bytes) => Frame::binary(bytes),
            };
            let heard = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
            assert_eq!(heard.unwrap().unwrap().unwrap(), expected);
        }
    });
    (url, served)
}

/// Finds each block of a page in the document, in what is generated from it, or among the clients.
#[track_caller]
fn page(name: &str, document: &str) {
    let read = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(path).unwrap()
    };
    let page = read(&format!("docs/apis/{name}.md"));
    let golden = format!("codegen/tests/golden/{document}");
    let yaml = read(&format!("{golden}.yaml"));
    let generated = shortened(&read(&format!("{golden}.rs")));
    let mut blocks = 0;
    for block in page.split("\n```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        let sources = match language {
            "yaml" => vec![yaml.as_str()],
            "rust" => vec![generated.as_str(), include_str!("apis.rs")],
            // Said of the build script, and held to nothing here.
            "rust,ignore" => continue,
            _ => panic!("{name}: a block of {language:?}"),
        };
        blocks += 1;
        let lines: Vec<&str> = text.lines().collect();
        // What is left out is left out visibly.
        let pieces = lines.split(|line| ["# ...", "// ..."].contains(&line.trim()));
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            let text = piece.join("\n");
            let piece: Vec<&str> = text.trim_matches('\n').lines().collect();
            let piece = dedented(&piece);
            let found = sources.iter().any(|source| contains(source, &piece));
            assert!(
                found,
                "docs/apis/{name}.md: not as it is:\n{}",
                piece.join("\n")
            );
        }
    }
    assert!(blocks >= 3, "the document, the types, and a client");
}

/// Generated code without attributes and with short paths: as one would write it.
fn shortened(code: &str) -> String {
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("#["));
    let mut code = lines.collect::<Vec<_>>().join("\n");
    for path in [
        "::core::option::",
        "::std::string::",
        "::std::vec::",
        "::specwire::",
    ] {
        code = code.replace(path, "");
    }
    code
}

fn contains(source: &str, piece: &[String]) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    let mut windows = lines.windows(piece.len().max(1));
    windows.any(|window| dedented(window) == piece)
}

fn dedented(lines: &[&str]) -> Vec<String> {
    let indent = |line: &&&str| line.len() - line.trim_start().len();
    let full = lines.iter().filter(|line| !line.trim().is_empty());
    let least = full.clone().map(|line| indent(&line)).min().unwrap_or(0);
    let lines = lines
        .iter()
        .map(|line| line.get(least..).unwrap_or_default());
    lines.map(str::to_owned).collect()
}
