//! References from file to file: what they mean, and what is said where they lead to nothing.
use std::cell::RefCell;
use std::io;

use specwire_codegen::{Config, Diagnostics, Generated, generate};

/// A document whose only message has this payload.
fn clock(payload: &str) -> String {
    format!(
        "asyncapi: 3.0.0
info: {{title: Clock, version: 1.0.0}}
channels: {{ticks: {{messages: {{tick: {{payload: {payload}}}}}}}}}
operations: {{tick: {{action: send, channel: {{$ref: '#/channels/ticks'}}}}}}
"
    )
}

/// Generates the document at `yaml/Clock.yaml` among files; returns which were asked for as well.
fn with(
    config: &Config,
    text: &str,
    files: &[(&str, &str)],
) -> (Result<Generated, Diagnostics>, Vec<String>) {
    let asked = RefCell::new(Vec::new());
    let read = |path: &str| -> io::Result<Vec<u8>> {
        asked.borrow_mut().push(path.to_owned());
        let found = files.iter().find(|(name, _)| *name == path);
        let (_, text) = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(text.as_bytes().to_vec())
    };
    let result = config.generate_with("yaml/Clock.yaml", text, read);
    (result, asked.into_inner())
}

#[track_caller]
fn generated(text: &str, files: &[(&str, &str)]) -> Generated {
    match with(&Config::new(), text, files).0 {
        Ok(generated) => generated,
        Err(mistakes) => panic!("{}", mistakes.render()),
    }
}

#[track_caller]
fn mistakes(text: &str, files: &[(&str, &str)]) -> String {
    match with(&Config::new(), text, files).0 {
        Ok(generated) => panic!("{}", generated.code),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn warnings(generated: &Generated) -> Vec<String> {
    generated.warnings.iter().map(ToString::to_string).collect()
}

/// One member, which tells schemas apart.
fn object(member: &str) -> String {
    format!("{{\"type\": \"object\", \"properties\": {{\"{member}\": {{\"type\": \"string\"}}}}}}")
}

#[test]
fn a_schema_may_be_a_file_or_a_part_of_one() {
    let whole = object("found");
    let part = format!("a b:\n  - {whole}\n  - x\n");
    for (reference, file, text) in [
        ("tick.json", "yaml/tick.json", &whole),
        ("./tick.json", "yaml/tick.json", &whole),
        ("../tick.json", "tick.json", &whole),
        ("../../tick.json", "../tick.json", &whole),
        ("s/../t/./tick.yaml#", "yaml/t/tick.yaml", &whole),
        ("tick.yaml#/", "yaml/tick.yaml", &whole),
        ("tick.yml#/a%20b/0", "yaml/tick.yml", &part),
        ("a%20b", "yaml/a b", &whole),
    ] {
        let text: &str = text;
        let document = clock(&format!("{{$ref: '{reference}'}}"));
        let (result, asked) = with(&Config::new(), &document, &[(file, text)]);
        let code = result.map(|generated| generated.code);
        let code = code.unwrap_or_else(|mistakes| mistakes.to_string());
        assert!(code.contains("pub found: "), "{reference}: {code}");
        assert_eq!(asked, [file], "{reference}");
    }
}

#[test]
fn references_are_relative_to_the_file_that_has_them_and_each_file_is_read_once() {
    let document = clock("{$ref: 'a/a.yaml#/s'}");
    let a = "s: {type: object, properties: {one: {$ref: '../b/b.json'}, two: {$ref: './../b/../b/b.json#'}, own: {$ref: '#/t'}}}
t: {type: object, properties: {back: {$ref: '../Clock.yaml#/info/x-t'}}}";
    let b = object("found");
    let document = document.replace("version: 1.0.0", "version: 1.0.0, x-t: {type: integer}");
    let files = [("yaml/a/a.yaml", a), ("yaml/b/b.json", &b)];
    let (result, asked) = with(&Config::new(), &document, &files);
    let generated = result.expect("valid");
    assert_eq!(asked, ["yaml/a/a.yaml", "yaml/b/b.json"]);
    // One schema used twice is one type.
    assert_eq!(generated.code.matches("pub found: ").count(), 1);
    assert!(
        generated
            .code
            .contains("pub back: ::core::option::Option<i64>"),
        "{}",
        generated.code
    );
}

#[test]
fn every_object_may_be_in_a_file_of_its_own() {
    let document = "asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0}
channels: {ticks: {$ref: channel.yaml}}
operations: {tick: {$ref: 'operations.yaml#/tick'}}
";
    let files = [
        (
            "yaml/channel.yaml",
            "address: /ticks\nmessages: {tick: {$ref: 'other/Other.yaml#/components/messages/tick'}}",
        ),
        (
            "yaml/operations.yaml",
            "tick:\n  action: send\n  channel: {$ref: 'Clock.yaml#/channels/ticks'}\n  messages: [{$ref: 'channel.yaml#/messages/tick'}]",
        ),
        (
            "yaml/other/Other.yaml",
            "asyncapi: 3.0.0\ninfo: {title: Other, version: 1.0.0}\ncomponents: {messages: {tick: {payload: {$ref: '#/components/schemas/s'}}}, schemas: {s: {type: boolean}}}",
        ),
    ];
    let generated = generated(document, &files);
    assert_eq!(warnings(&generated), [""; 0]);
    assert_eq!(generated.api.interactions.len(), 1);
    assert_eq!(generated.api.messages[0].name.wire, "tick");
}

#[test]
fn circles_of_files_are_survived() {
    let document = clock("{$ref: 'a.yaml'}");
    let a = "{type: object, properties: {b: {$ref: b.yaml}, all: {type: array, items: {$ref: 'a.yaml'}}}}";
    let b = "{type: object, properties: {a: {$ref: ./a.yaml}}}";
    let files = [("yaml/a.yaml", a), ("yaml/b.yaml", b)];
    let generated = generated(&document, &files);
    assert_eq!(
        generated.code.matches("::std::boxed::Box").count(),
        1,
        "{}",
        generated.code
    );

    let files = [
        ("yaml/a.yaml", "$ref: b.yaml"),
        ("yaml/b.yaml", "$ref: a.yaml"),
    ];
    assert_eq!(
        mistakes(&document, &files),
        "yaml/a.yaml:1:7: error[SW0202]: `yaml/a.yaml` refers to itself"
    );
}

#[test]
fn a_json_schema_keeps_its_own_definitions_and_names() {
    let schema = r##"{
        "$id": "https://example.com/tick.json",
        "type": "object",
        "properties": {
            "local": {"$ref": "#/definitions/local"},
            "anchored": {"$ref": "#anchor"},
            "old": {"$ref": "#old"},
            "by_id": {"$ref": "part.json"},
            "by_url": {"$ref": "https://example.com/part.json#/definitions/inner"}
        },
        "definitions": {
            "local": {"type": "integer", "format": "int32"},
            "anchored": {"$anchor": "anchor", "type": "boolean"},
            "old": {"$id": "#old", "type": "integer", "format": "int8"},
            "part": {
                "$id": "https://example.com/part.json",
                "type": "array",
                "items": {"$ref": "#/definitions/inner"},
                "definitions": {"inner": {"type": "integer", "format": "int16"}}
            }
        }
    }"##;
    let document = clock("{$ref: tick.json}");
    let generated = generated(&document, &[("yaml/tick.json", schema)]);
    for field in [
        "pub local: ::core::option::Option<i32>",
        "pub anchored: ::core::option::Option<bool>",
        "pub old: ::core::option::Option<i8>",
        "pub by_id: ::core::option::Option<::std::vec::Vec<i16>>",
        "pub by_url: ::core::option::Option<i16>",
    ] {
        assert!(
            generated.code.contains(field),
            "{field}: {}",
            generated.code
        );
    }
    assert_eq!(warnings(&generated), [""; 0]);
}

#[test]
fn a_pointer_into_the_schema_around_it_is_what_was_meant() {
    let payload = "{type: object, properties: {a: {$ref: '#/definitions/a'}}, definitions: {a: {type: integer}}}";
    let generated = generated(&clock(payload), &[]);
    assert!(
        generated
            .code
            .contains("pub a: ::core::option::Option<i64>")
    );
    assert_eq!(
        warnings(&generated),
        [
            "yaml/Clock.yaml:3:85: warning[SW0210]: `#/definitions/a` is nothing in this file, and taken for \
          `#/channels/ticks/messages/tick/payload/definitions/a`"
        ]
    );
}

#[test]
fn urls_are_never_fetched_and_can_be_mapped() {
    let document = clock("{$ref: 'https://example.com/schemas/tick.json#/s'}");
    assert_eq!(
        mistakes(&document, &[]),
        "yaml/Clock.yaml:3:54: error[SW0204]: `https://example.com/schemas/tick.json` is not fetched"
    );
    let tick = format!(
        "{{\"s\": {{\"$ref\": \"more/tock.json\"}}, \"t\": {}}}",
        object("found")
    );
    let tock = "{\"$ref\": \"../tick.json#/t\"}";
    // A folder, one file of it being elsewhere, and single files.
    for urls in [
        [
            ("https://example.com/", "web"),
            ("https://example.com/schemas/more/tock.json", "tock.json"),
        ],
        [
            (
                "https://example.com/schemas/tick.json",
                "web/schemas/tick.json",
            ),
            ("https://example.com/schemas/more/tock.json", "tock.json"),
        ],
    ] {
        let config = urls.iter().fold(Config::new(), |config, (url, path)| {
            config.map_url(*url, path)
        });
        let files = [
            ("web/schemas/tick.json", tick.as_str()),
            ("tock.json", tock),
        ];
        let (result, asked) = with(&config, &document, &files);
        let code = result.expect("all is mapped").code;
        assert!(code.contains("pub found: "), "{code}");
        assert_eq!(asked, ["web/schemas/tick.json", "tock.json"]);
    }
}

#[test]
fn what_is_wrong_is_shown_in_its_own_file_and_in_order() {
    let document = clock(
        "{type: object, properties: {a: {$ref: a.yaml}, b: {$ref: 'b.yaml#/x/z'}, c: {type: strin}}}",
    );
    let files = [
        (
            "yaml/a.yaml",
            "type: object\nproperties: {a: {type: numbr}}\nproperties: {}\n",
        ),
        ("yaml/b.yaml", "x:\n  y: 1\n"),
    ];
    assert_eq!(
        mistakes(&document, &files),
        "yaml/Clock.yaml:3:104: error[SW0201]: `b.yaml#/x/z` does not exist
yaml/Clock.yaml:3:130: error[SW0401]: found `strin`, expected a type of JSON Schema
yaml/a.yaml:2:24: error[SW0401]: found `numbr`, expected a type of JSON Schema
yaml/a.yaml:3:1: error[SW0012]: duplicate key `properties`"
    );
}

#[test]
fn files_that_cannot_be_used_are_mistakes() {
    let found = |reference: &str, file: (&str, &str)| {
        mistakes(&clock(&format!("{{$ref: '{reference}'}}")), &[file])
    };
    let none = ("", "");
    for (reference, file, expected) in [
        (
            "tock.yaml",
            none,
            "yaml/Clock.yaml:3:54: error[SW0208]: the file `yaml/tock.yaml` does not exist",
        ),
        (
            "file:///tock.yaml",
            none,
            "yaml/Clock.yaml:3:54: error[SW0204]: found the URL `file:///tock.yaml` of a file",
        ),
        (
            "/tock.yaml",
            none,
            "yaml/Clock.yaml:3:54: error[SW0204]: found the absolute path `/tock.yaml`",
        ),
        (
            "urn:tock",
            none,
            "yaml/Clock.yaml:3:54: error[SW0204]: found the URL `urn:tock`, and nothing is known to have it",
        ),
        (
            "tick.yaml#tack",
            ("yaml/tick.yaml", "{}"),
            "yaml/Clock.yaml:3:54: error[SW0205]: found the reference `tick.yaml#tack`, \
          expected `#/` and a path, or the `$anchor` of a schema of `yaml/tick.yaml`",
        ),
        (
            "tick.yaml",
            ("yaml/tick.yaml", "a: *b"),
            "yaml/tick.yaml:1:4: error[SW0013]: no anchor before this alias: `*b`",
        ),
        (
            "tick.yaml",
            ("yaml/tick.yaml", ""),
            "yaml/tick.yaml:1:1: error[SW0010]: found nothing, expected YAML or JSON",
        ),
    ] {
        assert_eq!(found(reference, file), expected);
    }
    let document = clock("{$ref: tick.yaml}");
    let read = |_: &str| Ok(b"type: \xff".to_vec());
    let mistakes = Config::new()
        .generate_with("Clock.yaml", &document, read)
        .expect_err("not UTF-8");
    assert_eq!(
        mistakes.to_string(),
        "tick.yaml:1:7: error[SW0004]: the file is not in UTF-8"
    );
}

#[test]
fn without_files_a_reference_to_one_is_a_mistake() {
    let mistakes = generate("Clock.yaml", &clock("{$ref: tick.yaml}")).expect_err("no files");
    assert_eq!(
        mistakes.to_string(),
        "Clock.yaml:3:54: error[SW0204]: found a reference to another file, `tick.yaml`"
    );
}

/// What stands in an example is no reference.
#[test]
fn files_that_are_not_needed_may_be_missing_or_wrong() {
    let payload = "{type: object, examples: [{$ref: nowhere.yaml}, {$ref: wrong.yaml}]}";
    let generated = generated(&clock(payload), &[("yaml/wrong.yaml", "a: 1\na: 2\nb: [")]);
    assert_eq!(warnings(&generated), [""; 0]);
}

#[test]
fn schemas_in_other_languages_are_taken_for_anything() {
    let generated = generated(&clock("{$ref: tick.proto}"), &[]);
    assert_eq!(
        warnings(&generated),
        [
            "yaml/Clock.yaml:3:54: warning[SW0209]: found a reference to a file in another language, `tick.proto`"
        ]
    );
}

#[test]
fn schemas_of_avro_may_be_in_files_of_their_own() {
    let payload = |file: &str| {
        format!(
            "{{schemaFormat: application/vnd.apache.avro;version=1.9.0, schema: {{$ref: {file}}}}}"
        )
    };
    let tick = r#"{"type": "record", "name": "Tick", "namespace": "org.example", "fields": [
        {"name": "at", "type": "long"},
        {"name": "zone", "type": ["null", {"type": "enum", "name": "Zone", "symbols": ["UTC", "CET"]}]},
        {"name": "other", "type": "org.example.Zone"},
        {"name": "before", "type": ["null", "Tick"]}
    ]}"#;
    let document = clock(&payload("tick.avsc"));
    let found = generated(&document, &[("yaml/tick.avsc", tick)]);
    assert_eq!(warnings(&found), [""; 0]);
    for part in [
        "pub at: i64,",
        "pub zone: ::core::option::Option<Zone>,",
        "pub before: ::core::option::Option<::std::boxed::Box<Self>>,",
    ] {
        assert!(found.code.contains(part), "{part}: {}", found.code);
    }

    // One that is not there is somebody else's, and what it says is unknown.
    let found = generated(&document, &[]);
    assert_eq!(
        warnings(&found),
        [
            "yaml/Clock.yaml:3:113: warning[SW0406]: this schema of Avro's is not read: what it refers \
             to is not there",
            "yaml/Clock.yaml:3:120: warning[SW0208]: the file `yaml/tick.avsc` does not exist"
        ]
    );
    // It is no schema of AsyncAPI's.
    let found = generated(&clock("{$ref: tick.avsc}"), &[("yaml/tick.avsc", tick)]);
    assert_eq!(
        warnings(&found),
        [
            "yaml/Clock.yaml:3:54: warning[SW0209]: found a reference to a file in another language, `tick.avsc`"
        ]
    );
}

#[test]
fn there_is_an_end_to_how_much_is_read() {
    let document = clock("{$ref: 0.yaml}");
    let read = |path: &str| {
        let number: usize = path.trim_end_matches(".yaml").parse().expect("a number");
        Ok(format!("properties: {{a: {{$ref: {}.yaml}}}}", number + 1).into_bytes())
    };
    let mistakes = Config::new()
        .generate_with("Clock.yaml", &document, read)
        .expect_err("endless");
    assert_eq!(
        mistakes.to_string(),
        "998.yaml:1:24: error[SW0903]: found more than 1000 files, expected fewer"
    );
}

#[test]
fn whole_sections_may_be_elsewhere() {
    let document = "asyncapi: 3.0.0
info: {$ref: 'parts.yaml#/info'}
channels: {$ref: channels.yaml}
operations: {$ref: operations.yaml}
components: {schemas: {$ref: 'schemas/index.yaml'}, messages: {$ref: '#/components/x-messages'}, x-messages: {$ref: 'parts.yaml#/messages'}}
";
    let files = [
        (
            "yaml/parts.yaml",
            "info: {title: Parts, version: 1.2.3}\nticks: {messages: {$ref: 'Clock.yaml#/components/messages'}}\nmessages: {tick: {payload: {$ref: 'schemas/index.yaml#/tick'}}}",
        ),
        ("yaml/channels.yaml", "ticks: {$ref: 'parts.yaml#/ticks'}"),
        (
            "yaml/operations.yaml",
            "tick: {action: send, channel: {$ref: '#/channels/ticks'}}",
        ),
        ("yaml/schemas/index.yaml", "tick: {$ref: tick.yaml}"),
        (
            "yaml/schemas/tick.yaml",
            "{type: object, properties: {found: {type: string}}}",
        ),
    ];
    let generated = generated(document, &files);
    assert!(generated.code.contains("pub found: "), "{}", generated.code);
    assert_eq!(generated.api.version, "1.2.3");
    let warnings = warnings(&generated);
    assert_eq!(warnings.len(), 7, "{warnings:#?}");
    let last = "yaml/operations.yaml:1:38: warning[SW0210]: `#/channels/ticks` is nothing in this file, and taken \
                for `yaml/channels.yaml#/ticks`";
    assert!(
        warnings.iter().any(|warning| warning == last),
        "{warnings:#?}"
    );
}

#[test]
fn sections_that_are_nowhere_are_mistakes() {
    let document = "asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0}
channels: {$ref: none.yaml}
operations: {$ref: '#/operations'}
components: {schemas: {$ref: '#/none'}, channels: {ticks: {messages: {$ref: 'none.json'}}}}
";
    assert_eq!(
        mistakes(document, &[]),
        "yaml/Clock.yaml:3:18: error[SW0208]: the file `yaml/none.yaml` does not exist
yaml/Clock.yaml:4:20: error[SW0202]: `operations` leads to references only
yaml/Clock.yaml:5:30: error[SW0201]: `#/none` does not exist
yaml/Clock.yaml:5:77: error[SW0208]: the file `yaml/none.json` does not exist"
    );
}

#[test]
fn what_is_referred_to_may_be_long_but_not_endless() {
    let document = clock("{$ref: 'big.json#/s'}");
    let big = |length: usize| {
        format!(
            "{{\"s\": {}, \"rest\": \"{}\"}}",
            object("found"),
            "x".repeat(length)
        )
    };
    let generated = generated(&document, &[("yaml/big.json", &big(2_000_000))]);
    assert!(generated.code.contains("pub found: "));
    assert_eq!(
        mistakes(&document, &[("yaml/big.json", &big(5_000_000))]),
        "yaml/Clock.yaml:3:54: error[SW0903]: found more than 4194304 bytes in all files, expected fewer"
    );
}

#[test]
fn types_have_the_names_that_their_files_give_them() {
    let document = clock(
        "{type: object, properties: {a: {$ref: 'first-part.schema.json'}, b: {$ref: 'all.yaml#/schemas/secondPart'}, \
         c: {$ref: 'all.yaml#/third_part'}, d: {$ref: 'all.yaml#/definitions/Fourth'}, e: {$ref: 'more/first-part.yaml'}}}",
    );
    let all = format!(
        "{{\"schemas\": {{\"secondPart\": {}}}, \"third_part\": {}, \"definitions\": {{\"Fourth\": {}}}}}",
        object("b"),
        object("c"),
        object("d")
    );
    let files = [
        ("yaml/first-part.schema.json", &*object("a")),
        ("yaml/all.yaml", &all),
        ("yaml/more/first-part.yaml", &object("e")),
    ];
    let generated = generated(&document, &files);
    let names: Vec<&str> = generated
        .api
        .types
        .iter()
        .map(|ty| ty.name.0.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Tick",
            "FirstPart",
            "SecondPart",
            "ThirdPart",
            "Fourth",
            "FirstPart2"
        ]
    );
}

/// Which schemas a file's own inherits from may be in another, and the other way round.
#[test]
fn what_inherits_may_be_in_another_file() {
    let pet =
        "{type: object, discriminator: kind, required: [kind], properties: {kind: {type: string}}}";
    let heir = |parent: &str| {
        format!("{{allOf: [{{$ref: '{parent}'}}, {{properties: {{lives: {{type: integer}}}}}}]}}")
    };
    // The parent elsewhere,
    let document = clock("{$ref: 'pets.yaml#/Pet'}");
    let document = format!(
        "{document}components: {{schemas: {{Cat: {}}}}}\n",
        heir("pets.yaml#/Pet")
    );
    let apart = generated(&document, &[("yaml/pets.yaml", &format!("Pet: {pet}\n"))]);
    // and those that inherit from it as well, where something refers to them.
    let pets = format!("Pet: {pet}\nCat: {}\n", heir("#/Pet"));
    let document = clock("{$ref: 'pets.yaml#/Pet'}");
    let document =
        format!("{document}components: {{schemas: {{Cat: {{$ref: 'pets.yaml#/Cat'}}}}}}\n");
    let together = generated(&document, &[("yaml/pets.yaml", &pets)]);
    for generated in [apart, together] {
        assert_eq!(warnings(&generated), Vec::<String>::new());
        for wanted in ["pub enum Pet {", "    Cat(Cat),", "    Other(PetOther),"] {
            assert!(generated.code.contains(wanted), "{}", generated.code);
        }
        assert!(
            generated
                .code
                .contains(r#".constant("kind", &["\"Cat\""])"#)
        );
    }
}
