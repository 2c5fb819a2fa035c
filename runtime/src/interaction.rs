//! One exchange between a consumer and a provider, as generated code states it.

/// The channels that one interaction's messages travel on.
#[derive(Clone, Copy, Debug)]
pub struct Interaction {
    document: &'static str,
    name: &'static str,
    message: Option<&'static str>,
    reply: Option<&'static str>,
    ack: Option<&'static str>,
    update: Option<&'static str>,
    error: Option<&'static str>,
}

impl Interaction {
    /// The interaction `name` of `document`.
    #[must_use]
    pub const fn new(document: &'static str, name: &'static str) -> Self {
        Self {
            document,
            name,
            message: None,
            reply: None,
            ack: None,
            update: None,
            error: None,
        }
    }

    /// The channel that the consumer starts it on.
    #[must_use]
    pub const fn message(mut self, channel: &'static str) -> Self {
        self.message = Some(channel);
        self
    }

    /// The channel of the response, or of the publications.
    #[must_use]
    pub const fn reply(mut self, channel: &'static str) -> Self {
        self.reply = Some(channel);
        self
    }

    /// The channel of the acknowledgement's message.
    #[must_use]
    pub const fn ack(mut self, channel: &'static str) -> Self {
        self.ack = Some(channel);
        self
    }

    /// The channel of the updates.
    #[must_use]
    pub const fn update(mut self, channel: &'static str) -> Self {
        self.update = Some(channel);
        self
    }

    /// The channel of the document's own error message.
    #[must_use]
    pub const fn error(mut self, channel: &'static str) -> Self {
        self.error = Some(channel);
        self
    }

    pub(crate) const fn document(&self) -> &'static str {
        self.document
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The channel that starts it: where opening a channel subscribes, that of the publications.
    pub(crate) const fn start_channel(&self) -> &'static str {
        match (self.message, self.reply) {
            (Some(channel), _) | (None, Some(channel)) => channel,
            (None, None) => "",
        }
    }

    pub(crate) fn reply_channel(&self) -> &'static str {
        self.reply.unwrap_or_default()
    }

    pub(crate) fn ack_channel(&self) -> &'static str {
        self.ack.unwrap_or_default()
    }

    pub(crate) fn update_channel(&self) -> &'static str {
        self.update.unwrap_or_default()
    }

    pub(crate) fn error_channel(&self) -> &'static str {
        self.error.unwrap_or_default()
    }
}
