//! Which message a frame is that is nothing but the message: by its name if it has one, and else by
//! its shape.

use std::borrow::Cow;
use std::sync::Arc;

use data_encoding::BASE64;
use serde_json::value::RawValue;

use super::{Matched, Scope, names, read, shown};
use crate::fault::Fault;
use crate::frame::{Frame, Open};
use crate::json::{self, Member};
use crate::parameters::Parts;
use crate::payload::{Content, Mismatch};
use crate::provider::{Asker, Handler};

/// The one interaction of `scope` that the message starts.
pub(super) fn find(
    scope: &Scope,
    open: &Open<'_>,
    parameters: Option<&RawValue>,
    frame: &Frame<'_>,
    asker: Asker<'_>,
) -> Result<Matched, Fault> {
    let handlers = match (&open.channel, &open.message) {
        (None, None) => Cow::Borrowed(&*scope.handlers),
        (channel, None) => Cow::Owned(scope.on_channel(channel.as_deref())?),
        (channel, Some(message)) => {
            let mut handlers = scope.on_channel(channel.as_deref())?;
            handlers.retain(|handler| !handler.starter().is_none());
            let known = names(&handlers);
            handlers.retain(|handler| handler.message() == message);
            if handlers.is_empty() {
                let message = format!("`{}` takes {known}, not `{message}`", scope.name);
                return Err(Fault::new(Fault::UNKNOWN_MESSAGE, message));
            }
            Cow::Owned(handlers)
        }
    };
    let candidates = Candidates {
        scope,
        open,
        parameters,
        handlers,
        asker,
    };
    match frame {
        Frame::Text(text) => candidates.of_text(text),
        Frame::Binary(bytes) => candidates.of_bytes(bytes),
    }
}

/// The interactions that the message may start.
struct Candidates<'a> {
    scope: &'a Scope,
    open: &'a Open<'a>,
    parameters: Option<&'a RawValue>,
    handlers: Cow<'a, [Arc<dyn Handler>]>,
    asker: Asker<'a>,
}

/// Splits a message of which only the members are known into headers and payload, for one
/// candidate after the other.
type Split<'s, 'v> = &'s dyn Fn(&dyn Handler) -> (Half<'v>, Half<'v>);

/// The headers or the payload, if there are any.
type Half<'v> = Option<Cow<'v, RawValue>>;

impl Candidates<'_> {
    /// The message that a text is: JSON, unless only text will do.
    fn of_text(&self, text: &str) -> Result<Matched, Fault> {
        let as_text = || {
            let candidates: Vec<_> = self.carried_as(Content::Text).collect();
            self.read_one(&candidates, &[], Some(text), &|_| (None, None))
        };
        let takes_text = self.take(Content::Text);
        if takes_text && !self.take(Content::Json) {
            return match self.only(Content::Text) {
                Some(only) => self.read(only, (None, None), Some(text)),
                None => as_text(),
            };
        }
        let matched = self.of_json(text);
        // Whoever writes a bracket means JSON, and is told what is wrong with it.
        if matched.is_err() && takes_text && !text.trim_start().starts_with(['{', '[']) {
            return as_text();
        }
        matched
    }

    fn of_json(&self, text: &str) -> Result<Matched, Fault> {
        if let Some(matched) = self.of_the_one(text) {
            return Ok(matched);
        }
        // First, as nothing is read to its end that has too many.
        let is_object = text.trim_start().starts_with('{');
        let members = is_object.then(|| json::members_within(text, json::MANY));
        let members = members.transpose().map_err(|error| invalid(&error))?;
        let value: &RawValue = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        // A name says what bytes in base64 are, which their shape would not.
        if self.open.message.is_some() && !self.take(Content::Json) {
            return self.of_value(Content::Binary, value);
        }
        let Some(members) = members else {
            return self.of_value(Content::Json, value);
        };
        self.of_shape(&members, &|handler| split(handler, value, &members))
    }

    /// The message, where there is but one that it may be, and nothing is wrong with it. What else
    /// there is to say about it is left to those who look at its members.
    fn of_the_one(&self, text: &str) -> Option<Matched> {
        // What members take is no bound to what a larger one may have of them.
        const SMALL: usize = 4 << 10;
        let handler = self.only(Content::Json)?;
        if text.len() > SMALL || handler.starter().has_headers() {
            return None;
        }
        let payload = serde_json::from_str(text).ok()?;
        self.read(handler, (None, Some(Cow::Borrowed(payload))), None)
            .ok()
    }

    fn of_bytes(&self, bytes: &[u8]) -> Result<Matched, Fault> {
        if !self.take(Content::Binary) {
            return Err(invalid(&"binary frames carry nothing here: send text"));
        }
        self.of_value(Content::Binary, &string(&BASE64.encode(bytes))?)
    }

    /// There is a message that such a frame may be.
    fn take(&self, content: Content) -> bool {
        self.carried_as(content).next().is_some()
    }

    /// The one message that such a frame may be.
    fn only(&self, content: Content) -> Option<&Arc<dyn Handler>> {
        let mut candidates = self.carried_as(content);
        let only = candidates.next()?;
        candidates.next().is_none().then_some(only)
    }

    fn carried_as(&self, content: Content) -> impl Iterator<Item = &Arc<dyn Handler>> {
        let handlers = self.handlers.iter();
        handlers.filter(move |handler| {
            let starter = handler.starter();
            !starter.is_none() && starter.carried_as() == content
        })
    }

    /// The one interaction whose starting message has these members.
    fn of_shape(&self, members: &[Member<'_>], split: Split<'_, '_>) -> Result<Matched, Fault> {
        if self.open.message.is_some() {
            let named: Vec<_> = self.carried_as(Content::Json).collect();
            return self.read_one(&named, &[], None, split);
        }
        let members = members
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()));
        let mut mismatches = Vec::new();
        let mut candidates = Vec::new();
        for handler in self.carried_as(Content::Json) {
            match handler.starter().mismatch(members.clone()) {
                None => candidates.push(handler),
                Some(mismatch) => mismatches.push((handler.starter().name(), mismatch)),
            }
        }
        if candidates.is_empty() {
            // What calls itself by one message's name is meant to be that message.
            let handlers = self.carried_as(Content::Json);
            let mut named = handlers.filter(|handler| handler.starter().is_named_by(&members));
            if let (Some(only), None) = (named.next(), named.next()) {
                candidates.push(only);
            }
        }
        self.read_one(&candidates, &mismatches, None, split)
    }

    /// The one interaction whose starting message this, which has no members, can be read as.
    fn of_value(&self, content: Content, payload: &RawValue) -> Result<Matched, Fault> {
        let candidates: Vec<_> = self.carried_as(content).collect();
        self.read_one(&candidates, &[], None, &|_| {
            (None, Some(Cow::Borrowed(payload)))
        })
    }

    fn read_one(
        &self,
        candidates: &[&Arc<dyn Handler>],
        mismatches: &[(&str, Mismatch<'_>)],
        text: Option<&str>,
        split: Split<'_, '_>,
    ) -> Result<Matched, Fault> {
        // Where only one message is possible, what is wrong with it is the answer.
        if let [only] = candidates {
            return self.read(only, split(only.as_ref()), text);
        }
        let mut matched = Vec::new();
        let mut faults = Vec::new();
        for handler in candidates {
            match self.read(handler, split(handler.as_ref()), text) {
                Ok(one) => matched.push(one),
                // Nothing else is.
                Err(fault) if fault.code() == Fault::INVALID_ADDRESS => return Err(fault),
                Err(fault) => faults.push(fault),
            }
        }
        if matched.len() > 1 {
            return Err(ambiguous(&matched));
        }
        matched
            .pop()
            .ok_or_else(|| self.unmatched(mismatches, &faults))
    }

    /// The message as that of this handler.
    fn read(
        &self,
        handler: &Arc<dyn Handler>,
        (headers, payload): (Half<'_>, Half<'_>),
        text: Option<&str>,
    ) -> Result<Matched, Fault> {
        let parts = Parts {
            parameters: self.parameters,
            headers: headers.as_deref(),
            payload: payload.as_deref(),
            text,
        };
        read(self.open, handler, parts, self.asker)
    }

    fn unmatched(&self, mismatches: &[(&str, Mismatch<'_>)], faults: &[Fault]) -> Fault {
        let mismatches = mismatches
            .iter()
            .map(|(name, mismatch)| format!("`{name}`: {mismatch}"));
        let faults = faults.iter().map(|fault| fault.message().to_owned());
        let mismatches: Vec<_> = mismatches.chain(faults).collect();
        let mut message = format!("no message of `{}` is like this", self.scope.name);
        if !mismatches.is_empty() {
            message.push_str(": ");
            message.push_str(&shown(&mismatches, "; "));
        }
        Fault::new(Fault::UNMATCHED_MESSAGE, message)
    }
}

/// Text as JSON has it.
fn string(text: &str) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(text).map_err(|error| invalid(&error))
}

fn invalid(what: &impl ToString) -> Fault {
    Fault::new(Fault::INVALID_FRAME, what.to_string())
}

/// Headers are those members that the message declares as such.
pub(crate) fn split<'v>(
    handler: &dyn Handler,
    value: &'v RawValue,
    members: &[Member<'_>],
) -> (Half<'v>, Half<'v>) {
    let spec = handler.starter();
    let (headers, payload): (Vec<_>, Vec<_>) = members
        .iter()
        .cloned()
        .partition(|(name, _)| spec.is_header(name));
    if headers.is_empty() {
        return (None, Some(Cow::Borrowed(value)));
    }
    let object = |members: &[Member<'_>]| json::object(members).map(Cow::Owned);
    (object(&headers), object(&payload))
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
