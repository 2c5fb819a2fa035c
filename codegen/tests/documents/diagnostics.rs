//! What is said about documents, beyond the words, which are in `tests/reject`.

use std::time::{Duration, Instant};

use serde_json::Value;
use specwire_codegen::{Config, Diagnostics, Severity, generate};

/// A warning (`anyOf`), and nothing wrong.
const LAMP: &str = "\
asyncapi: 3.0.0
info: {title: Lamp, version: 1.0.0}
channels: {lamp: {address: lamp, messages: {switch: {payload: {pattern: (?=a)}}}}}
operations: {switch: {action: receive, channel: {$ref: '#/channels/lamp'}}}
";

fn mistakes(text: &str) -> Diagnostics {
    generate("Lamp.yaml", text).expect_err("there are mistakes")
}

fn codes<'d>(
    diagnostics: impl IntoIterator<Item = &'d specwire_codegen::Diagnostic>,
) -> Vec<String> {
    let code = |diagnostic: &specwire_codegen::Diagnostic| {
        format!("{:?} {}", diagnostic.severity(), diagnostic.code())
    };
    diagnostics.into_iter().map(code).collect()
}

#[test]
fn warnings_are_shown_beside_errors_in_document_order() {
    let text = LAMP
        .replace(", version: 1.0.0", "")
        .replace("address: lamp", "adress: lamp");
    let found = mistakes(&text);
    assert_eq!(
        codes(&found),
        ["Warning SW0104", "Error SW0105", "Warning SW0411"]
    );
}

#[test]
fn what_may_be_the_consequence_of_an_error_is_kept_out() {
    let found = mistakes("{asyncapi: 3.0.0}");
    assert_eq!(codes(&found), ["Error SW0104"]);
}

#[test]
fn warnings_are_turned_off_and_made_errors_by_code() {
    let codes = |config: Config| match config.generate("Lamp.yaml", LAMP) {
        Ok(generated) => codes(&generated.warnings),
        Err(mistakes) => codes(&mistakes),
    };
    let none: [&str; 0] = [];
    assert_eq!(codes(Config::new()), ["Warning SW0411"]);
    assert_eq!(codes(Config::new().allow("SW0411")), none);
    assert_eq!(codes(Config::new().allow("sw0411")), none);
    assert_eq!(codes(Config::new().deny("SW0411")), ["Error SW0411"]);
    assert_eq!(codes(Config::new().deny_warnings()), ["Error SW0411"]);
    assert_eq!(codes(Config::new().deny_warnings().allow("SW0411")), none);
    assert_eq!(codes(Config::new().deny("SW0411").allow("SW0411")), none);
    assert_eq!(codes(Config::new().allow("SW0316")), ["Warning SW0411"]);
}

#[test]
fn errors_cannot_be_turned_off() {
    let config = Config::new().allow("SW0104");
    let found = config.generate("Lamp.yaml", "{asyncapi: 3.0.0}");
    assert_eq!(
        codes(&found.expect_err("it stays an error")),
        ["Error SW0104"]
    );
}

#[test]
fn what_is_no_code_is_an_error() {
    let found = Config::new().allow("sw411").generate("Lamp.yaml", LAMP);
    let found = found.expect_err("it is none");
    let mistake = found.iter().next().expect("there is one");
    assert_eq!(
        mistake.to_string(),
        "Lamp.yaml: error[SW0803]: there is no code `sw411`"
    );
    assert_eq!(mistake.help(), Some("did you mean `SW0411`?"));
}

#[test]
fn json_says_all_that_is_shown() {
    let found = mistakes("asyncapi: 3.0.0\ninfo: {title: Lamp, version: 1, title: é}\n");
    let lines = found.to_json_lines();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({
                "code": "SW0106",
                "severity": "warning",
                "message": "found the number `1`, expected text",
                "file": "Lamp.yaml",
                "line": 2, "column": 30, "end_line": 2, "end_column": 31, "start": 45, "end": 46,
                "pointer": "/info/version",
                "help": "write `'1'`",
                "related": [],
            }),
            serde_json::json!({
                "code": "SW0012",
                "severity": "error",
                "message": "duplicate key `title`",
                "file": "Lamp.yaml",
                "line": 2, "column": 33, "end_line": 2, "end_column": 38, "start": 48, "end": 53,
                "pointer": "",
                "help": null,
                "related": [{
                    "message": "first defined here",
                    "file": "Lamp.yaml",
                    "line": 2, "column": 8, "end_line": 2, "end_column": 13, "start": 23, "end": 28,
                    "pointer": "",
                }],
            }),
        ]
    );
}

#[test]
fn json_is_valid_whatever_the_document_says() {
    let odd = "\"\\\u{0}\u{1f}\u{7f}\u{85}\u{2028}\r\n\t😀";
    let key = serde_json::to_string(odd).expect("text is JSON");
    let text = format!("{{\"asyncapi\": \"3.0.0\", \"info\": {{{key}: 1, \"$ref\": {key}}}}}");
    for diagnostic in &generate(odd, &text).expect_err("there are mistakes") {
        let line = diagnostic.to_json();
        assert_eq!(line.lines().count(), 1, "{line}");
        let value: Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(value["file"], odd);
        assert_eq!(value["message"], diagnostic.message());
        assert_eq!(value["pointer"], diagnostic.pointer());
        assert_eq!(diagnostic.severity(), Severity::Error);
    }
}

#[test]
fn places_that_are_far_apart_are_shown_in_two_pieces() {
    let lines = "# nothing\n".repeat(5000);
    let found = mistakes(&format!("asyncapi: 3.0.0\n{lines}asyncapi: 3.1.0\n")).render();
    let first = "\
error[SW0012]: duplicate key `asyncapi`
    --> Lamp.yaml:5002:1
     |
5002 | asyncapi: 3.1.0
     | ^^^^^^^^
     |
    ::: Lamp.yaml:1:1
     |
   1 | asyncapi: 3.0.0
     | -------- first defined here";
    assert!(found.contains(first), "{found}");
}

#[test]
fn of_a_long_line_what_is_around_the_place_is_shown() {
    let channels: Vec<String> = (0..500)
        .map(|index| format!("\"c{index}\": {{\"adress\": \"{}\"}}", "x".repeat(1000)))
        .collect();
    let text = format!(
        "{{\"asyncapi\": \"3.0.0\", \"info\": {{}}, \"channels\": {{{}}}}}",
        channels.join(", ")
    );
    let started = Instant::now();
    let found = mistakes(&text);
    let last = found.iter().last().expect("there is one");
    let column = text.rfind("\"adress\"").map(|at| at + 1);
    assert_eq!((last.line(), last.column()), (Some(1), column));
    let shown = found.render();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert!(shown.lines().all(|line| line.len() < 300));
    assert!(
        last.render().contains("\"c499\": {\"adress\": \"xxx"),
        "{}",
        last.render()
    );
    assert!(
        last.render().contains(" --> Lamp.yaml:1:"),
        "{}",
        last.render()
    );
}

/// A message whose type holds another, and so on.
fn chain(length: usize, holds: impl Fn(String) -> String) -> String {
    let schemas: String = (0..length)
        .map(|index| {
            let next = format!("{{$ref: '#/components/schemas/s{}'}}", index + 1);
            format!(
                "    s{index}: {{type: object, properties: {{a: {}}}}}\n",
                holds(next)
            )
        })
        .collect();
    format!(
        "asyncapi: 3.0.0
info: {{title: Chain, version: 1.0.0}}
channels: {{c: {{address: c, messages: {{m: {{payload: {{$ref: '#/components/schemas/s0'}}}}}}}}}}
operations: {{o: {{action: send, channel: {{$ref: '#/channels/c'}}}}}}
components:
  schemas:
{schemas}    s{length}: {{type: object, properties: {{a: {{type: string}}}}}}
"
    )
}

#[test]
fn types_that_rustc_does_not_look_through_are_any_json_with_a_warning() {
    let list = |next| format!("{{type: array, items: {next}}}");
    let cut = |length, holds: fn(String) -> String| {
        let generated = generate("Chain.yaml", &chain(length, holds)).expect("valid");
        let warnings = generated.warnings.iter();
        let places = warnings.map(|warning| {
            assert_eq!(warning.code().to_string(), "SW0417");
            warning.pointer().replace("/components/schemas/", "")
        });
        places.collect::<Vec<_>>()
    };
    assert_eq!(cut(19, list), [""; 0]);
    assert_eq!(cut(22, list), ["s18"]);
    assert_eq!(cut(60, list), ["s18", "s36", "s54"]);
    assert_eq!(cut(40, |next| next), [""; 0]);
    assert_eq!(cut(52, |next| next), ["s46"]);
    assert_eq!(cut(300, list).len(), 16);

    let generated = generate("Chain.yaml", &chain(22, list)).expect("valid");
    assert!(
        generated
            .code
            .contains("Any JSON, of which a `S18` can be read.")
    );
    assert!(generated.code.contains("pub struct S18 {"));
    let [warning] = generated.warnings.as_slice() else {
        panic!("{:?}", generated.warnings);
    };
    let help =
        "read a `S18` where it is needed, or have it read with the rest by `Config::deep_types`";
    assert_eq!(warning.help(), Some(help));
}

#[test]
fn circles_that_rustc_does_not_look_through_are_cut_wherever_messages_begin() {
    let circle = |length| {
        let text = chain(length, |next| format!("{{type: array, items: {next}}}"));
        let last = format!("s{length}: {{type: object, properties: {{a: {{type: string}}}}}}");
        let again = format!(
            "s{length}: {{type: object, properties: {{a: {{$ref: '#/components/schemas/s0'}}}}}}"
        );
        let text = text.replace(&last, &again);
        // A message that begins where the circle is half way around.
        let half = format!(
            "{{m: {{payload: {{$ref: '#/components/schemas/s0'}}}}, n: {{payload: {{$ref: '#/components/schemas/s{}'}}}}}}",
            length / 2
        );
        let text = text.replace("{m: {payload: {$ref: '#/components/schemas/s0'}}}", &half);
        let generated = generate("Chain.yaml", &text).expect("valid");
        generated.warnings.len()
    };
    assert_eq!(circle(15), 0);
    assert!(circle(40) > 1);
}

#[test]
fn types_are_as_deep_as_the_document_has_them_for_who_says_so() {
    let config = Config::new().deep_types(true);
    let help = |length, holds: fn(String) -> String| {
        let text = chain(length, holds);
        let generated = config.generate("Chain.yaml", &text).expect("valid");
        assert!(!generated.code.contains("Json"));
        let [deep] = generated.warnings.as_slice() else {
            return None;
        };
        assert_eq!(deep.code().to_string(), "SW0417");
        assert_eq!(deep.pointer(), "/components/schemas/s0");
        Some(deep.help().expect("it says what to do").to_owned())
    };
    let list = |next| format!("{{type: array, items: {next}}}");
    let map = |next| format!("{{type: object, additionalProperties: {next}}}");
    let limit = |limit| {
        let help = format!(
            "write `#![recursion_limit = \"{limit}\"]` at the top of the crate that includes the code"
        );
        Some(help)
    };
    assert_eq!(help(19, list), None);
    assert_eq!(help(22, list), limit(256));
    assert_eq!(help(22, map), limit(256));
    assert_eq!(help(60, list), limit(512));
    assert_eq!(help(40, |next| next), None);
    assert_eq!(help(52, |next| next), limit(256));
    let deep = help(300, list).expect("it is deep");
    assert!(deep.contains("limit = \"2048\"") && deep.contains("RUST_MIN_STACK=33554432"));
}

#[test]
fn types_that_hold_themselves_are_no_deeper_for_it() {
    let circle = chain(10, |next| format!("{{type: array, items: {next}}}"));
    let last = "s10: {type: object, properties: {a: {type: string}}}";
    let again = "s10: {type: object, properties: {a: {$ref: '#/components/schemas/s0'}}}";
    let generated = generate("Chain.yaml", &circle.replace(last, again)).expect("valid");
    assert_eq!(codes(&generated.warnings), [""; 0]);
}
