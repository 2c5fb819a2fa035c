//! Frames as most are written, read for less than any JSON is.

use std::borrow::Cow;

use super::frame::Frame;

/// The frame that a text is, if it has none but the most frequent members, each once and the payload
/// last, with neither escapes in its names nor anything wrong with it: `None` for all others.
pub(super) fn read(text: &str) -> Option<Frame<'_>> {
    let mut rest = text.strip_prefix('{')?;
    let mut frame = Frame::new("", None);
    loop {
        let (name, value) = string(past_space(rest))?;
        let value = past_space(past_space(value).strip_prefix(':')?);
        rest = match name {
            "op" if frame.op.is_empty() => {
                let (op, rest) = string(value).filter(|(op, _)| !op.is_empty())?;
                frame.op = Cow::Borrowed(op);
                rest
            }
            "id" if frame.id.is_none() => {
                let (id, rest) = number(value)?;
                frame.id = Some(id);
                rest
            }
            "channel" if frame.channel.is_none() => {
                let (channel, rest) = string(value)?;
                frame.channel = Some(Cow::Borrowed(channel));
                rest
            }
            "message" if frame.message.is_none() => {
                let (message, rest) = string(value)?;
                frame.message = Some(Cow::Borrowed(message));
                rest
            }
            "payload" => {
                let payload = value.strip_suffix('}')?;
                frame.payload = Some(serde_json::from_str(payload).ok()?);
                break;
            }
            _ => return None,
        };
        rest = past_space(rest);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest == "}" => break,
            None => return None,
        }
    }
    (!frame.op.is_empty()).then_some(frame)
}

/// As some put between a name and its value.
fn past_space(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

/// The string that the text begins with, if nothing in it is escaped, and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let mut bytes = text.bytes();
    let end = bytes.position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
    let (string, rest) = text.split_at_checked(end)?;
    Some((string, rest.strip_prefix('"')?))
}

/// The same of a whole number that any JSON can carry.
fn number(text: &str) -> Option<(u64, &str)> {
    let mut bytes = text.bytes();
    let end = bytes.position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(end)?;
    // A number has no zeros in front (RFC 8259, 6).
    if digits.starts_with('0') && digits.len() > 1 || rest.starts_with(['.', 'e', 'E']) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As any JSON is read.
    fn derived(text: &str) -> Option<Frame<'_>> {
        serde_json::from_str(text).ok()
    }

    fn shown(frame: &Option<Frame<'_>>) -> String {
        format!("{frame:?}")
    }

    #[test]
    fn what_is_read_is_what_any_json_is_read_as() {
        for text in [
            r#"{"op":"init","id":0}"#,
            r#"{"op":"msg","id":7,"channel":"beat_sub","message":"beat","payload":{"a":[1,"}"]}}"#,
            r#"{"id":9007199254740992,"op":"msg","payload":null}"#,
            r#"{"op": "msg", "channel": "é", "payload": "x" }"#,
            r#"{"op":"unsub","id":18446744073709551615}"#,
        ] {
            assert_eq!(shown(&read(text)), shown(&derived(text)), "{text}");
            assert!(read(text).is_some(), "{text}");
        }
    }

    #[test]
    fn all_else_is_left_to_who_reads_any_json() {
        for text in [
            "",
            "{}",
            "[]",
            "{",
            r#"{"op":"msg""#,
            r#"{"op":"msg","op":"msg"}"#,
            r#"{"op":"msg","id":1,"id":1}"#,
            r#"{"op":"m\u0073g"}"#,
            r#"{"op":"msg","id":01}"#,
            r#"{"op":"msg","id":1.0}"#,
            r#"{"op":"msg","id":1e0}"#,
            r#"{"op":"msg","id":-1}"#,
            r#"{"op":"msg","id":99999999999999999999}"#,
            r#"{"op":"msg","id":null}"#,
            r#"{"op":"msg","other":1}"#,
            r#"{"op":"msg","payload":1,"id":1}"#,
            r#"{"op":"msg","payload":1} "#,
            r#"{"op":"msg","payload":}"#,
            r#"{"op":"msg","payload":1}}"#,
            r#"{"op":"msg",}"#,
            r#"{"op":"msg"}}"#,
            r#"{"id":1}"#,
            "{\"op\":\"m\ng\"}",
            r#"{"op":"","id":1}"#,
            r#"{"op":"","op":"init","id":1}"#,
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
