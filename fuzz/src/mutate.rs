//! Changes documents by lines and by AsyncAPI's words, so that most are still YAML and many still
//! mean something.

/// The words of AsyncAPI and JSON Schema, which libFuzzer reads too.
const WORDS: &str = include_str!("../asyncapi.dict");

/// Values that ask for something.
const VALUES: &[&str] = &[
    "",
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e400",
    "9223372036854775808",
    "''",
    "'Self'",
    "'9 lives'",
    "'über/ño'",
    "'名前'",
    "'{a}/{b}'",
    "'$message.header#/replyTo'",
    "'$message.payload#/a/b'",
    "'^(a|b)+$'",
    "'application/octet-stream'",
    "'text/plain'",
    "'application/schema+json;version=draft-07'",
    "'application/vnd.apache.avro;version=1.9.0'",
    "{type: string}",
    "{type: [string, 'null']}",
    "{type: object, required: [a], properties: {a: {type: integer}}}",
    "{type: object, additionalProperties: false}",
    "{type: array, items: {type: string}, uniqueItems: true}",
    "{type: array, items: [{type: string}, {type: number}]}",
    "{oneOf: [{type: string}, {type: object, properties: {a: {const: 1}}}]}",
    "{allOf: [{properties: {a: {type: string}}}, {required: [a]}]}",
    "{anyOf: [{type: integer}, {type: 'null'}]}",
    "{enum: [a, 'a', A, 1, null, '']}",
    "{const: {a: [1]}}",
    "{if: {required: [a]}, then: {required: [b]}, else: false}",
    "{$ref: '#/components/schemas/a'}",
    "{$ref: 'other.yaml#/a'}",
    "{$ref: 'other.yaml'}",
    "{$ref: '#'}",
    "&a [*a]",
    "*a",
];

/// Names that Rust does not take as they are, or has already.
const NAMES: &[&str] = &[
    "Self",
    "self",
    "type",
    "a-b",
    "a_b",
    "9x",
    "''",
    "'_'",
    "'-'",
    "Box",
    "Option",
    "String",
    "Result",
    "Service",
    "Client",
    "std",
    "core",
    "'名前'",
    "'ñ'",
    "'a b'",
    "'a.b/c~d'",
    "crate",
    "Vec",
    "Some",
    "async",
    "'r#type'",
    "'\\u202e'",
    "serde",
    "specwire",
    "DOCUMENT",
    "'$'",
    "default",
    "Default",
];

/// Numbers by chance, the same for the same seed.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number less than `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }

    /// One of several.
    fn of<'a, T: ?Sized>(&mut self, several: &[&'a T]) -> &'a T {
        several[self.below(several.len())]
    }
}

/// A document that differs from another in one place, or a few.
pub fn mutate(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=chance.below(4) {
        if lines.is_empty() {
            lines.push("asyncapi: 3.0.0".to_owned());
        }
        change(&mut lines, chance);
    }
    lines.join("\n") + "\n"
}

/// Bytes that differ from others in one place, or a few.
pub fn mutate_bytes(bytes: &[u8], words: &[&[u8]], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(16)).min(bytes.len());
        match chance.below(5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let copy = bytes[at..end].to_vec();
                let other = chance.below(bytes.len() + 1);
                bytes.splice(other..other, copy);
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = chance.below(256) as u8;
                }
            }
            _ => {
                let word = words[chance.below(words.len())];
                bytes.splice(at..end, word.iter().copied());
            }
        }
    }
    bytes
}

fn change(lines: &mut Vec<String>, chance: &mut Chance) {
    let at = chance.below(lines.len());
    let other = chance.below(lines.len());
    match chance.below(14) {
        0 => {
            lines.remove(at);
        }
        1 => {
            lines.drain(block(lines, at));
        }
        // A block somewhere else as well,
        2 | 3 => {
            let by = indent(&lines[other]) as isize - indent(&lines[at]) as isize;
            let copy: Vec<String> = lines[block(lines, at)]
                .iter()
                .map(|line| moved(line, by))
                .collect();
            lines.splice(other..other, copy);
        }
        // or instead of another.
        4 => {
            let by = indent(&lines[other]) as isize - indent(&lines[at]) as isize;
            let copy: Vec<String> = lines[block(lines, at)]
                .iter()
                .map(|line| moved(line, by))
                .collect();
            let instead = block(lines, other);
            lines.splice(instead, copy);
        }
        5 => {
            let by = [-2, 2, 4][chance.below(3)];
            for line in block(lines, at) {
                lines[line] = moved(&lines[line], by);
            }
        }
        6 | 7 => {
            let value = chance.of(VALUES);
            let instead = block(lines, at);
            let line = format!("{} {value}", key(&lines[at]));
            lines.splice(instead, [line]);
        }
        8 => lines[at] = renamed(&lines[at], word(chance)),
        9 => {
            let line = format!(
                "{}{}: {}",
                " ".repeat(indent(&lines[at])),
                word(chance),
                chance.of(VALUES)
            );
            lines.insert(at, line);
        }
        // A name, wherever it is.
        10 => {
            let name = key(&lines[at])
                .trim()
                .trim_start_matches("- ")
                .trim_end_matches(':')
                .to_owned();
            if !name.is_empty() {
                let new = chance.of(NAMES);
                let pointer = new.trim_matches('\'').replace('~', "~0").replace('/', "~1");
                for line in lines {
                    *line = if line.contains("$ref") {
                        line.replace(&format!("/{name}"), &format!("/{pointer}"))
                    } else if line.trim_start() == format!("{name}:")
                        || line.trim_start().starts_with(&format!("{name}: "))
                    {
                        renamed(line, new)
                    } else {
                        line.clone()
                    };
                }
            }
        }
        11 => {
            let target = pointer(lines, other);
            let instead = block(lines, at);
            let line = format!("{} {{$ref: '#{target}'}}", key(&lines[at]));
            lines.splice(instead, [line]);
        }
        12 => {
            let value = lines[other]
                .split_once(": ")
                .map_or("", |(_, value)| value)
                .to_owned();
            lines[at] = format!("{} {value}", key(&lines[at]));
        }
        _ => {
            let odd = [
                "\t", "'", "\"", "{", "]", ": ", "- ", "&a ", "*a", "!", "#", "\u{0}", "é",
                "\u{feff}", "\u{2028}", "|", ">",
            ];
            let line = &mut lines[at];
            let mut place = chance.below(line.len() + 1);
            while !line.is_char_boundary(place) {
                place -= 1;
            }
            line.insert_str(place, odd[chance.below(odd.len())]);
        }
    }
}

fn word(chance: &mut Chance) -> &'static str {
    let words: Vec<&str> = WORDS
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'))
        .collect();
    if chance.below(4) == 0 {
        chance.of(NAMES)
    } else {
        chance.of(&words)
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The lines of what begins at a line: those after it that are deeper.
fn block(lines: &[String], at: usize) -> std::ops::Range<usize> {
    let own = indent(&lines[at]);
    let more = lines[at + 1..]
        .iter()
        .take_while(|line| indent(line) > own)
        .count();
    at..at + 1 + more
}

fn moved(line: &str, by: isize) -> String {
    let to = indent(line).saturating_add_signed(by);
    " ".repeat(to) + line.trim_start_matches(' ')
}

/// A line up to the end of its key.
fn key(line: &str) -> &str {
    line.split_inclusive(": ").next().unwrap_or(line).trim_end()
}

fn renamed(line: &str, name: &str) -> String {
    let rest = line.split_once(':').map_or("", |(_, rest)| rest);
    format!("{}{name}:{rest}", " ".repeat(indent(line)))
}

/// The JSON pointer of a line's key, as far as indentation tells.
fn pointer(lines: &[String], at: usize) -> String {
    let mut tokens = Vec::new();
    let mut outer = usize::MAX;
    for line in lines[..=at].iter().rev() {
        if indent(line) < outer && line.contains(':') {
            outer = indent(line);
            let name = line.trim().split(':').next().unwrap_or_default();
            tokens.push(
                name.trim_matches('\'')
                    .replace('~', "~0")
                    .replace('/', "~1"),
            );
        }
    }
    tokens
        .iter()
        .rev()
        .map(|token| format!("/{token}"))
        .collect()
}
