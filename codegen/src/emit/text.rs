//! Code as text: what is so regular that it is written as it will stand in the file.
//!
//! Definitions are most of what is generated, and most of them are lines of a kind. As tokens they
//! would be lexed, parsed and laid out again, which takes far longer than all else does. Text is
//! written one line for each thing, whatever its length: where a line is too long, or a user's own
//! code is in it, [`format`](crate::format) lays out the whole of it after all.

use proc_macro2::{Literal, TokenStream};

use super::docs;
use super::types::tokens;
use crate::format::Piece;

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

    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.is_rough |= other.is_rough;
    }

    /// The same as tokens.
    pub(super) fn tokens(&self) -> TokenStream {
        tokens(&self.text)
    }

    /// Code that somebody else has written.
    pub(super) fn foreign(&mut self, code: &str) {
        self.is_rough = true;
        self.text.push_str(code);
    }
}

/// The literal of a string.
pub(super) fn literal(text: &str) -> String {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\'".contains(&byte);
    if text.bytes().all(is_plain) {
        return format!("\"{text}\"");
    }
    Literal::string(text).to_string()
}
