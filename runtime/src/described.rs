//! What a document says of its channels and servers: constants in generated code.

use crate::error::{Error, Result};

/// A channel of a document.
///
/// ```
/// use specwire::Channel;
///
/// const ROOM: Channel = Channel::new("room").at("rooms/{roomId}");
/// assert_eq!(ROOM.name(), "room");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Channel {
    name: &'static str,
    address: Option<&'static str>,
}

impl Channel {
    /// A channel of this name, without an address.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            address: None,
        }
    }

    /// The same with an address.
    #[must_use]
    pub const fn at(mut self, address: &'static str) -> Self {
        self.address = Some(address);
        self
    }

    /// What it is called on the wire: its key in the document.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its address, with each parameter in braces, if the document gives it one.
    #[must_use]
    pub const fn address(&self) -> Option<&'static str> {
        self.address
    }
}

/// A server that a document names, and what is variable about its URL.
///
/// ```
/// use specwire::{ServerUrl, Variable};
///
/// const PRODUCTION: ServerUrl = ServerUrl::new("production", "wss", "{region}.example.com")
///     .pathname("/v1")
///     .variables(&[Variable::new("region").with_default("eu").with_values(&["eu", "us"])]);
/// assert_eq!(PRODUCTION.url()?, "wss://eu.example.com/v1");
/// assert_eq!(PRODUCTION.url_with(&[("region", "us")])?, "wss://us.example.com/v1");
/// assert!(PRODUCTION.url_with(&[("region", "mars")]).is_err());
/// # Ok::<(), specwire::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ServerUrl {
    name: &'static str,
    protocol: &'static str,
    host: &'static str,
    pathname: &'static str,
    variables: &'static [Variable],
}

/// A variable of a [`ServerUrl`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Variable {
    name: &'static str,
    default: Option<&'static str>,
    values: &'static [&'static str],
}

impl Variable {
    /// A variable that may be anything, without a default.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            default: None,
            values: &[],
        }
    }

    /// The same with a default.
    #[must_use]
    pub const fn with_default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The same with all its values listed.
    #[must_use]
    pub const fn with_values(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Its name, which is in braces in the URL.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is unless something else is asked for.
    #[must_use]
    pub const fn default(&self) -> Option<&'static str> {
        self.default
    }

    /// All that it may be; nothing where that is anything.
    #[must_use]
    pub const fn values(&self) -> &'static [&'static str] {
        self.values
    }
}

impl ServerUrl {
    /// A server without a path and variables.
    #[must_use]
    pub const fn new(name: &'static str, protocol: &'static str, host: &'static str) -> Self {
        Self {
            name,
            protocol,
            host,
            pathname: "",
            variables: &[],
        }
    }

    /// The same with a path below the host.
    #[must_use]
    pub const fn pathname(mut self, pathname: &'static str) -> Self {
        self.pathname = pathname;
        self
    }

    /// The same with variables in its host or pathname.
    #[must_use]
    pub const fn variables(mut self, variables: &'static [Variable]) -> Self {
        self.variables = variables;
        self
    }

    /// Its key in the document.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its protocol, such as `wss`.
    #[must_use]
    pub const fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// Its URL, with each variable's default.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] where a variable has no default.
    pub fn url(&self) -> Result<String> {
        self.url_with(&[])
    }

    /// Its URL, with these values of variables.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] where a variable has neither a value nor a default, or a value that the
    /// document does not list.
    pub fn url_with(&self, values: &[(&str, &str)]) -> Result<String> {
        let slash = if self.pathname.is_empty() || self.pathname.starts_with('/') {
            ""
        } else {
            "/"
        };
        let template = format!("{}://{}{slash}{}", self.protocol, self.host, self.pathname);
        let wrong = |reason: String| Error::Url {
            url: template.clone(),
            reason,
        };
        let mut url = String::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            url.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(wrong("a brace is not closed".to_owned()));
            };
            let variable = self.variables.iter().find(|known| known.name == name);
            let given = values.iter().find(|(known, _)| *known == name);
            let given = given.map(|(_, value)| *value);
            let value = given.or_else(|| variable?.default);
            let value =
                value.ok_or_else(|| wrong(format!("the variable `{name}` has no value")))?;
            let listed = variable.map_or(&[][..], |variable| variable.values);
            if !listed.is_empty() && !listed.contains(&value) {
                return Err(wrong(format!(
                    "`{value}` is not a value of the variable `{name}`"
                )));
            }
            url.push_str(value);
            rest = after;
        }
        url.push_str(rest);
        Ok(url)
    }
}
