//! A token is nowhere to be seen (row S06 of our list of attacks), at any level of any log.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Fields};
use tracing::{Event, Subscriber};

use crate::fake::{connected, fake, next_loss};

const TOKEN: &str = "eyJ0b3Atc2VjcmV0Ijo0Mn0";

#[tokio::test(start_paused = true)]
async fn s06_a_token_is_in_no_log() {
    let lines = Lines::default();
    // Ours and those of libraries, of all tests that run meanwhile.
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    log::set_logger(Box::leak(Box::new(lines.clone()))).unwrap();
    log::set_max_level(LevelFilter::Trace);

    let (builder, mut fake) = fake();
    let (client, peer) = connected(builder.bearer_token(TOKEN), &mut fake).await;
    assert_eq!(peer.headers["authorization"], format!("Bearer {TOKEN}"));
    let mut states = client.states();
    peer.close(1001, "").await;
    next_loss(&mut states).await;
    fake.refuse(503).await;
    next_loss(&mut states).await;
    client.close().await;

    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(lines.contains("the client's state"), "ours are heard");
    assert!(lines.contains("frame"), "those of libraries are heard");
    for line in lines.lines() {
        assert!(!line.contains(TOKEN), "{line}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Lines {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_str(line);
        lines.push('\n');
    }
}

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.add(&record.args().to_string());
    }

    fn flush(&self) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(String::new());
        span.record(&mut text);
        self.add(&text.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, fields: &Fields<'_>) {
        let mut text = Text(String::new());
        fields.record(&mut text);
        self.add(&text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.add(&text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
