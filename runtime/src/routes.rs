//! Which interactions a URL reaches, and which of them a message is for.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::frame::{Correlation, Op};
use crate::json::Member;
use crate::parameters::{self, Parts};
use crate::payload::Content;
use crate::provider::{Handler, Provider, Start, correlation};

/// The interactions that one connection may start: all, those of one document, or one channel's.
#[derive(Clone)]
pub(crate) struct Scope {
    /// As in the URL, such as `/ws/heartbeat`.
    name: String,
    handlers: Arc<[Arc<dyn Handler>]>,
    /// It is that of one channel.
    is_channel: bool,
    /// What the URL's query says.
    parameters: Option<Box<RawValue>>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Splits a message of which only the members are known into headers and payload, for one
/// candidate after the other.
pub(crate) type Split<'a> =
    &'a dyn Fn(&dyn Handler) -> (Option<Box<RawValue>>, Option<Box<RawValue>>);

/// What a message turned out to be.
pub(crate) struct Matched {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) correlation: Option<Arc<Correlation>>,
    pub(crate) start: Start,
}

impl Scope {
    /// Every interaction of every provider.
    pub(crate) fn all<'a>(name: &str, providers: impl IntoIterator<Item = &'a Provider>) -> Self {
        let handlers = providers
            .into_iter()
            .flat_map(|provider| provider.handlers().iter().cloned());
        Self {
            name: name.to_owned(),
            handlers: handlers.collect(),
            is_channel: false,
            parameters: None,
        }
    }

    /// The same with the parameters of addresses that a URL's query gives.
    pub(crate) fn with_query(mut self, query: Option<&str>) -> Self {
        self.parameters = query.and_then(parameters::of_query);
        self
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

    /// What the URL's query says, for messages that say no parameters themselves.
    pub(crate) fn parameters(&self) -> Option<&RawValue> {
        self.parameters.as_deref()
    }

    /// The interactions that `path`, relative to this, reaches: `document` or `document/channel`.
    pub(crate) fn narrow(&self, path: &str) -> Option<Self> {
        let name = format!("{}/{path}", self.name);
        let (document, channel) = match path.split_once('/') {
            Some((document, channel)) => (document, Some(channel)),
            None => (path, None),
        };
        let handlers: Arc<[_]> = self
            .handlers
            .iter()
            .filter(|handler| {
                let interaction = handler.interaction();
                interaction.document() == document
                    && channel.is_none_or(|channel| channel == interaction.start_channel())
            })
            .cloned()
            .collect();
        let is_channel = channel.is_some();
        (!handlers.is_empty()).then_some(Self {
            name,
            handlers,
            is_channel,
            parameters: None,
        })
    }

    /// The interactions that opening the URL starts by itself: those of one channel, if it is the
    /// URL of one, that nothing is sent to start.
    pub(crate) fn opened_by_url(&self) -> impl Iterator<Item = &Arc<dyn Handler>> {
        let handlers = self.handlers.iter();
        handlers.filter(|handler| self.is_channel && handler.starter().is_none())
    }

    /// The handler of `channel` (or `document/channel`) that `message` starts, or, where nothing is
    /// sent to start it, that sends `message`.
    pub(crate) fn find(
        &self,
        channel: &str,
        op: Op,
        message: Option<&str>,
        parts: Parts<'_>,
    ) -> Result<Arc<dyn Handler>, Fault> {
        let on_channel = self.on_channel(channel)?;
        if let Some(message) = message {
            let named = on_channel
                .iter()
                .find(|handler| handler.message() == message);
            return named.cloned().ok_or_else(|| {
                Fault::new(
                    Fault::UNKNOWN_MESSAGE,
                    format!(
                        "the channel `{channel}` has {}, not `{message}`",
                        names(&on_channel)
                    ),
                )
            });
        }
        if let [only] = on_channel.as_slice() {
            return Ok(Arc::clone(only));
        }
        let mut readable = on_channel
            .iter()
            .filter(|handler| handler.op() == op)
            .filter(|handler| Arc::clone(handler).read(parts).is_ok());
        match (readable.next(), readable.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            _ => Err(Fault::new(
                Fault::AMBIGUOUS_MESSAGE,
                format!(
                    "the channel `{channel}` has {}: say which in `message`",
                    names(&on_channel)
                ),
            )),
        }
    }

    fn on_channel(&self, channel: &str) -> Result<Vec<Arc<dyn Handler>>, Fault> {
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

    /// The URL reaches a message that such a frame may be.
    pub(crate) fn takes(&self, content: Content) -> bool {
        self.candidates(content).next().is_some()
    }

    fn candidates(&self, content: Content) -> impl Iterator<Item = &Arc<dyn Handler>> {
        self.handlers.iter().filter(move |handler| {
            !handler.starter().is_none() && handler.starter().carried_as() == content
        })
    }

    /// The one interaction whose starting message has these members.
    pub(crate) fn match_shape(
        &self,
        members: &[Member<'_>],
        split: Split<'_>,
    ) -> Result<Matched, Fault> {
        let members = members
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()));
        let mut mismatches = Vec::new();
        let mut candidates = Vec::new();
        for handler in self.candidates(Content::Json) {
            match handler.starter().mismatch(members.clone()) {
                None => candidates.push(handler),
                Some(reason) => {
                    mismatches.push(format!("`{}`: {reason}", handler.starter().name()))
                }
            }
        }
        if candidates.is_empty() {
            // What calls itself by one message's name is meant to be that message.
            let handlers = self.candidates(Content::Json);
            let mut named = handlers.filter(|handler| handler.starter().is_named_by(&members));
            if let (Some(only), None) = (named.next(), named.next()) {
                candidates.push(only);
            }
        }
        self.read_one(&candidates, mismatches, split)
    }

    /// The one interaction whose starting message this, which has no members, can be read as.
    pub(crate) fn match_value(
        &self,
        content: Content,
        payload: &RawValue,
    ) -> Result<Matched, Fault> {
        let candidates: Vec<_> = self.candidates(content).collect();
        self.read_one(&candidates, Vec::new(), &|_| {
            (None, Some(payload.to_owned()))
        })
    }

    fn read_one(
        &self,
        candidates: &[&Arc<dyn Handler>],
        mut mismatches: Vec<String>,
        split: Split<'_>,
    ) -> Result<Matched, Fault> {
        let mut matched = Vec::new();
        for handler in candidates {
            let (headers, payload) = split(handler.as_ref());
            let parts = Parts {
                parameters: self.parameters(),
                headers: headers.as_deref(),
                payload: payload.as_deref(),
            };
            match Arc::clone(handler).read(parts) {
                Ok(start) => matched.push(Matched {
                    handler: Arc::clone(handler),
                    correlation: correlation(handler.starter(), parts),
                    start,
                }),
                // Where only one message is possible, what is wrong with it is the answer.
                Err(fault) if candidates.len() == 1 => return Err(fault),
                Err(fault) => mismatches.push(fault.message().to_owned()),
            }
        }
        if matched.len() > 1 {
            return Err(ambiguous(&matched));
        }
        matched.pop().ok_or_else(|| self.unmatched(&mismatches))
    }

    fn unmatched(&self, mismatches: &[String]) -> Fault {
        let mut message = format!("no message of `{}` is like this", self.name);
        if !mismatches.is_empty() {
            message.push_str(": ");
            message.push_str(&shown(mismatches, "; "));
        }
        Fault::new(Fault::UNMATCHED_MESSAGE, message)
    }
}

fn ambiguous(matched: &[Matched]) -> Fault {
    let handlers = || matched.iter().map(|matched| &matched.handler);
    let names: Vec<_> = handlers()
        .map(|handler| format!("`{}`", handler.message()))
        .collect();
    let mut urls: Vec<_> = handlers()
        .map(|handler| {
            let interaction = handler.interaction();
            format!(
                "`…/{}/{}`",
                interaction.document(),
                interaction.start_channel()
            )
        })
        .collect();
    urls.dedup();
    let elsewhere = match urls.as_slice() {
        [_] => String::new(),
        urls => format!("open the URL of one channel, {}, or ", shown(urls, " or ")),
    };
    let names = shown(&names, " or ");
    let message = format!("this may be {names}: {elsewhere}add a member that only one has");
    Fault::new(Fault::AMBIGUOUS_MESSAGE, message)
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
