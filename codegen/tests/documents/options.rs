//! What a build script may say about the generated code.

use specwire_codegen::{Config, Generated, Sides};

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
