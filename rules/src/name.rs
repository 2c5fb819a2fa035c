//! What is a name wherever it comes to: a part of an address that means nothing else.

/// The text is a name of 1 to 64 letters, digits, `-` and `_` of ASCII: nothing in it means anything to
/// a broker, a path or a URL, and it looks like no other.
///
/// It is what a service takes as a parameter of a channel's address from its peers, beside the values
/// that the document lists itself.
///
/// ```
/// use specwire_rules::is_name;
///
/// assert!(is_name("room_42-B"));
/// assert!(!is_name("a/b") && !is_name("*") && !is_name(""));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_plain)
}

/// The byte is a letter, a digit, `-` or `_`.
#[must_use]
pub const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
