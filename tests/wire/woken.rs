//! A connection that reads no more goes on when it may, whoever makes that so and whenever.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use serde_json::json;
use specwire::private::{Interaction, Wiring};
use specwire::{Fault, Limits, NoError, Request, Server, Updates};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::client::{Peer, soon};
use crate::topics::generated::{Lost, Said, Say};

type Sending = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// What a connection writes to: while it is shut it takes nothing, and tells of the next attempt.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Shut>>);

#[derive(Default)]
struct Shut {
    is_shut: bool,
    /// Given up when something is to be written.
    given_up: Option<Sending>,
}

struct Gated {
    io: DuplexStream,
    gate: Gate,
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let (is_shut, given_up) = {
            let mut shut = self.gate.0.lock().unwrap();
            (shut.is_shut, shut.given_up.take())
        };
        drop(given_up);
        if is_shut {
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Until all who can go on have.
async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Replies that wait for room keep a connection from reading. Where the last of those that are too many is
/// given up while the connection is at work, and has looked at that already, nobody wakes it.
#[tokio::test(start_paused = true)]
async fn room_that_is_made_while_a_connection_is_at_work_lets_it_read_on() {
    let (handed, mut given) = mpsc::unbounded_channel::<Updates<Said, NoError>>();
    let (heard, mut lost) = mpsc::unbounded_channel();
    let tell = Interaction::new("gate", "tell").message("tell");
    let tell = tell.update("told").reply("told");
    let lose = Interaction::new("gate", "lose").message("lose");
    let provider = Wiring::new("gate", ())
        .progress::<Say, (), Said, Said, NoError, _>(tell, move |_, _, updates| {
            let is_given = handed.send(updates).is_ok();
            async move {
                assert!(is_given);
                std::future::pending().await
            }
        })
        .send::<Lost, (), _>(lose, move |_, lost: Request<Lost>| {
            let is_heard = heard.send(lost.into_payload()).is_ok();
            async move {
                assert!(is_heard);
                Ok(())
            }
        })
        .finish();
    let limits = Limits {
        queue_bytes: 1000,
        ..Limits::default()
    };
    let mount = Server::new()
        .limits(limits)
        .serve(provider)
        .mount()
        .unwrap();
    let gate = Gate::default();
    let mut peer = Peer::envelope_through(&mount, |io| Gated {
        io,
        gate: gate.clone(),
    })
    .await;
    peer.send(&json!({"op": "sub", "id": 1, "channel": "tell", "payload": {"text": ""}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    let updates = Arc::new(soon(given.recv()).await.unwrap());
    let told = || -> Sending {
        let updates = Arc::clone(&updates);
        let text = "x".repeat(600);
        Box::pin(async move { updates.send(Said { text, by: None }).await })
    };

    // One is being written, another has room, a third waits for it, and with a fourth they are too many.
    gate.0.lock().unwrap().is_shut = true;
    for _ in 0..2 {
        soon(told()).await.unwrap();
        settled().await;
    }
    let mut waiting = [told(), told()];
    for waiting in &mut waiting {
        assert!(waiting.now_or_never().is_none());
    }
    peer.send(&json!({"op": "msg", "channel": "lose", "payload": "keys"}))
        .await;
    settled().await;
    assert!(lost.try_recv().is_err(), "it is not read");

    // That is given up, which wakes the connection, and another comes before it has looked; and is given
    // up when it has.
    let [_waits, last] = waiting;
    drop(last);
    let mut another = told();
    poll_fn(|cx| {
        assert!(another.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    gate.0.lock().unwrap().given_up = Some(another);
    assert_eq!(soon(lost.recv()).await.unwrap(), Lost("keys".to_owned()));
    assert!(gate.0.lock().unwrap().given_up.is_none());
}
