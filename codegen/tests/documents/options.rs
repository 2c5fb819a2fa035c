//! What a build script may say about the generated code.

use specwire_codegen::{Config, Generated, OpenEnums, Sides};

const LAMP: &str = "
asyncapi: 3.0.0
info: {title: Lamp, version: 1.0.0}
channels: {lamp: {address: lamp, messages: {switch: {payload: {type: boolean}}}}}
operations:
  switch: {action: receive, channel: {$ref: '#/channels/lamp'}}
  watch: {action: send, channel: {$ref: '#/channels/lamp'}}
";

fn lamp(config: &Config) -> Generated {
    config.generate("Lamp.yaml", LAMP).expect("valid")
}

fn mistakes(config: &Config) -> String {
    let mistakes = config.generate("Lamp.yaml", LAMP).expect_err("mistakes");
    mistakes.to_string()
}

#[test]
fn a_module_can_be_named() {
    let lamp = lamp(&Config::new().module("torch"));
    assert_eq!(
        (lamp.module.as_str(), lamp.api.name.as_str()),
        ("torch", "torch")
    );
}

#[test]
fn one_end_alone_is_generated() {
    let has = |sides: Sides| {
        let code = lamp(&Config::new().sides(sides)).code;
        ["trait Service", "fn provider", "struct Client", "in_memory"]
            .map(|item| code.contains(item))
    };
    assert_eq!(has(Sides::Both), [true, true, true, true]);
    assert_eq!(has(Sides::Provider), [true, true, false, false]);
    assert_eq!(has(Sides::Consumer), [false, false, true, false]);
}

#[test]
fn only_some_operations_are_generated() {
    let lamp = lamp(&Config::new().operations(["watch"]));
    let names: Vec<_> = lamp.api.interactions.iter().map(|i| &i.name.wire).collect();
    assert_eq!(names, ["watch"]);

    // An operation that is part of another's interaction stands for all of it.
    let text = "
asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0}
channels: {ticks: {messages: {sub: {payload: {}}, pub: {payload: {}}}}}
operations:
  tick_sub: {action: send, channel: &ticks {$ref: '#/channels/ticks'}, messages: [{$ref: '#/channels/ticks/messages/sub'}]}
  tick_pub: {action: receive, channel: *ticks, messages: [{$ref: '#/channels/ticks/messages/pub'}]}
  other: {action: receive, channel: *ticks, messages: [{$ref: '#/channels/ticks/messages/sub'}]}
";
    for key in ["tick_sub", "tick_pub"] {
        let clock = Config::new()
            .operations([key])
            .generate("Clock.yaml", text)
            .expect("valid");
        let names: Vec<_> = clock
            .api
            .interactions
            .iter()
            .map(|i| &i.name.wire)
            .collect();
        assert_eq!(names, ["tick"], "{key}");
    }

    let found = mistakes(&Config::new().operations(["swich"]));
    assert_eq!(
        found,
        "Lamp.yaml:5:1: error[SW0802]: there is no operation `swich`, which the build script asks for"
    );
}

#[test]
fn options_that_concern_nothing_are_told() {
    let unused = |config: Config| {
        let warnings = config
            .generate("Trade.yaml", TRADE)
            .expect("valid")
            .warnings;
        let warnings = warnings.iter().map(|warning| match warning.help() {
            Some(help) => format!("{warning}: {help}"),
            None => warning.to_string(),
        });
        warnings.collect::<Vec<_>>().join("\n")
    };
    let config = Config::new()
        .derive("Mony", "PartialOrd")
        .attribute("trade", "#[non_exhaustive]")
        .substitute("mony", "crate::Money")
        .substitute("/components/schemas/money/properties/unit", "crate::Unit")
        .format("uuid", "crate::Id");
    assert_eq!(
        unused(config.clone()),
        "Trade.yaml: warning[SW0804]: there is no type `Mony`, which the option `derive` is about: did you mean `Money`?
Trade.yaml: warning[SW0804]: there is no type `trade`, which the option `attribute` is about: did you mean `Trade`?
Trade.yaml: warning[SW0804]: no message has the schema `mony`, which the option `substitute` is about: did you mean `money`?
Trade.yaml: warning[SW0804]: no message has the schema `/components/schemas/money/properties/unit`, which the option `substitute` is about"
    );
    assert_eq!(unused(config.clone().allow("SW0804")), "");
    assert!(config.deny("SW0804").generate("Trade.yaml", TRADE).is_err());

    // Of a type that is substituted nothing is left to derive for.
    let config = Config::new()
        .substitute("money", "crate::Money")
        .derive("Money", "PartialOrd");
    assert!(unused(config).starts_with("Trade.yaml: warning[SW0804]: there is no type `Money`"));
    let all = Config::new()
        .derive("Money", "PartialOrd")
        .attribute("Note", "#[non_exhaustive]")
        .attribute("*", "#[allow(unused)]")
        .substitute("#/components/schemas/trade/properties/side", "crate::Side");
    assert_eq!(unused(all), "");
}

#[test]
fn options_that_are_no_rust_are_refused() {
    let config = Config::new()
        .module("Lamp")
        .derive("*", "2")
        .attribute("Switch", "non_exhaustive")
        .substitute("Switch", "a b")
        .format("uuid", "<");
    assert_eq!(
        mistakes(&config),
        "Lamp.yaml: error[SW0801]: found `Lamp` in the option `module`, expected a name in `snake_case` that Rust can call a module
Lamp.yaml: error[SW0801]: found `2` in the option `derive`, expected the path of a derive macro, as in `Hash`
Lamp.yaml: error[SW0801]: found `non_exhaustive` in the option `attribute`, expected an attribute, as in `#[non_exhaustive]`
Lamp.yaml: error[SW0801]: found `a b` in the option `substitute`, expected a type, as in `crate::Money`
Lamp.yaml: error[SW0801]: found `<` in the option `format`, expected a type, as in `crate::Timestamp`"
    );
}

const TRADE: &str = "
asyncapi: 3.0.0
info: {title: Trade, version: 1.0.0}
channels:
  trades:
    messages:
      trade: {payload: {$ref: '#/components/schemas/trade'}}
      note: {payload: {type: object, properties: {text: {type: string}}}}
operations: {trade: {action: send, channel: {$ref: '#/channels/trades'}}}
components:
  schemas:
    trade:
      type: object
      required: [price, at]
      properties:
        price: {$ref: '#/components/schemas/money'}
        at: {type: string, format: date-time}
        side: {type: string, enum: [buy, sell]}
        count: {type: integer, default: 1}
    money: {type: object, properties: {units: {type: integer}}}
";

fn trade(config: &Config) -> String {
    config.generate("Trade.yaml", TRADE).expect("valid").code
}

#[test]
fn types_get_further_derives_and_attributes() {
    let code = trade(
        &Config::new()
            .derive("Money", "PartialOrd")
            .attribute("Money", "#[non_exhaustive]")
            .attribute("*", "#[doc(alias = \"any\")]"),
    );
    let before = |item: &str| {
        let at = code.find(item).expect("it is there");
        let start = code[..at].rfind("\n\n").expect("there is an item before");
        code[start..at].to_owned()
    };
    let money = before("pub struct Money");
    assert!(money.contains("PartialOrd"), "{money}");
    assert!(money.contains("#[non_exhaustive]"), "{money}");
    let trade = before("pub struct Trade");
    assert!(
        !trade.contains("PartialOrd") && !trade.contains("#[non_exhaustive]"),
        "{trade}"
    );
    assert!(trade.contains("#[doc(alias = \"any\")]"), "{trade}");
}

const LIFT: &str = "
asyncapi: 3.0.0
info: {title: Lift, version: 1.0.0}
channels:
  lift:
    address: 'lift/{shaft}/{kind}'
    parameters: {shaft: {default: a}, kind: {enum: [slow, fast]}}
    messages:
      move: {payload: {$ref: '#/components/schemas/move'}}
      stop: {payload: {type: string}}
operations: {lift: {action: receive, channel: {$ref: '#/channels/lift'}}}
components:
  schemas:
    move:
      type: object
      properties:
        floor: {oneOf: [{type: integer}, {type: string}]}
        door: {type: string, enum: [open, shut]}
        nested: {$ref: '#/components/schemas/nested'}
        weight: {$ref: '#/components/schemas/weight'}
    nested: {type: array, items: {$ref: '#/components/schemas/nested'}}
    weight: {type: object, properties: {kilograms: {type: number}}}
";

/// What stands before an item, from the end of the item before it.
fn before(code: &str, item: &str) -> String {
    let at = code
        .find(item)
        .unwrap_or_else(|| panic!("{item} in {code}"));
    let start = code[..at].rfind("\n\n").expect("there is an item before");
    code[start..at].to_owned()
}

#[test]
fn all_kinds_of_types_get_further_derives_and_attributes() {
    let lift = |config: Config| config.generate("Lift.yaml", LIFT).expect("valid");
    let everywhere = lift(
        Config::new()
            .derive("*", "PartialOrd")
            .attribute("*", "#[doc(alias = \"any\")]"),
    );
    let items = [
        "pub struct Move {",
        "pub struct Stop(",
        "pub struct Nested(",
        "pub enum MoveFloor",
        "pub enum MoveDoor",
        "pub struct LiftParameters",
        "pub enum LiftKind",
    ];
    for item in items {
        let found = before(&everywhere.code, item);
        assert!(found.contains("#[derive(PartialOrd)]"), "{found}");
        assert!(found.contains("#[doc(alias = \"any\")]"), "{found}");
    }
    for item in items {
        let name = item
            .trim_end_matches(['{', '(', ' '])
            .rsplit(' ')
            .next()
            .expect("a name");
        let one = lift(Config::new().derive(name, "PartialOrd"));
        assert_eq!(one.warnings.len(), 0, "{name}");
        assert_eq!(
            one.code.matches("#[derive(PartialOrd)]").count(),
            1,
            "{name}"
        );
        assert!(
            before(&one.code, item).contains("#[derive(PartialOrd)]"),
            "{name}"
        );
    }
}

#[test]
fn nothing_is_derived_twice() {
    let plain = config_of(&Config::new());
    let mut config = Config::new();
    for derive in [
        "Clone",
        "Debug",
        "PartialEq",
        "Eq",
        "Hash",
        "Copy",
        "Default",
    ] {
        config = config.derive("*", derive);
    }
    config = config
        .derive("*", "::serde::Serialize")
        .derive("MoveDoor", "Eq")
        .derive("MoveDoor", "core::hash::Hash")
        .derive("Move", "Default");
    assert_eq!(config_of(&config), plain);

    // By name one gets what one asks for, once.
    let code = config_of(&Config::new().derive("Weight", "Eq").derive("Weight", "Eq"));
    assert!(before(&code, "pub struct Weight").contains("#[derive(Eq)]"));

    for name in ["MoveFloor", "MoveDoor", "LiftKind"] {
        let mistakes = Config::new()
            .derive(name, "Default")
            .generate("Lift.yaml", LIFT)
            .expect_err("it cannot be derived");
        assert_eq!(
            mistakes.to_string(),
            format!(
                "Lift.yaml: error[SW0801]: found `Default` in the option `derive` for `{name}`, \
                 which is an enum and has no default"
            )
        );
    }
}

fn config_of(config: &Config) -> String {
    config.generate("Lift.yaml", LIFT).expect("valid").code
}

#[test]
fn a_schema_of_another_file_is_substituted_too() {
    let text = TRADE.replace(
        "'#/components/schemas/money'",
        "'schemas/bank.yaml#/definitions/money'",
    );
    let generate = |schema: &str| {
        let config = Config::new().substitute(schema, "::bank::Money");
        let generated = config.generate_with("yaml/Trade.yaml", &text, |path| {
            assert_eq!(path, "yaml/schemas/bank.yaml");
            Ok(
                b"{definitions: {money: {type: object, properties: {units: {type: integer}}}}}"
                    .to_vec(),
            )
        });
        let generated = generated.expect("valid");
        (
            generated.code.contains("pub price: ::bank::Money"),
            generated.warnings.len(),
        )
    };
    for schema in ["money", "yaml/schemas/bank.yaml#/definitions/money"] {
        assert_eq!(generate(schema), (true, 0), "{schema}");
    }
    assert_eq!(generate("bank.yaml#/definitions/money"), (false, 1));
}

#[test]
fn a_schema_that_is_narrowed_where_it_is_used_is_not_substituted_there() {
    let narrowed = TRADE.replace(
        "price: {$ref: '#/components/schemas/money'}",
        "price: {allOf: [{$ref: '#/components/schemas/money'}, {required: [units]}]}
        other: {allOf: [{$ref: '#/components/schemas/money'}], description: The same.}",
    );
    let config = Config::new().substitute("money", "::bank::Money");
    let code = config
        .generate("Trade.yaml", &narrowed)
        .expect("valid")
        .code;
    assert!(code.contains("pub price: TradePrice"), "{code}");
    assert!(
        code.contains("pub other: ::core::option::Option<::bank::Money>"),
        "{code}"
    );
}

#[test]
fn a_schema_can_ask_for_a_type_itself() {
    let text = TRADE.replace(
        "money: {type: object",
        "money: {x-rust-type: '::bank::Money', type: object",
    );
    let code = Config::new()
        .generate("Trade.yaml", &text)
        .expect("valid")
        .code;
    assert!(code.contains("pub price: ::bank::Money"), "{code}");
    assert!(!code.contains("pub struct Money"), "{code}");
    // The build script has the last word.
    let config = Config::new().substitute("money", "crate::Mine");
    let code = config.generate("Trade.yaml", &text).expect("valid").code;
    assert!(code.contains("pub price: crate::Mine"), "{code}");

    let text = TRADE.replace(
        "money: {type: object",
        "money: {x-rust-type: 'a b', type: object",
    );
    let trade = Config::new().generate("Trade.yaml", &text).expect("valid");
    assert_eq!(trade.warnings.len(), 1);
    assert!(trade.code.contains("pub struct Money"));
}

#[test]
fn types_of_ones_own_stand_for_schemas_and_formats() {
    let code = trade(
        &Config::new()
            .substitute("money", "::bank::Money")
            .substitute("/channels/trades/messages/note/payload", "::bank::Note")
            .format("date-time", "::clock::Instant"),
    );
    assert!(code.contains("pub price: ::bank::Money"), "{code}");
    assert!(code.contains("pub at: ::clock::Instant"), "{code}");
    assert!(code.contains("pub struct Note(pub ::bank::Note)"), "{code}");
    assert!(!code.contains("pub struct Money"), "{code}");
}

#[test]
fn members_with_a_default_can_do_without_option() {
    assert!(trade(&Config::new()).contains("pub count: ::core::option::Option<i64>"));
    assert!(trade(&Config::new().plain_defaults(true)).contains("pub count: i64"));
}

#[test]
fn enums_are_open_or_closed() {
    let others = |open| {
        let code = trade(&Config::new().open_enums(open));
        let start = code.find("pub enum").expect("it is there");
        let end = code[start..].find('}').expect("it ends");
        code[start..start + end].matches(',').count()
    };
    assert_eq!(
        [others(OpenEnums::Always), others(OpenEnums::Never)],
        [3, 2]
    );
}
