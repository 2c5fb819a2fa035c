//! The client's side of frames that are nothing but messages: raw and tagged ones, from whichever
//! server. What a frame answers is found out by what may come.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use data_encoding::BASE64;
use serde_json::value::RawValue;

use crate::frame::{
    Body, Candidate, Command, Content, Event, Expected, Frame, Halves, Open, Origin, Part, Told,
};
use crate::framing::{raw, tagged};
use crate::json::{self, Member};
use crate::payload::{self, MessageSpec};

/// The exchanges of one connection, and what may come for each.
#[derive(Debug)]
pub(super) struct Bare {
    is_tagged: bool,
    /// By their numbers, which grow: the first is the oldest.
    going: BTreeMap<u64, Going>,
    /// Frames that came before anything was asked for, of a server that sends by itself.
    early: VecDeque<Frame<'static>>,
    has_begun: bool,
}

/// Frames that came early and are kept, and the bytes that one may have.
const EARLY: usize = 64;
const EARLY_BYTES: usize = 64 << 10;

/// An exchange that more may come for.
#[derive(Debug)]
struct Going {
    answers: Vec<(Part, Candidate)>,
    /// What the message said that its answers repeat.
    correlation: Option<(&'static str, Box<RawValue>)>,
}

/// A frame that something may be.
struct Read<'a> {
    /// The message's name, where frames have it.
    name: Option<Cow<'a, str>>,
    shape: Shape<'a>,
}

enum Shape<'a> {
    Object(&'a RawValue, Vec<Member<'a>>),
    Value(&'a RawValue),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A place that a frame may have.
struct Place {
    id: u64,
    part: Part,
    candidate: Candidate,
    content: Content,
    /// It repeats what the message said.
    is_told: bool,
    /// Members of the frame that the message does not declare.
    undeclared: usize,
}

impl Bare {
    pub(super) fn new(is_tagged: bool) -> Self {
        Self {
            is_tagged,
            going: BTreeMap::new(),
            early: VecDeque::new(),
            has_begun: false,
        }
    }

    /// Writes the frame of a command, if it has one, and adds what follows from it at once.
    pub(super) fn write(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Option<Frame<'static>> {
        let open = match command {
            Command::Open(open) => open,
            // There is no frame for it: what still comes has no place any more.
            Command::Close { id } => {
                self.going.remove(id);
                return None;
            }
        };
        let expected = open.expected.map(|expected| expected())?;
        let content = content(&expected.sent, open);
        if let Some(id) = open.id {
            let has = |part| expected.answers.iter().any(|(known, _)| *known == part);
            if expected.is_acknowledged && !has(Part::Ack) {
                events.push(Event::new(Some(id).into(), Body::Ack(None)));
            }
            // Where no more than an error may come, nobody waits for that.
            if expected
                .answers
                .iter()
                .any(|(part, _)| *part != Part::Error)
            {
                let going = Going {
                    correlation: correlation(&expected, open),
                    answers: expected.answers,
                };
                self.going.insert(id, going);
                self.catch_up(id, events);
            }
        }
        self.has_begun = true;
        let content = content?;
        if self.is_tagged {
            return Some(tagged::write_content(&content).into());
        }
        Some(content.together().into_owned())
    }

    /// Gives a new subscription what came for it before.
    fn catch_up(&mut self, id: u64, events: &mut Vec<Event>) {
        for frame in std::mem::take(&mut self.early) {
            let mut places = self
                .parse(&frame)
                .map_or_else(Vec::new, |read| self.places(&read));
            narrow(&mut places);
            let mut own = places
                .into_iter()
                .filter(|place| place.id == id && place.part == Part::Publication);
            match own.next() {
                Some(place) => {
                    events.push(Event::new(Some(id).into(), Body::Message(place.content)));
                }
                None => self.early.push_back(frame),
            }
        }
    }

    fn keep(&mut self, frame: &Frame<'_>) {
        let bytes = match frame {
            Frame::Text(text) => text.len(),
            Frame::Binary(bytes) => bytes.len(),
        };
        if bytes <= EARLY_BYTES {
            self.early.push_back(frame.clone().into_owned());
            self.early.truncate(EARLY);
        }
    }

    /// Finds out what a frame is for, and adds the events that it is.
    pub(super) fn read(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(read) = self.parse(frame) else {
            return unwanted("it is not a frame of this framing");
        };
        let mut places = self.places(&read);
        narrow(&mut places);
        let one = places
            .iter()
            .position(|place| place.part != Part::Publication);
        if let Some(one) = one {
            // What answers one message answers the oldest that it may.
            let place = places.swap_remove(one);
            return self.answer(place, events);
        }
        if places.is_empty() && !self.has_begun {
            return self.keep(frame);
        }
        if places.is_empty() {
            match self.fault(&read) {
                Some(event) => events.push(event),
                None => unwanted("no call and no subscription that is going on takes it"),
            }
        }
        for place in places {
            let body = Body::Message(place.content);
            events.push(Event::new(Some(place.id).into(), body));
        }
    }

    fn parse<'a>(&self, frame: &'a Frame<'_>) -> Option<Read<'a>> {
        let text: &'a str = match frame {
            Frame::Text(text) => text,
            Frame::Binary(bytes) => {
                return (!self.is_tagged).then_some(Read {
                    name: None,
                    shape: Shape::Bytes(bytes),
                });
            }
        };
        let (name, body) = if self.is_tagged {
            let (name, body) = text.split_once(':')?;
            (Some(Cow::Borrowed(name)), body)
        } else {
            (None, text)
        };
        let shape = match serde_json::from_str::<&'a RawValue>(body) {
            Ok(value) => match json::members(value.get()) {
                Ok(members) => Shape::Object(value, members),
                Err(_) => Shape::Value(value),
            },
            Err(_) => Shape::Text(body),
        };
        // Where only text may come, text it is.
        let shape = match shape {
            Shape::Object(..) | Shape::Value(_) if !self.takes_json(name.as_deref()) => {
                Shape::Text(body)
            }
            shape => shape,
        };
        Some(Read { name, shape })
    }

    fn takes_json(&self, name: Option<&str>) -> bool {
        let mut answers = self.going.values().flat_map(|going| &going.answers);
        answers.any(|(_, candidate)| {
            let spec = &candidate.spec;
            name.is_none_or(|name| name == spec.name())
                && spec.carried_as() != payload::Content::Text
        })
    }

    fn places(&self, read: &Read<'_>) -> Vec<Place> {
        let mut places = Vec::new();
        for (id, going) in &self.going {
            for (part, candidate) in &going.answers {
                let Some(content) = read.content(&candidate.spec) else {
                    continue;
                };
                // Of what is no object, only reading tells.
                if matches!(read.shape, Shape::Value(_))
                    && read.name.is_none()
                    && !(candidate.reads)(&content)
                {
                    continue;
                }
                let told = going.correlation.as_ref().and_then(|(name, value)| {
                    let told = read.member(name)?;
                    Some(is_same(told, value))
                });
                // The answer to another message.
                if told == Some(false) {
                    continue;
                }
                places.push(Place {
                    id: *id,
                    part: *part,
                    candidate: *candidate,
                    content,
                    is_told: told.is_some(),
                    undeclared: read.undeclared(&candidate.spec),
                });
            }
        }
        places
    }

    fn answer(&mut self, place: Place, events: &mut Vec<Event>) {
        let body = match place.part {
            Part::Ack => Body::Ack(Some(place.content)),
            Part::Update | Part::Publication | Part::Response => Body::Message(place.content),
            Part::Error => Body::Declared(place.content),
        };
        match place.part {
            Part::Response | Part::Error => {
                let going = self.going.remove(&place.id);
                let mut answers = going.iter().flat_map(|going| &going.answers);
                // A response acknowledges what nothing else has.
                if place.part == Part::Response && answers.any(|(part, _)| *part == Part::Ack) {
                    events.push(Event::new(Some(place.id).into(), Body::Ack(None)));
                }
            }
            Part::Ack => {
                if let Some(going) = self.going.get_mut(&place.id) {
                    going.answers.retain(|(part, _)| *part != Part::Ack);
                }
            }
            Part::Update | Part::Publication => {}
        }
        events.push(Event::new(Some(place.id).into(), body));
    }

    /// A fault as a server of ours tells it: for the exchange that it says, or for the oldest that
    /// waits for an answer.
    fn fault(&mut self, read: &Read<'_>) -> Option<Event> {
        let Shape::Object(_, members) = &read.shape else {
            return None;
        };
        let fault = raw::read_fault(members)?;
        let is_told = |going: &Going| {
            going.correlation.as_ref().is_some_and(|(name, value)| {
                read.member(name).is_some_and(|told| is_same(told, value))
            })
        };
        let waits = |going: &Going| {
            let mut answers = going.answers.iter();
            answers.any(|(part, _)| *part == Part::Response)
        };
        let told = self.going.iter().find(|(_, going)| is_told(going));
        let found = told.or_else(|| self.going.iter().find(|(_, going)| waits(going)));
        let id = found.map(|(id, _)| *id);
        if let Some(id) = id {
            self.going.remove(&id);
        }
        Some(Event::new(Origin::from(id), Body::Fault(fault)))
    }
}

fn unwanted(why: &str) {
    tracing::debug!(why, "a frame was passed over");
}

/// Leaves those places that a frame may really have.
fn narrow(places: &mut Vec<Place>) {
    if places.iter().any(|place| place.is_told) {
        places.retain(|place| place.is_told);
    }
    // A message that leaves much open has the shape of many others.
    let least = places.iter().map(|place| place.undeclared).min();
    places.retain(|place| Some(place.undeclared) == least);
    let is_another = |pair: &[Place]| matches!(pair, [a, b] if a.candidate.spec.name() != b.candidate.spec.name());
    // What has the shape of several messages is those that it can be read as.
    if places.windows(2).any(is_another) {
        let readable = |place: &Place| (place.candidate.reads)(&place.content);
        if places.iter().any(readable) {
            places.retain(readable);
        }
    }
}

impl Read<'_> {
    /// The member of a message that is an object.
    fn member(&self, name: &str) -> Option<&RawValue> {
        let Shape::Object(_, members) = &self.shape else {
            return None;
        };
        let found = members.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| *value)
    }

    fn undeclared(&self, spec: &MessageSpec) -> usize {
        match &self.shape {
            Shape::Object(_, members) => {
                let names = members.iter().map(|(name, _)| name.as_ref());
                names.filter(|name| !spec.declares(name)).count()
            }
            Shape::Value(_) | Shape::Text(_) | Shape::Bytes(_) => 0,
        }
    }

    /// The message of this kind that the frame may be, by its name and its shape.
    fn content(&self, spec: &MessageSpec) -> Option<Content> {
        if self.name.as_deref().is_some_and(|name| name != spec.name()) {
            return None;
        }
        let (headers, payload) = match (&self.shape, spec.carried_as()) {
            (Shape::Object(value, members), payload::Content::Json) => {
                let texts = members
                    .iter()
                    .map(|(name, value)| (name.as_ref(), value.get()));
                // A name is enough: what is wrong with it is found out by reading it.
                if self.name.is_none() && spec.mismatch(texts).is_some() {
                    return None;
                }
                split(spec, value, members)
            }
            (Shape::Value(value), payload::Content::Json)
                if self.name.is_some() || spec.mismatch(std::iter::empty()).is_none() =>
            {
                (None, (*value).to_owned())
            }
            (Shape::Value(value), payload::Content::Binary) if self.name.is_some() => {
                (None, (*value).to_owned())
            }
            (Shape::Text(text), payload::Content::Text) => (None, string(text)?),
            (Shape::Object(value, _) | Shape::Value(value), payload::Content::Text) => {
                (None, string(value.get())?)
            }
            (Shape::Bytes(bytes), payload::Content::Binary) => {
                (None, string(&BASE64.encode(bytes))?)
            }
            _ => return None,
        };
        Some(Content::new(Told {
            channel: Cow::Borrowed(""),
            message: Cow::Borrowed(spec.name()),
            headers: headers.map(Arc::from),
            payload: payload.into(),
            carried_as: spec.carried_as(),
            offset: None,
            is_plain: false,
        }))
    }
}

/// Headers are those members that the message declares as such.
fn split(
    spec: &MessageSpec,
    value: &RawValue,
    members: &[Member<'_>],
) -> (Option<Box<RawValue>>, Box<RawValue>) {
    let (headers, own): (Vec<_>, Vec<_>) = members
        .iter()
        .cloned()
        .partition(|(name, _)| spec.is_header(name));
    match json::object(&own) {
        Some(own) if !headers.is_empty() => (json::object(&headers), own),
        _ => (None, value.to_owned()),
    }
}

/// Text as JSON has it.
fn string(text: &str) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(text).ok()
}

fn is_same(told: &RawValue, said: &RawValue) -> bool {
    let value = |text: &RawValue| serde_json::from_str::<serde_json::Value>(text.get()).ok();
    told.get() == said.get() || value(told) == value(said)
}

fn halves<'a>(open: &'a Open<'_>) -> (Option<&'a RawValue>, Option<&'a RawValue>) {
    match &open.halves {
        Halves::Apart { headers, payload } => (headers.as_deref(), payload.as_deref()),
        Halves::Together(_) => (None, None),
    }
}

/// What a message says that its answers repeat.
fn correlation(expected: &Expected, open: &Open<'_>) -> Option<(&'static str, Box<RawValue>)> {
    let place = expected.sent.correlation()?;
    let (headers, payload) = halves(open);
    let half = match place {
        payload::Place::Header(_) => headers?,
        payload::Place::Member(_) => payload?,
    };
    let members = json::members(half.get()).ok()?;
    let (_, value) = members.into_iter().find(|(name, _)| name == place.name())?;
    (value.get() != "null").then(|| (place.name(), value.to_owned()))
}

/// The message that is sent; none where nothing is.
fn content(sent: &MessageSpec, open: &Open<'_>) -> Option<Content> {
    let (headers, payload) = halves(open);
    Some(Content::new(Told {
        channel: Cow::Borrowed(""),
        message: Cow::Borrowed(sent.name()),
        headers: headers.map(|headers| Arc::from(headers.to_owned())),
        payload: payload?.to_owned().into(),
        carried_as: sent.carried_as(),
        offset: None,
        is_plain: false,
    }))
}
