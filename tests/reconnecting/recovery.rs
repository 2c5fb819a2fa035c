//! Subscriptions that go on where they were, and those that cannot.

use std::io;
use std::sync::Arc;

use serde_json::json;
use specwire::bus::History;
use specwire::{Fault, Position, Publication, Request, Server, Since, Subscribers};
use specwire_server::heartbeat::{
    self, BeatPub, BeatSub, Client, GetPeriodRequest, GetPeriodResponse, Service,
};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc, watch};

use crate::fake::{connected, fake, next_loss, soon, subscription};

fn shown(publication: Option<Publication<BeatPub>>) -> String {
    match publication {
        Some(Publication::Message(beat)) => beat.payload.subscription_id.unwrap(),
        Some(Publication::Gap) => "gap".to_owned(),
        None => "end".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_is_given_back_and_a_recovery_is_no_gap() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (beats, mut sub) = tokio::join!(client.beat(subscription("1")), async {
        let sub = peer.next().await;
        let position = json!({"epoch": "e", "offset": 4});
        peer.send(json!({"op": "ack", "id": sub["id"], "position": position}))
            .await;
        sub
    });
    let mut beats = beats.unwrap();
    let at = |offset| Position {
        epoch: "e".to_owned(),
        offset,
    };
    assert_eq!(beats.position(), Some(&at(4)));
    peer.beat_at(&sub, "five", 5).await;
    // Made for this subscriber alone, and so in no history.
    peer.beat(&sub, "own").await;
    peer.beat_at(&sub, "seven", 7).await;
    peer.close(1001, "").await;

    let mut peer = fake.accept().await;
    sub["since"] = json!({"epoch": "e", "offset": 7});
    assert_eq!(peer.next().await, sub);
    let position = json!({"epoch": "e", "offset": 7});
    peer.send(json!({"op": "ack", "id": sub["id"], "position": position, "recovered": true}))
        .await;
    peer.beat_at(&sub, "eight", 8).await;
    for expected in ["five", "own", "seven", "eight"] {
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), expected);
    }
    assert_eq!((beats.gaps(), beats.position()), (0, Some(&at(8))));

    // The server has started anew.
    peer.close(1001, "").await;
    let mut peer = fake.accept().await;
    sub["since"] = json!({"epoch": "e", "offset": 8});
    assert_eq!(peer.next().await, sub);
    let position = json!({"epoch": "f", "offset": 0});
    peer.send(json!({"op": "ack", "id": sub["id"], "position": position, "recovered": false}))
        .await;
    peer.beat_at(&sub, "one", 1).await;
    for expected in ["gap", "one"] {
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), expected);
    }
    assert_eq!(beats.position().unwrap().epoch, "f");
    peer.close(1001, "").await;
    let mut peer = fake.accept().await;
    sub["since"] = json!({"epoch": "f", "offset": 1});
    assert_eq!(peer.next().await, sub);
    // One that keeps no history any more, or never knew of it.
    peer.ack(&sub["id"]).await;
    peer.beat(&sub, "late").await;
    for expected in ["gap", "late"] {
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), expected);
    }
    assert_eq!(beats.position(), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_dropped_is_a_gap() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (beats, sub) = tokio::join!(client.beat(subscription("1")), peer.subscribed());
    let mut beats = beats.unwrap();
    peer.beat(&sub, "one").await;
    peer.send(json!({
        "op": "msg", "id": sub["id"], "channel": "beat_pub", "message": "beat_pub",
        "payload": {"subscriptionId": "five"}, "dropped": 3,
    }))
    .await;
    for expected in ["one", "gap", "five"] {
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), expected);
    }
    assert_eq!(beats.gaps(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_asks_for_the_last_or_for_what_came_after_a_position() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let last = client.with_since(Since::Last(1));
    let (beats, sub) = tokio::join!(last.beat(subscription("1")), peer.subscribed());
    assert_eq!(sub["since"], json!({"last": 1}));
    assert_eq!(beats.unwrap().gaps(), 0);
    assert_eq!(peer.next().await["op"], "unsub");

    let position = Position {
        epoch: "old".to_owned(),
        offset: 9,
    };
    let after = client.with_since(Since::After(position));
    let (beats, sub) = tokio::join!(after.beat(subscription("1")), async {
        let sub = peer.next().await;
        peer.send(json!({"op": "ack", "id": sub["id"], "recovered": false}))
            .await;
        sub
    });
    assert_eq!(sub["since"], json!({"epoch": "old", "offset": 9}));
    let mut beats = beats.unwrap();
    peer.beat(&sub, "new").await;
    for expected in ["gap", "new"] {
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), expected);
    }
}

/// Publishes what it is told to, for as long as anybody listens.
struct Told {
    orders: Mutex<mpsc::UnboundedReceiver<String>>,
    published: watch::Sender<usize>,
}

impl Service for Told {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        let mut orders = self.orders.lock().await;
        while let Some(text) = orders.recv().await {
            subscribers.publish(BeatPub {
                subscription_id: Some(text),
            });
            self.published.send_modify(|published| *published += 1);
        }
        Ok(())
    }

    async fn get_period(&self, _: Request<GetPeriodRequest>) -> Result<GetPeriodResponse, Fault> {
        Err(Fault::new("none", "there is none"))
    }
}

/// A server of ours that keeps the last `messages`, what it publishes, and how many it has.
struct Publisher {
    mount: specwire::Mount,
    orders: mpsc::UnboundedSender<String>,
    published: watch::Receiver<usize>,
}

impl Publisher {
    fn keeping(messages: usize) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        let (published, seen) = watch::channel(0);
        let service = Told {
            orders: Mutex::new(received),
            published,
        };
        let history = History {
            messages,
            ..History::default()
        };
        let provider = heartbeat::provider(service).history(heartbeat::topics::BEAT, history);
        Self {
            mount: Server::new().serve(provider).mount().unwrap(),
            orders,
            published: seen,
        }
    }

    /// A client, whose connections are cut by dropping what comes out of the channel.
    async fn client(&self, in_cbor: bool) -> (Client, mpsc::UnboundedReceiver<Arc<Cut>>) {
        let mount = self.mount.clone();
        let (cuts, connections) = mpsc::unbounded_channel();
        let builder = Client::builder("ws://localhost/ws").connector(move |_, _| {
            let (near, far) = duplex(64 << 10);
            let (server, cut) = (mount.serve_connection(far, None), Arc::new(Cut::default()));
            let ended = Arc::clone(&cut);
            tokio::spawn(async move {
                tokio::select! {
                    () = server => {}
                    () = ended.0.notified() => {}
                }
            });
            let _ = cuts.send(cut);
            async { Ok::<DuplexStream, io::Error>(near) }
        });
        let builder = if in_cbor { builder.cbor() } else { builder };
        (builder.connect().await.unwrap(), connections)
    }

    async fn publish(&mut self, numbers: std::ops::RangeInclusive<usize>) {
        let last = *numbers.end();
        for number in numbers {
            self.orders.send(number.to_string()).unwrap();
        }
        drop(
            soon(self.published.wait_for(|seen| *seen == last))
                .await
                .unwrap(),
        );
    }
}

#[derive(Default)]
struct Cut(tokio::sync::Notify);

/// Row R10 of our list of attacks.
#[tokio::test(start_paused = true)]
async fn r10_a_client_resumes_exactly_where_it_was_or_is_told_that_it_could_not() {
    for (kept, recovers, in_cbor) in [(10, true, false), (4, false, false), (10, true, true)] {
        let mut publisher = Publisher::keeping(kept);
        // Keeps the handler running, and the topic.
        let (steady, _) = publisher.client(false).await;
        let mut all = steady.beat(subscription("steady")).await.unwrap();
        let (client, mut connections) = publisher.client(in_cbor).await;
        let mut beats = client.beat(subscription("1")).await.unwrap();
        publisher.publish(1..=3).await;
        for number in 1..=3 {
            let next = soon(beats.next_or_gap()).await.unwrap();
            assert_eq!(shown(next), number.to_string());
        }

        let mut states = client.states();
        let connection = connections.recv().await.unwrap();
        connection.0.notify_one();
        next_loss(&mut states).await;
        publisher.publish(4..=11).await;
        drop(soon(connections.recv()).await.unwrap());
        let first = if recovers {
            4
        } else {
            assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), "gap");
            // The earliest that is kept.
            8
        };
        for number in first..=11 {
            let next = soon(beats.next_or_gap()).await.unwrap();
            assert_eq!(shown(next), number.to_string());
        }
        publisher.publish(12..=12).await;
        assert_eq!(shown(soon(beats.next_or_gap()).await.unwrap()), "12");
        for number in 1..=12 {
            let next = soon(all.next_or_gap()).await.unwrap();
            assert_eq!(shown(next), number.to_string());
        }

        // One that comes late.
        let late = steady.with_since(Since::Last(2));
        let mut late = late.beat(subscription("late")).await.unwrap();
        for number in 11..=12 {
            assert_eq!(
                shown(soon(late.next_or_gap()).await.unwrap()),
                number.to_string()
            );
        }
        // A later run of the program.
        let position = Position {
            offset: 10,
            ..late.position().unwrap().clone()
        };
        let again = steady.with_since(Since::After(position));
        let mut again = again.beat(subscription("again")).await.unwrap();
        for number in 11..=12 {
            assert_eq!(
                shown(soon(again.next_or_gap()).await.unwrap()),
                number.to_string()
            );
        }
    }
}
