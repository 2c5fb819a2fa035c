//! Raw: the frame is the payload, with declared headers as members beside the payload's own.

use std::any::TypeId;
use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Frame, Framing, Input, Open, Refusal, Written};
use crate::fault::Fault;
use crate::frame::{Body, Event};
use crate::json::{self, Member};

/// Raw: a frame is one message's payload, with declared headers as members beside the payload's own.
///
/// What `websocat`, a browser or any existing AsyncAPI client sends: `docs/protocol.md`, Raw. It
/// is what connections speak that ask for no subprotocol, unless the document's provider was given
/// [another framing](crate::Provider::framing).
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Framing for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        Ok(Input::Open(Open::together(frame)))
    }

    fn alike(&self) -> Option<TypeId> {
        Some(TypeId::of::<Self>())
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        match event.body() {
            Body::Message(content) | Body::Declared(content) | Body::Ack(Some(content)) => {
                content.together().into()
            }
            Body::Fault(fault) => match write_fault(fault, event.correlation()) {
                Some(text) => text.into(),
                None => Written::Nothing,
            },
            Body::Ack(None) | Body::Subscribed(_) | Body::Gap | Body::End => Written::Nothing,
        }
    }
}

/// The fault that a frame of a server of ours is, if it is one.
pub(crate) fn read_fault(members: &[Member<'_>]) -> Option<Fault> {
    #[derive(Deserialize)]
    struct Told {
        code: String,
        message: String,
    }
    let (_, error) = members.iter().find(|(name, _)| name == "error")?;
    // Beside what is repeated there is nothing.
    if members.len() > 2 {
        return None;
    }
    let told: Told = serde_json::from_str(error.get()).ok()?;
    Some(Fault::new(told.code, told.message))
}

/// With what replies repeat, by which alone a peer can tell what has failed.
fn write_fault(fault: &Fault, correlation: Option<(&str, &str)>) -> Option<String> {
    let error = serde_json::json!({ "code": fault.code(), "message": fault.message() });
    let error = serde_json::value::to_raw_value(&error).ok()?;
    let mut members: Vec<Member<'_>> = Vec::new();
    if let Some((name, value)) = correlation {
        let value: &RawValue = serde_json::from_str(value).ok()?;
        members.push((Cow::Borrowed(name), value));
    }
    members.push((Cow::Borrowed("error"), &error));
    json::object(&members).map(|object| object.get().to_owned())
}
