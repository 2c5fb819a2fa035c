//! One client for all framings, so that what holds in every one of them is shown in each.

use serde_json::{Value, json};

use crate::client::Peer;
use crate::service::Running;

/// What a client speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    Raw,
    Tagged,
    Json,
    Cbor,
}

pub(crate) const ALL: [Speaks; 4] = [Speaks::Raw, Speaks::Tagged, Speaks::Json, Speaks::Cbor];

/// A client of a document in which channels are called as their messages are.
pub(crate) struct Speaker {
    speaks: Speaks,
    peer: Peer,
    last_id: u64,
}

impl Speaker {
    pub(crate) async fn open(server: &Running, document: &str, speaks: Speaks) -> Self {
        let path = format!("/ws/{document}");
        let subprotocol = match speaks {
            Speaks::Raw => None,
            Speaks::Tagged => Some("specwire.v1.tagged"),
            Speaks::Json => Some("specwire.v1.json"),
            Speaks::Cbor => Some("specwire.v1.cbor"),
        };
        let headers = subprotocol.map(|name| ("sec-websocket-protocol", name));
        let peer = Peer::open(server, &path, headers.as_slice()).await;
        let mut speaker = Self {
            speaks,
            peer: peer.unwrap(),
            last_id: 0,
        };
        if speaker.has_ids() {
            speaker.write(&json!({"op": "init", "id": 0})).await;
            assert_eq!(speaker.read().await["op"], "ack");
        }
        speaker
    }

    pub(crate) fn has_ids(&self) -> bool {
        matches!(self.speaks, Speaks::Json | Speaks::Cbor)
    }

    /// Sends a message with its members, headers among them, by `msg` or by `sub`.
    pub(crate) async fn start(&mut self, op: &str, message: &str, headers: Value, payload: Value) {
        self.last_id += 1;
        if self.has_ids() {
            let frame = json!({"op": op, "id": self.last_id, "channel": message,
                               "headers": headers, "payload": payload});
            return self.write(&frame).await;
        }
        let mut members = payload;
        let beside = headers.as_object().unwrap().clone();
        members.as_object_mut().unwrap().extend(beside);
        match self.speaks {
            Speaks::Tagged => self.peer.send_text(&format!("{message}:{members}")).await,
            _ => self.peer.send(&members).await,
        }
    }

    /// The payload of the next message, past acknowledgements without one and ends.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.speaks {
                Speaks::Raw => return self.peer.next().await,
                Speaks::Tagged => {
                    let text = self.peer.next_text().await;
                    let (_, payload) = text.split_once(':').unwrap();
                    return serde_json::from_str(payload).unwrap();
                }
                Speaks::Json | Speaks::Cbor => {
                    let mut frame = self.read().await;
                    if !frame["payload"].is_null() {
                        return frame["payload"].take();
                    }
                }
            }
        }
    }

    /// Gives up what was started last, with a word that only envelopes have.
    pub(crate) async fn give_up(&mut self) {
        let frame = json!({"op": "unsub", "id": self.last_id});
        self.write(&frame).await;
        assert_eq!(self.read().await, frame);
    }

    /// The code and the message of the fault that comes next.
    pub(crate) async fn next_fault(&mut self) -> (String, String) {
        if self.speaks == Speaks::Tagged {
            let (_, reason) = self.peer.close_frame().await;
            let (code, message) = reason.split_once(": ").unwrap();
            return (code.to_owned(), message.to_owned());
        }
        let mut fault = self.next().await;
        if self.speaks == Speaks::Raw {
            fault = fault["error"].take();
        }
        let text = |name: &str| fault[name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    async fn write(&mut self, frame: &Value) {
        if self.speaks == Speaks::Json {
            return self.peer.send(frame).await;
        }
        let mut bytes = Vec::new();
        ciborium::into_writer(frame, &mut bytes).unwrap();
        self.peer.send_binary(&bytes).await;
    }

    pub(crate) async fn read(&mut self) -> Value {
        if self.speaks == Speaks::Json {
            return self.peer.next().await;
        }
        ciborium::from_reader(self.peer.next_binary().await.as_slice()).unwrap()
    }
}
