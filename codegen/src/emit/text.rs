//! Code as text: what is so regular that it is written as it will stand in the file.
//!
//! Definitions are most of what is generated, and most of them are lines of a kind. As tokens they
//! would be lexed, parsed and laid out again, which takes far longer than all else does. Text is
//! written one line for each thing, whatever its length: where a line is too long, or a user's own
//! code is in it, [`format`](crate::format) lays out the whole of it after all.

use proc_macro2::{Literal, TokenStream};

use super::docs;
use crate::format::{Piece, fits};

/// Columns that a call has, behind those that it is indented by and before those that end it.
const CALL: usize = 78;

/// Columns within which a line of a function stays as it is.
const CODE: usize = 85;

/// Columns of a line.
pub(super) const WIDTH: usize = 100;

/// Columns within which prettyplease leaves a line, but for what ends it.
pub(super) const MARGIN: usize = 89;

/// As many as anything is indented by.
const SPACES: &str = "                                                                ";

/// A call in a chain of them.
#[derive(Debug)]
pub(super) enum Call {
    /// As it is written.
    Plain(String),
    /// Of a method that takes some arguments, and after these a slice of strings, of which there may
    /// be thousands.
    Slice(String, Vec<String>),
}

impl Call {
    /// `method` is all that stands before the slice, as in `.members(`.
    pub(super) fn slice(method: impl Into<String>, texts: &[String]) -> Self {
        let literals = texts.iter().map(|text| literal(text));
        Self::Slice(method.into(), literals.collect())
    }

    fn line(&self) -> String {
        match self {
            Self::Plain(call) => call.clone(),
            Self::Slice(method, literals) => format!("{method}&[{}])", literals.join(", ")),
        }
    }
}

/// The code of a document on its way to the file.
#[derive(Debug, Default)]
pub(super) struct Code(Vec<Piece>);

impl Code {
    pub(super) fn tokens(&mut self, tokens: TokenStream) {
        match self.0.last_mut() {
            Some(Piece::Tokens(before)) => before.extend(tokens),
            _ if tokens.is_empty() => {}
            _ => self.0.push(Piece::Tokens(tokens)),
        }
    }

    pub(super) fn text(&mut self, text: Text) {
        self.0.push(if text.is_rough {
            Piece::Rough(text.text)
        } else {
            Piece::Lines(text.text)
        });
    }

    /// Text that has been laid out already, but for what somebody else has written in it.
    pub(super) fn laid_out(&mut self, text: Text) {
        self.0.push(if text.is_rough {
            Piece::Rough(text.text)
        } else {
            Piece::Done(text.text)
        });
    }

    pub(super) fn finish(self) -> Vec<Piece> {
        self.0
    }
}

/// Items, or parts of one.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    /// Some of it is not as it should be laid out.
    is_rough: bool,
}

impl Text {
    pub(super) fn push(&mut self, part: &str) {
        self.text.push_str(part);
    }

    /// A line, of these parts.
    pub(super) fn line(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
        self.text.push('\n');
    }

    /// A line of a function's body, of these parts, which are laid out where there is much of them.
    pub(super) fn code(&mut self, indent: usize, parts: &[&str]) {
        let before = self.text.len();
        self.push(spaces(indent));
        self.line(parts);
        self.is_rough |= self.text.len() - before > CODE;
    }

    /// An arm of a `match`, whose value is on a line of its own where both are too long for one.
    pub(super) fn arm(&mut self, indent: usize, pattern: &str, value: &str) {
        let one = format!("{}{pattern} => {value}", spaces(indent));
        if is_within(MARGIN, &one) {
            return self.line(&[&one, ","]);
        }
        self.line(&[spaces(indent), pattern, " => {"]);
        self.line(&[spaces(indent + 4), value]);
        self.line(&[spaces(indent), "}"]);
    }

    /// What is between brackets, each on a line of its own where all of it is more than so many
    /// columns.
    pub(super) fn group(
        &mut self,
        indent: usize,
        open: &str,
        items: &[String],
        close: &str,
        columns: usize,
    ) {
        let one = format!("{}{open}{}{close}", spaces(indent), items.join(", "));
        if is_within(columns, &one) {
            return self.line(&[&one]);
        }
        self.line(&[spaces(indent), open]);
        for item in items {
            self.line(&[spaces(indent + 4), item, ","]);
        }
        self.line(&[spaces(indent), close]);
    }

    /// An attribute and its arguments, each on a line of its own where they are too long for one.
    pub(super) fn attribute(&mut self, indent: usize, name: &str, arguments: &[&str]) {
        let indent = spaces(indent);
        let one = format!("{indent}#[{name}({})]", arguments.join(", "));
        if fits(&one) {
            return self.line(&[&one]);
        }
        self.line(&[indent, "#[", name, "("]);
        for (number, argument) in arguments.iter().enumerate() {
            let is_last = number + 1 == arguments.len();
            self.line(&[indent, "    ", argument, if is_last { "" } else { "," }]);
        }
        self.line(&[indent, ")]"]);
    }

    /// The doc comment of an item.
    pub(super) fn item_docs(&mut self, texts: &[&str]) {
        self.docs("///", docs::lines(texts, docs::ITEM_WIDTH));
    }

    /// The doc comment of a field or a variant.
    pub(super) fn member_docs(&mut self, texts: &[&str]) {
        self.docs("    ///", docs::lines(texts, docs::MEMBER_WIDTH));
    }

    fn docs(&mut self, start: &str, lines: Vec<String>) {
        for line in lines {
            let space = if line.is_empty() { "" } else { " " };
            self.line(&[start, space, &line]);
        }
    }

    /// The start of an implementation of a trait, which may have parameters before it.
    pub(super) fn implementation(&mut self, implemented: &str, name: &str) {
        let one = format!("impl{implemented} for {name} {{");
        if one.len() <= MARGIN {
            return self.line(&[&one]);
        }
        self.code(0, &["impl", implemented]);
        self.line(&["for ", name, " {"]);
    }

    /// Implements `Deserialize` for a type, by what this writes of the function's body.
    pub(super) fn deserialize(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.implementation("<'de> ::specwire::private::serde::Deserialize<'de>", name);
        self.line(&["    fn deserialize<D: ::specwire::private::serde::Deserializer<'de>>("]);
        self.line(&["        deserializer: D,"]);
        self.line(&["    ) -> ::core::result::Result<Self, D::Error> {"]);
        body(self);
        self.line(&["    }"]);
        self.line(&["}"]);
    }

    /// A constant: what is made, and at most one call on that, which is laid out where it is long.
    pub(super) fn short_constant(&mut self, start: &str, made: &str, call: &str) {
        let one = format!("{start} {made}{call};");
        self.is_rough |= one.len() > MARGIN;
        self.line(&[&one]);
    }

    /// A constant: what `new` makes, and calls on that.
    pub(super) fn constant(
        &mut self,
        indent: usize,
        name: &str,
        ty: &str,
        new: &str,
        calls: &[Call],
    ) {
        let end = if calls.is_empty() { ";" } else { "" };
        let start = format!("{}const {name}: {ty} =", spaces(indent));
        let one = format!("{start} {ty}::new({new}){end}");
        let indent = if fits(&one) {
            self.line(&[&one]);
            indent + 4
        } else {
            self.line(&[&start]);
            self.line(&[spaces(indent + 4), ty, "::new(", new, ")", end]);
            indent + 8
        };
        for (number, call) in calls.iter().enumerate() {
            let is_last = number + 1 == calls.len();
            let end = if is_last { ";" } else { "" };
            let line = call.line();
            match call {
                Call::Slice(method, literals)
                    if method.ends_with('(') && line.chars().count() > WIDTH =>
                {
                    self.filled(indent, method, literals, end);
                }
                _ => {
                    self.line(&[spaces(indent), &line, end]);
                    // Its arguments will be on lines of their own.
                    self.is_rough |= line.len() > CALL;
                }
            }
        }
    }

    /// A call whose only argument is a slice, with as many elements in a line as fit.
    fn filled(&mut self, indent: usize, method: &str, literals: &[String], end: &str) {
        self.line(&[spaces(indent), method, "&["]);
        let mut columns = 0;
        for literal in literals {
            // With the space before it and the comma after it.
            let more = literal.chars().count() + 2;
            if columns == 0 || columns + more > WIDTH {
                self.push(if columns == 0 { "" } else { "\n" });
                self.push(spaces(indent + 4));
                columns = indent + 3 + more;
            } else {
                self.push(" ");
                columns += more;
            }
            self.push(literal);
            self.push(",");
        }
        self.line(&[]);
        self.line(&[spaces(indent), "])", end]);
    }

    /// An element of a list: what a function makes of its arguments, and calls on that.
    pub(super) fn element(
        &mut self,
        indent: usize,
        function: &str,
        arguments: &[&str],
        calls: &[Call],
    ) {
        let calls: Vec<String> = calls.iter().map(Call::line).collect();
        let new = format!("{function}({})", arguments.join(", "));
        let columns = indent + new.len() + calls.iter().map(String::len).sum::<usize>() + 1;
        let Some((last, others)) = calls.split_last().filter(|_| columns > MARGIN) else {
            self.is_rough |= columns > MARGIN;
            return self.line(&[spaces(indent), &new, &calls.concat(), ","]);
        };
        // Whether the comma counts depends on what follows, and text may be shorter than its bytes.
        self.is_rough |= columns == MARGIN + 1 || !calls.iter().all(|call| call.is_ascii());
        let one = format!("{}{new}", spaces(indent));
        if fits(&one) {
            self.line(&[&one]);
        } else {
            self.line(&[spaces(indent), function, "("]);
            for argument in arguments {
                self.code(indent + 8, &[argument, ","]);
            }
            self.line(&[spaces(indent + 4), ")"]);
        }
        for call in others {
            self.code(indent + 4, &[call]);
        }
        self.code(indent + 4, &[last, ","]);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// A part of it is this other one, which may have somebody else's code in it.
    pub(super) fn takes_over(&mut self, part: &Self) {
        self.is_rough |= part.is_rough;
    }

    /// Has all of it laid out.
    pub(super) fn roughen(&mut self) {
        self.is_rough = true;
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.is_rough |= other.is_rough;
    }

    /// Code that somebody else has written.
    pub(super) fn foreign(&mut self, code: &str) {
        self.is_rough = true;
        self.text.push_str(code);
    }
}

/// What a line begins with.
pub(super) fn spaces(indent: usize) -> &'static str {
    SPACES.get(..indent).unwrap_or(SPACES)
}

/// The text has no more than so many columns.
pub(super) fn is_within(columns: usize, text: &str) -> bool {
    text.len() <= columns || text.chars().count() <= columns
}

/// The literal of a string.
pub(super) fn literal(text: &str) -> String {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\'".contains(&byte);
    if text.bytes().all(is_plain) {
        return format!("\"{text}\"");
    }
    Literal::string(text).to_string()
}
