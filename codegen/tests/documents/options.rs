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
