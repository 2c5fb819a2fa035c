//! The framings' parsers, each by itself: the envelope in JSON and in CBOR, raw, and tagged.

use std::borrow::Cow;

use specwire::framing::{Envelope, Frame, Framing, Input, Raw, Tagged};

use crate::parts;

/// Reads frames: the first part of the input names the framing, each other is a frame. It must not
/// panic, and what comes of a frame must not depend on who owns it.
pub fn check(input: &[u8]) {
    let mut parts = parts(input).into_iter();
    let name = parts.next();
    let mut framing: Box<dyn Framing> = match name {
        Some(b"json") => Box::new(Envelope::json()),
        Some(b"cbor") => Box::new(Envelope::cbor()),
        Some(b"raw") => Box::new(Raw),
        _ => Box::new(Tagged),
    };
    for part in parts {
        let frame = match std::str::from_utf8(part) {
            Ok(text) if name != Some(b"cbor") => Frame::Text(Cow::Borrowed(text)),
            _ => Frame::Binary(Cow::Borrowed(part)),
        };
        let Ok(read) = framing.read(frame) else {
            // The peer would be turned away.
            return;
        };
        if let Input::Answer(Frame::Text(text)) = &read {
            let json = serde_json::from_str::<serde_json::Value>(text);
            assert!(json.is_ok(), "an answer that is not JSON: {text}");
        }
        let shown = format!("{read:?}");
        assert_eq!(shown, format!("{:?}", read.into_owned()));
    }
}
