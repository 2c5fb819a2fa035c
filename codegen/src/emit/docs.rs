//! Doc comments.

use proc_macro2::TokenStream;
use quote::quote;

use super::markdown;

/// Columns that are left for the text of an item's doc comment: `/// ` and a hundred in all.
pub(super) const ITEM_WIDTH: usize = 96;

/// The same for a field, a variant or a method.
pub(super) const MEMBER_WIDTH: usize = ITEM_WIDTH - 4;

/// The doc comment of an item, one paragraph or more per text.
pub(super) fn item(texts: &[&str]) -> TokenStream {
    comment(texts, ITEM_WIDTH)
}

/// The doc comment of a field, a variant or a method.
pub(super) fn member(texts: &[&str]) -> TokenStream {
    comment(texts, MEMBER_WIDTH)
}

/// `text`, or `otherwise` where there is nothing to read in it.
pub(super) fn or<'a>(text: Option<&'a str>, otherwise: &'a str) -> &'a str {
    read(text).unwrap_or(otherwise)
}

/// `text`, if there is something to read in it.
pub(super) fn read(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !markdown::is_empty(text))
}

fn comment(texts: &[&str], width: usize) -> TokenStream {
    let lines = lines(texts, width).into_iter().map(|line| {
        if line.is_empty() {
            line
        } else {
            format!(" {line}")
        }
    });
    quote! { #(#[doc = #lines])* }
}

/// The lines of a comment as wide as `width`, without what makes a comment of them.
pub(super) fn lines(texts: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        let paragraph = markdown::lines(text, width);
        if !lines.is_empty() && !paragraph.is_empty() {
            lines.push(String::new());
        }
        lines.extend(paragraph);
    }
    lines
}
