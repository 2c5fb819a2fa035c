//! Documents made to be too much: of each kind of thing as many as a small file can ask for.
//!
//! None may take a second, whether code comes of it or an error; `robustness.rs` has documents that
//! are broken.

mod timed;

use std::panic::catch_unwind;

use specwire_codegen::generate;
use timed::timed;

/// The most bytes that a document may have.
const LARGEST: usize = 1024 * 1024;

/// Whether code came out of a document, which must not take a second.
#[track_caller]
fn survives(text: &str) -> bool {
    assert!(
        text.len() <= LARGEST,
        "would be refused for its {} bytes",
        text.len()
    );
    let start: String = text.chars().take(1000).collect();
    let (result, took) = timed(&start, || {
        catch_unwind(|| match generate("Document.yaml", text) {
            Ok(generated) => !generated.code.is_empty(),
            Err(mistakes) => mistakes.render().is_empty(),
        })
    });
    let Ok(generated) = result else {
        panic!("panicked:\n{start}");
    };
    println!("{took:?}, {} bytes, generated: {generated}", text.len());
    generated
}

/// A message whose payload is the schema `s0`, and schemas by their numbers.
fn schemas(count: usize, schema: impl Fn(usize) -> String) -> String {
    let schemas: String = (0..count)
        .map(|index| format!("    s{index}: {}\n", schema(index)))
        .collect();
    format!(
        "asyncapi: 3.0.0
info: {{title: Much, version: 1.0.0}}
channels: {{c: {{address: c, messages: {{m: {{payload: {}}}}}}}}}
operations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}}}}}
components:
  schemas:
{schemas}",
        to(0),
    )
}

/// One schema.
fn schema(text: &str) -> String {
    schemas(1, |_| text.to_owned())
}

fn to(index: usize) -> String {
    format!("{{$ref: '#/components/schemas/s{index}'}}")
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn properties(count: usize, item: impl Fn(usize) -> String) -> String {
    list(count, |index| format!("p{index}: {}", item(index)))
}

#[test]
fn ten_thousand_properties() {
    assert!(survives(&schema(&format!(
        "{{properties: {{{}}}}}",
        properties(10_000, |_| "{type: string}".to_owned())
    ))));
    for member in [
        "{type: integer, description: How much, minimum: 1, maximum: 9}",
        "{type: number, description: How much, minimum: 1, maximum: 9, multipleOf: 2}",
        "{type: string, description: What it is, pattern: ^a, maxLength: 9}",
        "{type: string, description: What it is, default: a}",
        "{type: array, items: {type: string, pattern: ^a}}",
    ] {
        let members = properties(10_000, |_| member.to_owned());
        assert!(survives(&schema(&format!("{{properties: {{{members}}}}}"))));
    }
    let required = list(10_000, |index| format!("p{index}"));
    survives(&schema(&format!("{{required: [{required}]}}")));
    survives(&schema(&format!(
        "{{required: [{required}], properties: {{{}}}}}",
        properties(5000, |_| "{}".to_owned())
    )));
    let patterns = list(10_000, |index| format!("'^p{index}': {{type: string}}"));
    survives(&schema(&format!("{{patternProperties: {{{patterns}}}}}")));
}

#[test]
fn ten_thousand_values_of_an_enumeration() {
    assert!(survives(&schema(&format!(
        "{{type: string, enum: [{}]}}",
        list(10_000, |index| format!("v{index}"))
    ))));
    survives(&schema(&format!(
        "{{type: integer, enum: [{}]}}",
        list(10_000, |index| index.to_string())
    )));
    survives(&schema(&format!(
        "{{enum: [{}]}}",
        list(10_000, |index| format!("[{index}, a]"))
    )));
    // All of which meet in Rust.
    survives(&schema(&format!(
        "{{enum: [{}]}}",
        list(10_000, |index| format!("'{}'", "-".repeat(index % 80 + 1)))
    )));
    survives(&schema(&format!(
        "{{enum: [{}]}}",
        list(10_000, |_| "same".to_owned())
    )));
}

#[test]
fn two_thousand_branches() {
    for keyword in ["oneOf", "anyOf", "allOf"] {
        let branches = |branch: &dyn Fn(usize) -> String| {
            schema(&format!("{{{keyword}: [{}]}}", list(2000, branch)))
        };
        survives(&branches(&|_| "{type: string}".to_owned()));
        survives(&branches(&|index| format!("{{const: {index}}}")));
        survives(&branches(&|index| {
            format!(
                "{{type: object, required: [p{index}], properties: {{p{index}: {{type: string}}}}}}"
            )
        }));
        survives(&branches(&|index| {
            format!("{{type: object, properties: {{kind: {{const: k{index}}}}}}}")
        }));
        // Which nothing tells apart.
        survives(&branches(&|_| {
            "{type: object, properties: {a: {type: string}, b: {type: integer}}}".to_owned()
        }));
        survives(&branches(&|_| {
            format!("{{enum: [{}]}}", list(20, |value| format!("v{value}")))
        }));
        let references = |index: usize| {
            if index == 0 {
                format!(
                    "{{{keyword}: [{}], discriminator: kind}}",
                    list(2000, |branch| to(branch + 1))
                )
            } else {
                format!(
                    "{{type: object, required: [kind], properties: {{kind: {{type: string}}, p{index}: {{}}}}}}"
                )
            }
        };
        survives(&schemas(2001, references));
    }
    // One keyword for each branch of another.
    let branches = list(500, |index| format!("{{required: [p{index}]}}"));
    survives(&schema(&format!(
        "{{oneOf: [{branches}], anyOf: [{branches}], allOf: [{branches}]}}"
    )));
}

/// Of `n` schemas each refers to the next one twice, so that there are 2^n ways through them.
#[test]
fn diamonds() {
    for count in [30, 300, 2000] {
        for keyword in ["allOf", "oneOf", "anyOf"] {
            survives(&schemas(count, |index| {
                let next = to((index + 1).min(count - 1));
                if index + 1 == count {
                    "{type: object, properties: {a: {type: string}}}".to_owned()
                } else {
                    format!("{{{keyword}: [{next}, {next}]}}")
                }
            }));
            survives(&schemas(count, |index| {
                let next = to(index + 1);
                if index + 1 == count {
                    "{type: object, properties: {a: {type: string}}}".to_owned()
                } else {
                    format!("{{{keyword}: [{next}, {{properties: {{p{index}: {next}}}}}]}}")
                }
            }));
        }
        // Merged with what is beside,
        survives(&schemas(count, |index| {
            let next = to((index + 1).min(count - 1));
            format!(
                "{{properties: {{p{index}: {{type: string}}}}, allOf: [{next}], oneOf: [{next}, {next}]}}"
            )
        }));
        // members, elements and what else has schemas in it,
        survives(&schemas(count, |index| {
            let next = to((index + 1) % count);
            format!(
                "{{type: object, properties: {{a: {next}, b: {next}, c: {{allOf: [{next}]}}}}}}"
            )
        }));
        survives(&schemas(count, |index| {
            let next = to((index + 1) % count);
            format!("{{type: array, items: [{next}, {next}], additionalItems: {next}}}")
        }));
        survives(&schemas(count, |index| {
            let next = to((index + 1) % count);
            format!("{{if: {next}, then: {next}, else: {next}, not: {next}}}")
        }));
        survives(&schemas(count, |index| {
            let next = to((index + 1) % count);
            format!(
                "{{additionalProperties: {next}, patternProperties: {{'^a': {next}, '^b': {next}}}, propertyNames: {next}, contains: {next}}}"
            )
        }));
        // and a reference beside schemas of its own.
        survives(&schemas(count, |index| {
            let next = to((index + 1) % count);
            format!(
                "{{$ref: '#/components/schemas/s{}', allOf: [{next}], oneOf: [{next}]}}",
                (index + 1) % count
            )
        }));
    }
}

#[test]
fn cycles_of_any_length() {
    for count in [1, 2, 3, 100, 3000] {
        let next = |index: usize| to((index + 1) % count);
        survives(&schemas(count, next));
        for keyword in ["allOf", "oneOf", "anyOf"] {
            survives(&schemas(count, |index| {
                format!("{{{keyword}: [{}]}}", next(index))
            }));
            survives(&schemas(count, |index| {
                format!("{{{keyword}: [{}, {{type: 'null'}}]}}", next(index))
            }));
            survives(&schemas(count, |index| {
                format!(
                    "{{{keyword}: [{}, {{type: object, properties: {{a: {}}}}}]}}",
                    next(index),
                    next(index)
                )
            }));
        }
        for keyword in [
            "items",
            "additionalProperties",
            "not",
            "if",
            "contains",
            "propertyNames",
        ] {
            survives(&schemas(count, |index| {
                format!("{{{keyword}: {}}}", next(index))
            }));
        }
        survives(&schemas(count, |index| {
            format!("{{required: [a], properties: {{a: {}}}}}", next(index))
        }));
        survives(&schemas(count, |index| {
            format!("{{prefixItems: [{}]}}", next(index))
        }));
    }
    // Of messages, channels and all the rest.
    for kind in [
        "messages",
        "channels",
        "operations",
        "servers",
        "parameters",
        "replies",
        "messageTraits",
        "operationTraits",
        "correlationIds",
        "replyAddresses",
        "securitySchemes",
        "tags",
        "externalDocs",
        "serverBindings",
    ] {
        for count in [1, 2, 100] {
            let all = list(count, |index| {
                format!(
                    "x{index}: {{$ref: '#/components/{kind}/x{}'}}",
                    (index + 1) % count
                )
            });
            survives(&format!(
                "asyncapi: 3.0.0\ninfo: {{title: T, version: '1'}}\ncomponents: {{{kind}: {{{all}}}}}\n"
            ));
        }
    }
    for text in [
        "$ref: '#'",
        "{$ref: '#/'}",
        "a: {$ref: '#/a'}",
        "asyncapi: 3.0.0\ninfo: {$ref: '#'}",
    ] {
        survives(text);
    }
}

#[test]
fn a_thousand_levels() {
    for (open, close) in [
        ("{properties: {a: ", "}}"),
        ("{items: ", "}"),
        ("{allOf: [", "]}"),
        ("{oneOf: [{}, ", "]}"),
        ("{not: ", "}"),
        ("{additionalProperties: ", "}"),
    ] {
        assert!(!survives(&schema(&format!(
            "{}{{}}{}",
            open.repeat(1000),
            close.repeat(1000)
        ))));
        // As deep as may be.
        for depth in [20, 30, 45, 90] {
            survives(&schema(&format!(
                "{}{{}}{}",
                open.repeat(depth),
                close.repeat(depth)
            )));
        }
    }
    // By references, which do not nest in the text.
    for keyword in [
        "properties: {a: ",
        "items: ",
        "allOf: [",
        "oneOf: [",
        "not: ",
        "additionalProperties: ",
    ] {
        let close = match keyword {
            _ if keyword.ends_with("{a: ") => "}",
            _ if keyword.ends_with('[') => "]",
            _ => "",
        };
        survives(&schemas(3000, |index| {
            if index + 1 == 3000 {
                "{}".to_owned()
            } else {
                format!("{{{keyword}{}{close}}}", to(index + 1))
            }
        }));
    }
    // Names that grow with each level.
    let long = "averylongnamethatgoeson".repeat(20);
    survives(&schema(&format!(
        "{}{{}}{}",
        format!("{{properties: {{{long}: ").repeat(45),
        "}}".repeat(45)
    )));
    // Pointers into pointers.
    survives(&schemas(300, |index| {
        format!(
            "{{properties: {{a: {{$ref: '#/components/schemas/s{}/properties/a'}}}}}}",
            (index + 1) % 300
        )
    }));
}

#[test]
fn aliases() {
    let bomb = |levels: usize, width: usize, leaf: &str, each: &dyn Fn(usize) -> String| {
        let mut text =
            format!("asyncapi: 3.0.0\ninfo: {{title: Bomb, version: '1'}}\nx-0: &a0 {leaf}\n");
        for level in 1..levels {
            let items = list(width, |_| each(level - 1));
            text += &format!("x-{level}: &a{level} [{items}]\n");
        }
        text + &format!(
            "channels: {{c: {{address: c, messages: {{m: {{payload: {{enum: *a{}}}}}}}}}}}\n",
            levels - 1
        )
    };
    survives(&bomb(40, 2, "[lol]", &|level| format!("*a{level}")));
    survives(&bomb(10, 10, "[lol, lol]", &|level| format!("*a{level}")));
    survives(&bomb(4, 200, "[lol]", &|level| format!("*a{level}")));
    survives(&bomb(2, 20_000, "[lol]", &|level| format!("*a{level}")));
    // Of long text,
    let long = "x".repeat(500_000);
    survives(&bomb(2, 40_000, &format!("'{long}'"), &|level| {
        format!("*a{level}")
    }));
    survives(&format!(
        "asyncapi: 3.0.0\ninfo: {{title: T, version: '1', description: &d '{long}'}}\nchannels: {{{}}}\n",
        list(5000, |index| format!(
            "c{index}: {{address: c{index}, description: *d}}"
        ))
    ));
    // of keys,
    survives(&format!(
        "asyncapi: 3.0.0\nx-k: &k '{long}'\ninfo: {{title: T, version: '1', {}}}\n",
        list(20_000, |_| "*k : 1".to_owned())
    ));
    // and of merged mappings.
    let mut text = "asyncapi: 3.0.0\nx-0: &a0 {x0: 1, y0: 1}\n".to_owned();
    for level in 1..200 {
        text += &format!(
            "x-{level}: &a{level} {{<<: [*a{}, *a{}], x{level}: 1, y{level}: 2}}\n",
            level - 1,
            level / 2
        );
    }
    survives(&text);
    let wide = list(2000, |index| format!("k{index}: 1"));
    let merges: String = (0..2000)
        .map(|index| format!("x-{index}: {{<<: *wide}}\n"))
        .collect();
    survives(&format!(
        "asyncapi: 3.0.0\nx-wide: &wide {{{wide}}}\n{merges}"
    ));
}

/// Each member with a type, rules or a default of its own.
#[test]
fn as_many_members_that_need_code_as_there_may_be() {
    let word = "averylongnamethatgoeson".repeat(3);
    for (count, name) in [(1000, "p"), (6000, word.as_str()), (14_000, "p")] {
        for member in [
            "{type: [integer, string]}",
            "{oneOf: [{type: string, minLength: 1}, {type: boolean}]}",
            "{additionalProperties: {type: integer}}",
            "{minProperties: 1, additionalProperties: {type: integer, minimum: 1}}",
            "{prefixItems: [{type: integer}, {type: string}]}",
            "{prefixItems: [{type: integer, minimum: 1}, {type: string, pattern: ^a}]}",
            "{type: array, minItems: 1, items: {type: string, minLength: 1}}",
            "{type: string, pattern: ^a, minLength: 2, maxLength: 9}",
            "{type: integer, minimum: 1, maximum: 9}",
            "{type: string, default: a}",
            "{properties: {a: {type: string, minLength: 1}}}",
        ] {
            let members = list(count, |index| format!("{name}{index}: {member}"));
            let text = schema(&format!("{{type: object, properties: {{{members}}}}}"));
            if text.len() < LARGEST {
                survives(&text);
            }
        }
    }
}

#[test]
fn thousands_of_channels_messages_and_operations() {
    for count in [500, 1000, 3000] {
        channels_messages_and_operations(count);
    }
}

fn channels_messages_and_operations(count: usize) {
    let head = "asyncapi: 3.0.0\ninfo: {title: Much, version: 1.0.0}\n";
    let channels = list(count, |index| {
        format!(
            "c{index}: {{address: c{index}, messages: {{m{index}: {{payload: {{type: string}}}}}}}}"
        )
    });
    let operations = |action: &str| {
        list(count, |index| {
            format!("o{index}: {{action: {action}, channel: {{$ref: '#/channels/c{index}'}}}}")
        })
    };
    for action in ["send", "receive"] {
        survives(&format!(
            "{head}channels: {{{channels}}}\noperations: {{{}}}\n",
            operations(action)
        ));
    }
    let replies = list(count, |index| {
        format!(
            "o{index}: {{action: send, channel: {{$ref: '#/channels/c{index}'}}, reply: {{channel: {{$ref: '#/channels/c{}'}}}}}}",
            (index + 1) % count
        )
    });
    survives(&format!(
        "{head}channels: {{{channels}}}\noperations: {{{replies}}}\n"
    ));
    // Everything on one address, or on one channel.
    let same = list(count, |index| {
        format!("c{index}: {{address: c, messages: {{m{index}: {{payload: {{type: string}}}}}}}}")
    });
    survives(&format!(
        "{head}channels: {{{same}}}\noperations: {{{}}}\n",
        operations("send")
    ));
    let messages = list(count, |index| {
        format!(
            "m{index}: {{payload: {{type: object, properties: {{a{index}: {{type: string}}}}}}}}"
        )
    });
    let one = format!("{head}channels: {{c: {{address: c, messages: {{{messages}}}}}}}\n");
    survives(&format!(
        "{one}operations: {{o: {{action: receive, channel: {{$ref: '#/channels/c'}}}}}}\n"
    ));
    survives(&format!(
        "{one}operations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}, reply: {{channel: {{$ref: '#/channels/c'}}}}}}}}\n"
    ));
    let all = list(count, |index| {
        format!(
            "o{index}: {{action: send, channel: {{$ref: '#/channels/c'}}, reply: {{channel: {{$ref: '#/channels/c'}}}}}}"
        )
    });
    survives(&format!("{one}operations: {{{all}}}\n"));
    let parameters = list(5000, |index| {
        format!("p{index}: {{enum: [a, b], default: a}}")
    });
    let address: String = (0..5000).map(|index| format!("/{{p{index}}}")).collect();
    survives(&format!(
        "{head}channels: {{c: {{address: '{address}', parameters: {{{parameters}}}, messages: {{m: {{}}}}}}}}\noperations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}}}}}\n"
    ));
    survives(&format!(
        "{head}channels: {{c: {{address: '{}', messages: {{m: {{}}}}}}}}\n",
        "{".repeat(100_000)
    ));
    survives(&format!(
        "{head}channels: {{c: {{address: '{}', messages: {{m: {{}}}}}}}}\n",
        "{a}".repeat(100_000)
    ));
    let servers = list(5000, |index| {
        format!(
            "s{index}: {{host: 'h{index}.example.org', protocol: ws, variables: {{v: {{default: a}}}}}}"
        )
    });
    survives(&format!("{head}servers: {{{servers}}}\n"));
}

#[test]
fn many_types_that_do_not_exist() {
    let types = list(20_000, |index| format!("t{index}"));
    survives(&schema(&format!("{{type: [{types}]}}")));
}

#[test]
fn traits_and_examples_of_everybody() {
    let head = "asyncapi: 3.0.0\ninfo: {title: Much, version: 1.0.0}\n";
    // Many messages with the same many traits, each with headers.
    let traits = list(1000, |index| {
        format!(
            "t{index}: {{headers: {{type: object, properties: {{h{index}: {{type: string}}}}}}}}"
        )
    });
    for (messages, each) in [(1, 1000), (500, 10), (30, 300), (150, 30)] {
        let refs = list(each, |index| {
            format!("{{$ref: '#/components/messageTraits/t{index}'}}")
        });
        let shared = list(messages, |index| {
            let traits = if index == 0 {
                format!("&t [{refs}]")
            } else {
                "*t".to_owned()
            };
            format!(
                "m{index}: {{traits: {traits}, headers: {{type: object, properties: {{own: {{type: string}}}}}}}}"
            )
        });
        survives(&format!(
            "{head}channels: {{c: {{address: c, messages: {{{shared}}}}}}}\noperations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}}}}}\ncomponents: {{messageTraits: {{{traits}}}}}\n"
        ));
    }
    // Examples, right and wrong.
    for example in ["{payload: {a: text}}", "{payload: {a: 1}}"] {
        let examples = list(5000, |_| example.to_owned());
        survives(&format!(
            "{head}channels: {{c: {{address: c, messages: {{m: {{payload: {{type: object, properties: {{a: {{type: string, pattern: '^(a+)+$'}}}}}}, examples: [{examples}]}}}}}}}}\noperations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}}}}}\n"
        ));
    }
    // An example against many branches, each with references to go on with.
    let branches = list(500, |index| {
        format!(
            "{{properties: {{a{index}: {}}}, required: [a{index}]}}",
            to(0)
        )
    });
    let deep = format!("{}1{}", "{a0: ".repeat(80), "}".repeat(80));
    survives(&schema(&format!(
        "{{anyOf: [{branches}], examples: [{deep}]}}"
    )));
    let branches = list(20, |_| to(0));
    survives(&schema(&format!(
        "{{properties: {{a0: {{oneOf: [{branches}]}}}}, examples: [{deep}]}}"
    )));
    // Unique items, and equal ones.
    let items = list(20_000, |index| index.to_string());
    survives(&schema(&format!(
        "{{type: array, uniqueItems: true, examples: [[{items}]]}}"
    )));
    let items = list(10_000, |_| "[1]".to_owned());
    survives(&schema(&format!(
        "{{type: array, uniqueItems: true, examples: [[{items}]]}}"
    )));
}

#[test]
fn long_words() {
    let long = "x".repeat(900_000);
    for text in [
        format!("{{type: string, description: '{long}'}}"),
        format!("{{type: string, pattern: '{long}'}}"),
        format!("{{type: string, pattern: '{}'}}", "(".repeat(100_000)),
        format!(
            "{{type: string, pattern: '{}a{}'}}",
            "(".repeat(10_000),
            ")".repeat(10_000)
        ),
        format!("{{type: string, pattern: '{}'}}", "a{1000}".repeat(10_000)),
        "{type: string, pattern: '(((a{1000}){1000}){1000}){1000}'}".to_owned(),
        format!("{{type: string, pattern: '{}'}}", "(?:a|".repeat(5000)),
        format!("{{type: string, format: '{long}'}}"),
        format!("{{type: '{long}'}}"),
        format!("{{const: '{long}'}}"),
        format!("{{type: string, default: '{long}'}}"),
        format!("{{properties: {{{long}: {{}}}}}}"),
        format!("{{enum: ['{long}']}}"),
        format!("{{$ref: '#/components/schemas/{long}'}}"),
        format!("{{$ref: '#{}'}}", "/a".repeat(400_000)),
        format!("{{$ref: '{long}.yaml'}}"),
        format!("{{maximum: {}}}", "9".repeat(900_000)),
        format!("{{multipleOf: 0.{}1, default: 1}}", "0".repeat(900_000)),
        format!("{{default: 1e{}}}", "9".repeat(1000)),
        "{type: number, multipleOf: 1.0e-300, examples: [1.0e+300, 5]}".to_owned(),
        "{type: array, minItems: 99999999999, maxItems: 99999999999999999999}".to_owned(),
        format!("{{type: [{}]}}", list(20_000, |_| "string".to_owned())),
        format!("{{type: [{}]}}", list(500, |index| format!("t{index}"))),
        format!(
            "{{type: array, prefixItems: [{}]}}",
            list(3000, |_| "{type: string}".to_owned())
        ),
        format!(
            "{{type: array, items: [{}]}}",
            list(3000, |_| "{type: string}".to_owned())
        ),
    ] {
        survives(&schema(&text));
    }
    // Markdown that nests, or never ends.
    for part in [
        "> ", "* ", "[", "`", "**", "<a>", "![](", "# ", "| ", "&amp;", "\\",
    ] {
        survives(&schema(&format!(
            "{{type: string, description: '{}'}}",
            part.repeat(900_000 / part.len() / 2)
        )));
        survives(&format!(
            "{}      description: |\n{}",
            schema("").trim_end().to_owned() + "\n",
            format!("        {part}a\n").repeat(30_000)
        ));
    }
}

#[test]
fn unions_of_a_type_with_many_members_in_each_of_these() {
    for count in [100, 300] {
        let members = properties(count, |_| {
            format!(
                "{{oneOf: [{{type: integer}}, {}, {{type: string}}]}}",
                to(0)
            )
        });
        survives(&schema(&format!(
            "{{type: object, properties: {{{members}}}}}"
        )));
    }
    // The same in Avro's language.
    let fields = list(200, |index| {
        format!("{{name: f{index}, type: [int, R, string]}}")
    });
    let record = format!("{{type: record, name: R, fields: [{fields}]}}");
    let format = "application/vnd.apache.avro;version=1.9.0";
    survives(&schema(&format!(
        "{{schemaFormat: {format}, schema: {record}}}"
    )));
}

#[test]
fn patterns_of_any_size() {
    for pattern in [
        |index: usize| format!("^[x-z]{{{index}}}$"),
        |index: usize| format!("^([a-z]{{1,{}}}(foo|bar)+)*$", index % 50 + 1),
        |index: usize| format!("(((){{999}}){{999}}){{{index}}}"),
    ] {
        let members = properties(14_000, |index| {
            format!("{{type: string, pattern: '{}'}}", pattern(index))
        });
        survives(&schema(&format!("{{properties: {{{members}}}}}")));
    }
}

#[test]
fn as_many_messages_of_operations_as_there_may_be() {
    let head = "asyncapi: 3.0.0\ninfo: {title: Much, version: 1.0.0}\n";
    // Each with a channel that has everything,
    let channels = list(500, |index| {
        format!(
            "c{index}: {{address: 'c{index}/{{p}}', parameters: {{p: {{enum: [a, b]}}}}, bindings: {{ws: {{query: {{type: object, properties: {{a: {{type: string}}}}}}, headers: {{type: object, properties: {{b: {{type: integer}}}}}}}}}}, messages: {{m{index}: {{headers: {{type: object, properties: {{a: {{type: string}}}}}}, payload: {{type: object, properties: {{a: {{type: string}}}}}}}}}}}}"
        )
    });
    for action in ["send", "receive"] {
        for reply in ["", ", reply: {channel: {$ref: '#/channels/c0'}}"] {
            let operations = list(500, |index| {
                format!(
                    "o{index}: {{summary: Said, action: {action}, channel: {{$ref: '#/channels/c{index}'}}{reply}}}"
                )
            });
            assert!(survives(&format!(
                "{head}channels: {{{channels}}}\noperations: {{{operations}}}\n"
            )));
        }
    }
    // answered by any of many,
    let messages = list(450, |index| format!("m{index}: {{payload: {{}}}}"));
    let operations = list(20, |index| {
        format!(
            "o{index}: {{action: send, channel: {{$ref: '#/channels/c'}}, messages: [{{$ref: '#/channels/c/messages/m{index}'}}], reply: {{channel: {{$ref: '#/channels/c'}}}}}}"
        )
    });
    assert!(survives(&format!(
        "{head}channels: {{c: {{address: c, messages: {{{messages}}}}}}}\noperations: {{{operations}}}\n"
    )));
    // and with traits of an operation that begins with all of them.
    let messages = list(300, |index| format!("m{index}: {{payload: {{}}}}"));
    let traits = list(3000, |index| {
        format!("{{x-t{index}: 1, bindings: {{b: {{c{index}: 1}}}}}}")
    });
    let one = |traits: &str| {
        format!(
            "{head}channels: {{c: {{address: c, messages: {{{messages}}}}}}}\noperations: {{o: {{action: receive, channel: {{$ref: '#/channels/c'}}, traits: [{traits}]}}}}\n"
        )
    };
    assert!(!survives(&one(&traits)));
    let few = list(60, |index| {
        format!("{{x-t{index}: 1, bindings: {{b: {{c{index}: 1}}}}}}")
    });
    assert!(survives(&one(&few)));
}

#[test]
fn twenty_thousand_mistakes() {
    for member in [
        "{type: strin}",
        "{tipe: string}",
        "{type: string, format: dat-tim}",
        "{type: string, minimum: a}",
        "{$ref: '#/x'}",
    ] {
        let members = properties(20_000, |_| member.to_owned());
        survives(&schema(&format!("{{properties: {{{members}}}}}")));
    }
    let members = properties(14_000, |_| "{type: string, example: 1}".to_owned());
    survives(&schema(&format!("{{properties: {{{members}}}}}")));
    survives(&schema(&format!(
        "{{properties: {{{}}}}}",
        list(30_000, |_| "p: {}".to_owned())
    )));
    survives(&schema(&format!(
        "{{required: [{}]}}",
        list(50_000, |_| "1".to_owned())
    )));
    survives(&schema(&format!(
        "{{properties: {{p: {{{}}}}}}}",
        list(30_000, |index| format!("x-typ{index}: 1"))
    )));
    let head = "asyncapi: 3.0.0\ninfo: {title: Much, version: 1.0.0}\n";
    for channel in ["{adress: x}", "{address: 'x{a}', parameters: {b: {}}}"] {
        let channels = list(15_000, |index| format!("c{index}: {channel}"));
        survives(&format!("{head}channels: {{{channels}}}\n"));
    }
    for line in ["  - x: y: z\n", "  \"a\n"] {
        survives(&format!("{head}{}", line.repeat(20_000)));
    }
}

#[test]
fn many_that_inherit() {
    let parent =
        "type: object, discriminator: kind, required: [kind], properties: {kind: {type: string}";
    for count in [100, 500, 2000] {
        // From one, from one another, and all from all.
        survives(&schemas(count, |index| match index {
            0 => format!("{{{parent}}}}}"),
            _ => format!("{{allOf: [{}], properties: {{p{index}: {{}}}}}}", to(0)),
        }));
        for next in [to(0), "{}".to_owned()] {
            survives(&schemas(count, |index| match index {
                0 => format!("{{{parent}}}}}"),
                _ => format!("{{{parent}, next: {next}}}, allOf: [{}]}}", to(index - 1)),
            }));
        }
        survives(&schemas(count, |index| {
            format!("{{{parent}}}, allOf: [{}]}}", to((index + 1) % count))
        }));
        // Each goes by a value that is mapped, rightly or not, to it.
        for name in ["s", "t"] {
            let mapping = list(count - 1, |index| {
                format!("v{index}: '#/components/schemas/{name}{}'", index + 1)
            });
            let parent = format!(
                "discriminator: {{propertyName: kind, mapping: {{{mapping}}}}}, type: object, required: [kind], properties: {{kind: {{type: string}}}}"
            );
            let listed = list(count - 1, |index| to(index + 1));
            for parent in [parent.clone(), format!("{parent}, oneOf: [{listed}]")] {
                survives(&schemas(count, |index| match index {
                    0 => format!("{{{parent}}}"),
                    _ => format!("{{allOf: [{}], properties: {{p{index}: {{}}}}}}", to(0)),
                }));
            }
        }
    }
}
