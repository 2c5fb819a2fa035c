//! No document makes the generator panic, or run for long.

mod timed;

use std::panic::catch_unwind;
use std::path::Path;

use specwire_codegen::generate;
use timed::timed;

/// Generates, and insists that it is over within a second. Returns whether code came out.
#[track_caller]
fn survives(text: &str) -> bool {
    let start: String = text.chars().take(2000).collect();
    let (result, _) = timed(&start, || catch_unwind(|| generates(text)));
    let Ok(generated) = result else {
        panic!("panicked:\n{start}");
    };
    generated
}

fn generates(text: &str) -> bool {
    let Err(diagnostics) = generate("Document.yaml", text) else {
        return true;
    };
    // To show a mistake must not panic either.
    assert!(!diagnostics.render().is_empty());
    assert!(!diagnostics.to_string().is_empty());
    false
}

fn heartbeat() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../yaml/Heartbeat.yaml");
    std::fs::read_to_string(path).expect("our own document is there")
}

#[test]
fn truncated_documents() {
    let text = heartbeat();
    for end in (0..text.len())
        .step_by(17)
        .filter(|end| text.is_char_boundary(*end))
    {
        survives(&text[..end]);
    }
}

#[test]
fn documents_with_something_in_them() {
    let text = heartbeat();
    let intruders = [
        "\n",
        "\t",
        "'",
        "\"",
        "{",
        "]",
        ": ",
        "- ",
        "&a ",
        "*a",
        "!",
        "#",
        "%",
        "|\n",
        "\0",
        "é",
        "\u{feff}",
        "\u{2028}",
        "~",
        "$ref: '#'\n",
        "null",
        "[[[",
    ];
    for (count, at) in (0..text.len()).step_by(61).enumerate() {
        if text.is_char_boundary(at) {
            let intruder = intruders[count % intruders.len()];
            survives(&format!("{}{intruder}{}", &text[..at], &text[at..]));
        }
    }
}

#[test]
fn documents_with_other_lines() {
    let text = heartbeat();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let mut without = lines.clone();
        without.remove(index);
        survives(&without.join("\n"));

        let mut twice = lines.clone();
        twice.insert(index, line);
        survives(&twice.join("\n"));

        let key = line.split_inclusive(':').next().unwrap_or_default();
        for value in [
            "",
            " []",
            " {}",
            " 1",
            " true",
            " {$ref: '#/components'}",
            " {$ref: '#'}",
        ] {
            let mut changed = lines.clone();
            let line = format!("{key}{value}");
            changed[index] = &line;
            survives(&changed.join("\n"));
        }
    }
}

/// The head of a document and a channel with a message whose payload is the schema `s0`.
const HEAD: &str = "asyncapi: 3.0.0
info: {title: Big, version: 1.0.0}
channels: {c: {messages: {m: {payload: {$ref: '#/components/schemas/s0'}}}}}
operations: {o: {action: send, channel: {$ref: '#/channels/c'}}}
components:
  schemas:
";

fn schemas(count: usize, schema: impl Fn(usize) -> String) -> String {
    let schemas = (0..count).map(|index| format!("    s{index}: {}\n", schema(index)));
    HEAD.to_owned() + &schemas.collect::<String>()
}

#[test]
fn other_line_ends_and_a_byte_order_mark() {
    let text = heartbeat();
    assert!(survives(&text.replace('\n', "\r\n")));
    assert!(survives(&format!("\u{feff}{text}")));
    let wrong = text
        .replace("type: object", "type: objet")
        .replace('\n', "\r\n");
    let mistakes = generate("Heartbeat.yaml", &wrong).expect_err("mistakes");
    let first = mistakes.iter().next().expect("errors are never empty");
    let line = text
        .lines()
        .position(|line| line.contains("type: object"))
        .expect("there");
    assert_eq!(first.line(), Some(line + 1));
    assert!(!mistakes.render().contains('\r'));
}

#[test]
fn long_chains() {
    let count = 2000;
    // Of references,
    survives(&schemas(count, |index| {
        format!("{{$ref: '#/components/schemas/s{}'}}", (index + 1) % count)
    }));
    // of objects within objects, as definitions, with and without an end,
    for last in [count, 1] {
        survives(&schemas(600, |index| {
            let next = if index + 1 == 600 { last } else { index + 1 };
            format!("{{properties: {{a: {{$ref: '#/components/schemas/s{next}'}}}}}}")
        }));
    }
    // and of arrays within arrays.
    survives(&schemas(count, |index| {
        format!(
            "{{type: array, items: {{$ref: '#/components/schemas/s{}'}}}}",
            index + 1
        )
    }));
}

/// Operations on one channel, whose messages have the same payload, and the schema `s`.
fn shared(operations: usize, messages: usize, payload: &str, schema: &str) -> String {
    let list = |count: usize, item: &dyn Fn(usize) -> String| -> String {
        (0..count).map(item).collect::<Vec<_>>().join(", ")
    };
    let messages = list(messages, &|index| {
        format!("m{index}: {{payload: {payload}}}")
    });
    let operations = list(operations, &|index| {
        format!("o{index}: {{action: send, channel: {{$ref: '#/channels/c'}}}}")
    });
    format!(
        "asyncapi: 3.0.0
info: {{title: Big, version: 1.0.0}}
channels: {{c: {{messages: {{{messages}}}}}}}
operations: {{{operations}}}
components: {{schemas: {{s: {schema}}}}}
"
    )
}

#[test]
fn short_documents_that_stand_for_long_ones() {
    // Operations that have all messages of one channel,
    assert!(!survives(&shared(2000, 1000, "{type: string}", "{}")));
    assert!(survives(&shared(20, 20, "{type: string}", "{}")));
    // and messages that have all members of one schema.
    let members = |count: usize| {
        let members = (0..count).map(|index| format!("a{index}: {{type: string}}, "));
        format!("{{properties: {{{}}}}}", members.collect::<String>())
    };
    let payload = "{$ref: '#/components/schemas/s'}";
    assert!(!survives(&shared(1, 1000, payload, &members(1000))));
    assert!(survives(&shared(1, 100, payload, &members(100))));
}

#[test]
fn long_text_that_aliases_repeat() {
    let long = "y".repeat(300_000);
    let digits = "1".repeat(300_000);
    for (value, repeated) in [
        (
            &long,
            "address: *a, parameters: {a: {enum: [*a, *a], default: *a, location: *a}}",
        ),
        (
            &long,
            "title: *a, summary: *a, description: *a, tags: [{name: *a}]",
        ),
        (
            &digits,
            "messages: {a: {payload: {minimum: *a, maximum: *a, multipleOf: *a}}}",
        ),
    ] {
        let channels: String = (0..2000)
            .map(|index| format!("  c{index}: {{{repeated}}}\n"))
            .collect();
        let head = "asyncapi: 3.0.0\ninfo: {title: T, version: 1.0.0}\n";
        assert!(!survives(&format!(
            "{head}x-long: &a {value}\nchannels:\n{channels}"
        )));
    }
}

#[test]
fn many_names_that_clash() {
    let signs = |index: usize| -> String {
        (0..12)
            .map(|bit| if index >> bit & 1 == 0 { '-' } else { '.' })
            .collect()
    };
    let members = (0..3000).map(|index| format!("'a{}b': {{type: string}}, ", signs(index)));
    let schema = format!("{{properties: {{{}}}}}", members.collect::<String>());
    assert!(survives(&schemas(1, |_| schema.clone())));
}

#[test]
fn examples_that_take_long_to_check() {
    // Every level doubles what is tried.
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let either = "{items: {$ref: '#/components/schemas/s0'}}";
    assert!(survives(&schemas(1, |_| format!(
        "{{oneOf: [{either}, {either}], example: {nested}}}"
    ))));
    // Patterns are compiled, and looked for in long texts.
    let long = "a".repeat(100_000);
    for pattern in ["(.*a){200}b", "(a*)*(a*)*b", "a{0,4000}b"] {
        let schema = |_| format!("{{type: string, pattern: '{pattern}', example: {long}}}");
        assert!(survives(&schemas(8, schema)));
    }
    assert!(survives(&schemas(5000, |index| {
        let count = 3000 + index % 1000;
        format!("{{type: string, pattern: '[x-z{index}]{{{count}}}', example: a}}")
    })));
    // Many examples for many messages.
    let values = "{a: 1}, ".repeat(10_000);
    assert!(survives(&schemas(1, |_| format!(
        "{{required: [b], examples: [{values}]}}"
    ))));
    let examples = "{payload: 1}, ".repeat(8000);
    let traits = "{traits: [{$ref: '#/components/messageTraits/t'}], payload: {type: string}}";
    let messages = (0..1500).map(|index| format!("    m{index}: {traits}\n"));
    assert!(survives(&format!(
        "{HEAD}    s0: {{}}\n  messageTraits: {{t: {{examples: [{examples}]}}}}\n  messages:\n{}",
        messages.collect::<String>(),
    )));
    let list = "1, ".repeat(20_000);
    assert!(survives(&schemas(1, |_| {
        format!("{{items: {{not: {{enum: [{list}]}}}}, examples: [[{list}]]}}")
    })));
    assert!(survives(&schemas(1, |_| format!(
        "{{uniqueItems: true, example: [{list}]}}"
    ))));
}

#[test]
fn many_mistakes() {
    let text = schemas(3000, |index| {
        format!("{{$ref: '#/components/schemas/t{index}'}}")
    });
    assert!(!survives(&text));
    let text = schemas(3000, |_| "{type: strin, required: 1}".to_owned());
    assert!(!survives(&text));
    let text = format!("{HEAD}{}", "    same: {}\n".repeat(3000));
    assert!(!survives(&text));
}

#[test]
fn too_much_of_everything() {
    let head = "asyncapi: 3.0.0\nx-much: ";
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "'".repeat(100_001),
        "? ".repeat(100_000),
        format!("[{}]", "a, ".repeat(200_000)),
        format!("'{}'", "a\n".repeat(200_000)),
        format!("|\n{}", "  a\n".repeat(200_000)),
        format!(
            "{{{}}}",
            (0..60_000)
                .map(|n| format!("a{n}: 1, "))
                .collect::<String>()
        ),
        "a".repeat(2_000_000),
    ] {
        survives(&format!("{head}{text}"));
    }
}

#[test]
fn mistakes_beyond_those_that_are_shown_are_mentioned() {
    let many = |count: usize| {
        let members: String = (0..count).map(|at| format!("  x{at}: 1\n")).collect();
        let text =
            format!("asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\nchannels:\n{members}");
        let mistakes = generate("Many.yaml", &text).expect_err("all are wrong");
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(many(900).len(), 900);
    let shown = many(2000);
    assert_eq!(shown.len(), 1001);
    let last =
        "Many.yaml: error[SW0904]: found more than these 1000 errors: mend some to see the others";
    assert_eq!(shown.last().map(String::as_str), Some(last));
}

/// Whatever is said besides the one mistake is only a consequence of it.
#[test]
fn a_mistake_in_yaml_is_not_followed_by_its_consequences() {
    let text = heartbeat();
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = Vec::new();
    for broken in [
        ": \"open",
        " {",
        " }",
        ": [",
        " - x: y: z",
        "\n\tx: y",
        "\nplain",
    ] {
        for at in 0..lines.len() {
            let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            if let Some(line) = lines.get_mut(at) {
                line.push_str(broken);
            }
            if let Err(mistakes) = generate("Heartbeat.yaml", &lines.join("\n"))
                && mistakes.iter().count() > 1
            {
                wrong.push(format!("{broken:?} on line {}:\n{mistakes}", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

#[test]
fn many_references_from_the_depth() {
    // Each looks for what it refers to on all levels above it.
    let nested = |last: &str| {
        let levels = 80;
        let start = "{properties: {a: ".repeat(levels / 2);
        format!("{start}{last}{}", "}}".repeat(levels / 2))
    };
    let many = |reference: &str| {
        let items = format!("{{$ref: '{reference}'}},\n      ").repeat(2000);
        schemas(1, |_| nested(&format!("{{anyOf: [{items}]}}")))
    };
    assert!(!survives(&many("#/definitions/none")));
    assert!(!survives(&many("#/properties/none")));
    assert!(!survives(&many("#none")));
    assert!(!survives(&many("none.yaml#/none")));
    assert!(!survives(&many("https://example.com/none.yaml#/none")));
}

#[test]
fn merges_of_merges() {
    let members = (0..100).map(|index| format!("a{index}: 1, "));
    let mut text = format!("{HEAD}    s0: &s0 {{{}}}\n", members.collect::<String>());
    for index in 1..400 {
        let before = index - 1;
        text += &format!("    s{index}: &s{index} {{<<: [*s{before}, *s{before}], b{index}: 1}}\n");
    }
    assert!(!survives(&text));
}

#[test]
fn sections_within_themselves() {
    let head = "asyncapi: 3.0.0\ninfo: {title: Odd, version: 1.0.0}\n";
    for text in [
        "components: {$ref: '#'}",
        "components: {schemas: {$ref: '#/components'}}",
        "components: {schemas: {a: {b: {}}, $ref: '#/components'}}",
        "components: {schemas: {$ref: '#/components/messages'}, messages: {$ref: '#/components/schemas'}}",
        "channels: {$ref: '#/x/f'}\ncomponents: {channels: {$ref: '#/x/g'}}\n\
         x: {f: {t: {messages: {$ref: '#/x/g'}}}, g: {k: {messages: {$ref: '#/x/f'}}}}",
    ] {
        assert!(!survives(&format!("{head}{text}")), "{text}");
    }
    // Each channel has all messages.
    let channels = (0..5000)
        .map(|index| format!("  c{index}: {{messages: {{$ref: '#/components/messages'}}}}\n"));
    let messages = (0..1000).map(|index| format!("m{index}: {{}}, "));
    let text = format!(
        "{head}channels:\n{}components: {{messages: {{{}}}}}\n",
        channels.collect::<String>(),
        messages.collect::<String>()
    );
    assert!(!survives(&text));
}
