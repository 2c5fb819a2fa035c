//! Says where in a message it is that something could not be read.

use serde::de::Error;

/// What is wrong with `text`, which could not be read for this reason, and where: the JSON pointer
/// comes first, as it does where a rule is broken.
pub(crate) fn explain(error: &serde_json::Error, text: &str) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let pointer = pointer_before(text, error.line(), error.column());
    joined(&pointer, message)
}

/// The error of a value that is a member, or an item, of this name.
pub(super) fn within(name: &str, error: &serde_json::Error) -> serde_json::Error {
    let mut pointer = String::new();
    push(&mut pointer, name);
    serde_json::Error::custom(joined(&pointer, &error.to_string()))
}

/// The message with a pointer before it, which continues in the message if that begins with one.
fn joined(pointer: &str, message: &str) -> String {
    match (pointer, message) {
        ("", message) => message.to_owned(),
        (pointer, message) if message.starts_with('/') => format!("{pointer}{message}"),
        (pointer, message) => format!("{pointer}: {message}"),
    }
}

fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

/// The JSON pointer of what is being read at this place in a text.
// Found by its position, and not by keeping track while reading: that would have every message type
// compiled for one more deserializer, and most messages are right.
fn pointer_before(text: &str, line: usize, column: usize) -> String {
    enum Step {
        Member(Option<String>),
        Item(usize),
    }
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let offset = lines.map(str::len).sum::<usize>().saturating_add(column);
    let read = text.get(..offset).unwrap_or(text);
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = read;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '{' => steps.push(Step::Member(None)),
            '[' => steps.push(Step::Item(0)),
            '}' | ']' => {
                steps.pop();
            }
            ',' => match steps.last_mut() {
                Some(Step::Member(name)) => *name = None,
                Some(Step::Item(index)) => *index = index.saturating_add(1),
                None => {}
            },
            '"' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, c)| {
                    let ends = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    ends
                });
                taken = end.map_or(rest.len(), |(index, _)| index.saturating_add(1));
                if let Some(Step::Member(name @ None)) = steps.last_mut() {
                    let text = rest.get(..taken).unwrap_or_default();
                    *name = Some(serde_json::from_str(text).unwrap_or_default());
                }
            }
            _ => {}
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    let mut pointer = String::new();
    for step in steps {
        match step {
            Step::Member(Some(name)) => push(&mut pointer, &name),
            Step::Item(index) => push(&mut pointer, &index.to_string()),
            Step::Member(None) => {}
        }
    }
    pointer
}
