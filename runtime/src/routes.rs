//! Which interactions a URL reaches, and which of them a message is for.

mod shape;

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;

pub(crate) use self::shape::split;
use crate::fault::Fault;
use crate::frame::{Halves, Op, Open};
use crate::framing::{Framing, Raw, Template};
use crate::parameters::{self, Parts};
use crate::provider::{Asker, Handler, Prepared, Provider};

/// The interactions that one connection may start: all, those of one document, or one channel's.
#[derive(Clone)]
pub(crate) struct Scope {
    reach: Arc<Reach>,
    /// What the URL's query says.
    parameters: Option<Box<RawValue>>,
}

/// What all connections at one path have in common.
pub(crate) struct Reach {
    /// As in the URL, such as `/ws/heartbeat`.
    name: String,
    handlers: Box<[Arc<dyn Handler>]>,
    /// Of each document, what is spoken at its URLs by those who ask for nothing else.
    framings: Box<[(&'static str, Template)]>,
    /// What paths below have been found to reach: of those that reach something.
    parts: Mutex<HashMap<String, Arc<Self>>>,
}

impl Deref for Scope {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.reach
    }
}

impl From<Reach> for Scope {
    fn from(reach: Reach) -> Self {
        Self {
            reach: Arc::new(reach),
            parameters: None,
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a message turned out to be.
pub(crate) struct Matched {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) prepared: Prepared,
}

impl Scope {
    /// Every interaction of every provider.
    pub(crate) fn all<'a>(name: &str, providers: impl IntoIterator<Item = &'a Provider>) -> Self {
        let mut handlers = Vec::new();
        let mut framings = Vec::new();
        for provider in providers {
            handlers.extend(provider.handlers().iter().cloned());
            framings.push((provider.document(), provider.template().clone()));
        }
        Self::from(Reach {
            name: name.to_owned(),
            handlers: handlers.into(),
            framings: framings.into(),
            parts: Mutex::default(),
        })
    }

    /// The same with the parameters of addresses that a URL's query gives.
    pub(crate) fn with_query(mut self, query: Option<&str>) -> Self {
        self.parameters = query.and_then(parameters::of_query);
        self
    }

    /// Checks what the URL's query gives as parameters.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_ADDRESS`] where a channel that is reached has a parameter of this name, and does
    /// not take the value.
    pub(crate) fn check_query(&self) -> Result<(), Fault> {
        let Some(given) = &self.parameters else {
            return Ok(());
        };
        let mut handlers = self.handlers.iter();
        handlers.try_for_each(|handler| {
            parameters::check_given(&handler.address(), given, handler.names())
        })
    }

    /// The document that the URL reaches, if it is only one.
    pub(crate) fn document(&self) -> Option<&'static str> {
        let mut documents = self
            .handlers
            .iter()
            .map(|handler| handler.interaction().document());
        let first = documents.next()?;
        documents.all(|document| document == first).then_some(first)
    }

    /// The interactions that `path`, relative to this, reaches: `document` or `document/channel`.
    pub(crate) fn narrow(&self, path: &str) -> Option<Self> {
        // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
        let parts = || self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts().get(path).cloned();
        let reach = match known {
            Some(known) => known,
            None => {
                let found = Arc::new(self.part(path)?);
                Arc::clone(parts().entry(path.to_owned()).or_insert(found))
            }
        };
        Some(Self {
            reach,
            parameters: None,
        })
    }

    /// The interactions of one document.
    pub(crate) fn of_document(&self, document: &str) -> Option<Self> {
        let is_one = !document.contains('/');
        is_one.then(|| self.narrow(document)).flatten()
    }

    fn part(&self, path: &str) -> Option<Reach> {
        let (document, channel) = match path.split_once('/') {
            Some((document, channel)) => (document, Some(channel)),
            None => (path, None),
        };
        let handlers = self.handlers.iter().filter(|handler| {
            let interaction = handler.interaction();
            interaction.document() == document
                && channel.is_none_or(|channel| channel == interaction.start_channel())
        });
        let handlers: Box<[_]> = handlers.cloned().collect();
        let framings = self.framings.iter();
        let framings = framings.filter(|(of, _)| *of == document).cloned();
        (!handlers.is_empty()).then(|| Reach {
            name: format!("{}/{path}", self.name),
            handlers,
            framings: framings.collect(),
            parts: Mutex::default(),
        })
    }

    /// What is spoken here unless a client asks for something else: what the one document says
    /// that the URL reaches, and otherwise raw frames.
    pub(crate) fn framing(&self) -> Box<dyn Framing> {
        match self.framings.as_ref() {
            [(_, framing)] => framing.make(),
            _ => Box::new(Raw),
        }
    }

    /// The interactions that opening the URL starts by itself, each read: those that nothing is
    /// sent to start, if the URL reaches one document. Where it reaches several channels, those are
    /// left out whose address has parameters that the URL does not give.
    pub(crate) fn opened_by_url(
        &self,
        asker: Asker<'_>,
    ) -> impl Iterator<Item = (&Arc<dyn Handler>, Result<Prepared, Fault>)> {
        let parts = Parts {
            parameters: self.parameters.as_deref(),
            ..Parts::default()
        };
        let is_document = self.document().is_some();
        let is_channel = is_document && self.is_channel();
        let handlers = self.handlers.iter();
        handlers
            .filter(move |handler| is_document && handler.starter().is_none())
            .map(move |handler| (handler, Arc::clone(handler).read(parts, asker)))
            .filter(move |(_, prepared)| is_channel || prepared.is_ok())
    }

    /// Of one document, it reaches one channel.
    fn is_channel(&self) -> bool {
        let handlers = self.handlers.iter();
        let mut channels = handlers.map(|handler| handler.interaction().start_channel());
        let first = channels.next();
        channels.all(|channel| Some(channel) == first)
    }

    /// The interaction that a message starts, and the message read.
    pub(crate) fn resolve(&self, open: &Open<'_>, asker: Asker<'_>) -> Result<Matched, Fault> {
        let parameters = open.parameters.as_deref().or(self.parameters.as_deref());
        let (headers, payload) = match &open.halves {
            Halves::Together(frame) => return shape::find(self, open, parameters, frame, asker),
            Halves::Apart { headers, payload } => (headers.as_deref(), payload.as_deref()),
        };
        let parts = Parts {
            parameters,
            headers,
            payload,
            text: None,
        };
        let handler = self.find(open, parts, asker)?;
        read(open, &handler, parts, asker)
    }

    /// The handler that the message starts, or, where nothing is sent to start it, that sends it.
    fn find(
        &self,
        open: &Open<'_>,
        parts: Parts<'_>,
        asker: Asker<'_>,
    ) -> Result<Arc<dyn Handler>, Fault> {
        if let Some(only) = self.named(open) {
            return Ok(Arc::clone(only));
        }
        let mut candidates = self.on_channel(open.channel.as_deref())?;
        let place = match &open.channel {
            Some(channel) => format!("the channel `{channel}`"),
            None => format!("`{}`", self.name),
        };
        if let Some(message) = &open.message {
            let names = names(&candidates);
            candidates.retain(|handler| handler.message() == message);
            if candidates.is_empty() {
                let message = format!("{place} has {names}, not `{message}`");
                return Err(Fault::new(Fault::UNKNOWN_MESSAGE, message));
            }
        }
        if let [only] = candidates.as_slice() {
            return Ok(Arc::clone(only));
        }
        let (mut readable, mut misnamed) = (Vec::new(), None);
        for handler in &candidates {
            if open.op.is_some_and(|op| handler.op() != op) {
                continue;
            }
            match Arc::clone(handler).read(parts, asker) {
                Ok(_) => readable.push(handler),
                Err(fault) if fault.code() == Fault::INVALID_ADDRESS => misnamed = Some(fault),
                Err(_) => {}
            }
        }
        match (readable.as_slice(), misnamed) {
            ([only], _) => Ok(Arc::clone(only)),
            // It fits but for a name.
            ([], Some(fault)) => Err(fault),
            _ => {
                let names = names(&candidates);
                let message = format!("{place} has {names}: say which in `message`");
                Err(Fault::new(Fault::AMBIGUOUS_MESSAGE, message))
            }
        }
    }

    /// The one that goes by the names that the message gives, as most do.
    fn named(&self, open: &Open<'_>) -> Option<&Arc<dyn Handler>> {
        let channel = open.channel.as_deref().filter(|name| !name.contains('/'))?;
        let handlers = self.handlers.iter();
        let on_channel =
            handlers.filter(|handler| handler.interaction().start_channel() == channel);
        let mut documents = on_channel
            .clone()
            .map(|handler| handler.interaction().document());
        let first = documents.next();
        if !documents.all(|document| Some(document) == first) {
            return None;
        }
        let message = open.message.as_deref();
        let mut named =
            on_channel.filter(|handler| message.is_none_or(|message| handler.message() == message));
        match (named.next(), named.next()) {
            (only, None) => only,
            _ => None,
        }
    }

    /// What may be started on a channel, or on any.
    fn on_channel(&self, channel: Option<&str>) -> Result<Vec<Arc<dyn Handler>>, Fault> {
        let Some(channel) = channel else {
            return Ok(self.handlers.to_vec());
        };
        let qualified: Vec<_> = self.select(|document, start| {
            channel
                .strip_prefix(document)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest == start)
        });
        if !qualified.is_empty() {
            return Ok(qualified);
        }
        let bare = self.select(|_, start| start == channel);
        let mut documents: Vec<_> = bare
            .iter()
            .map(|handler| handler.interaction().document())
            .collect();
        documents.dedup();
        match documents.as_slice() {
            [] => Err(Fault::new(
                Fault::UNKNOWN_CHANNEL,
                format!(
                    "nothing can be sent to a channel `{channel}` of `{}`",
                    self.name
                ),
            )),
            [_] => Ok(bare),
            [first, ..] => Err(Fault::new(
                Fault::AMBIGUOUS_MESSAGE,
                format!(
                    "several documents have a channel `{channel}`: say which, as in `{first}/{channel}`"
                ),
            )),
        }
    }

    fn select(&self, wanted: impl Fn(&str, &str) -> bool) -> Vec<Arc<dyn Handler>> {
        let handlers = self.handlers.iter();
        handlers
            .filter(|handler| {
                let interaction = handler.interaction();
                wanted(interaction.document(), interaction.start_channel())
            })
            .cloned()
            .collect()
    }
}

/// The message as that of this handler.
fn read(
    open: &Open<'_>,
    handler: &Arc<dyn Handler>,
    parts: Parts<'_>,
    asker: Asker<'_>,
) -> Result<Matched, Fault> {
    check(open, handler.as_ref())?;
    Ok(Matched {
        prepared: Arc::clone(handler).read(parts, asker)?,
        handler: Arc::clone(handler),
    })
}

/// Whether the message may start this in the way that it says.
fn check(open: &Open<'_>, handler: &dyn Handler) -> Result<(), Fault> {
    let Some(op) = open.op else {
        return Ok(());
    };
    let name = handler.interaction().name();
    match (op, handler.op()) {
        (Op::Message, Op::Message) | (Op::Subscribe, Op::Subscribe) => {}
        (Op::Message, Op::Subscribe) => {
            return Err(Fault::new(
                Fault::WRONG_OP,
                format!("`{name}` has many answers: start it with `sub`"),
            ));
        }
        (Op::Subscribe, Op::Message) => {
            return Err(Fault::new(
                Fault::WRONG_OP,
                format!("`{name}` has one answer at most: start it with `msg`"),
            ));
        }
    }
    if open.id.is_none() && handler.is_answered() {
        return Err(Fault::new(
            Fault::MISSING_ID,
            format!("`{name}` is answered: give an `id`"),
        ));
    }
    Ok(())
}

/// The first few of a list.
fn shown(list: &[String], separator: &str) -> String {
    const SHOWN: usize = 8;
    let first: Vec<_> = list.iter().take(SHOWN).map(String::as_str).collect();
    let mut text = first.join(separator);
    if list.len() > SHOWN {
        text.push_str(separator);
        text.push('…');
    }
    text
}

fn names(handlers: &[Arc<dyn Handler>]) -> String {
    let names: Vec<_> = handlers
        .iter()
        .map(|handler| format!("`{}`", handler.message()))
        .collect();
    shown(&names, " or ")
}
