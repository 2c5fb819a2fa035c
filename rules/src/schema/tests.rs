//! What schemas say of values.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::violation::cut;

#[test]
fn conditions() {
    #[track_caller]
    fn check(result: Result<(), Violation>, expected: &str) {
        let found = result.err().map(|violation| violation.to_string());
        assert_eq!(found.as_deref().unwrap_or("ok"), expected);
    }
    static EITHER: Condition =
        Condition::new(r#"{"oneOf":[{"required":["a"]},{"required":["b"]}]}"#);
    let at = At::ROOT.member("x");
    check(condition(&at, &BTreeMap::from([("a", 1)]), &EITHER), "ok");
    check(
        condition(&at, &BTreeMap::from([("c", 1)]), &EITHER),
        "/x: found an object with 1 member, expected it to fit one of 2 schemas (oneOf)",
    );
    check(
        condition(&at, &BTreeMap::from([("a", 1), ("b", 1)]), &EITHER),
        "/x: found an object with 2 members, expected it to fit one of 2 schemas, and it fits 2 (oneOf)",
    );
}

#[test]
fn keywords_mean_what_the_drafts_say() {
    for (schema, fitting, others) in [
        ("true", &["1", "null"][..], &[][..]),
        ("false", &[], &["1"]),
        (
            r#"{"type":"integer"}"#,
            &["1", "1.0", "1e3", "18446744073709551615"],
            &["1.5", "\"1\"", "null"],
        ),
        (
            r#"{"type":["string","null"]}"#,
            &["\"a\"", "null"],
            &["1", "[]"],
        ),
        (
            r#"{"type":"string","nullable":true}"#,
            &["\"a\"", "null"],
            &["1"],
        ),
        (r#"{"type":"shoe"}"#, &["1"], &[]),
        (
            r#"{"enum":[1,"a",[2],{"b":null}]}"#,
            &["1.0", "\"a\"", "[2.0]", "{\"b\":null}"],
            &["2", "\"b\"", "[]", "{}"],
        ),
        (
            r#"{"const":{"a":1,"b":[false]}}"#,
            &["{\"b\":[false],\"a\":1.0}"],
            &["{\"a\":1}", "{\"a\":1,\"b\":[0]}"],
        ),
        (
            r#"{"minimum":1,"maximum":2}"#,
            &["1", "2.0", "\"x\""],
            &["0.9", "2.1"],
        ),
        (
            r#"{"exclusiveMinimum":1,"exclusiveMaximum":2}"#,
            &["1.5"],
            &["1", "2.0"],
        ),
        (
            r#"{"minimum":1,"exclusiveMinimum":true}"#,
            &["1.1"],
            &["1", "0"],
        ),
        (r#"{"maximum":1,"exclusiveMaximum":false}"#, &["1"], &["2"]),
        (
            r#"{"multipleOf":0.01}"#,
            &["4.02", "0", "1e300"],
            &["4.025"],
        ),
        (
            r#"{"minLength":2,"maxLength":3.0,"pattern":"^é"}"#,
            &["\"éa\"", "\"éab\"", "1"],
            &["\"é\"", "\"éabc\"", "\"ab\""],
        ),
        (r#"{"pattern":"(?=x)"}"#, &["\"a\""], &[]),
        (r#"{"format":"date"}"#, &["\"2026-11-21\"", "1"], &["\"x\""]),
        (r#"{"format":"shoe-size"}"#, &["\"x\""], &[]),
        (
            r#"{"items":{"type":"integer"},"minItems":1,"maxItems":2}"#,
            &["[1]", "[1,2]", "{}"],
            &["[]", "[1,2,3]", "[\"a\"]"],
        ),
        (
            r#"{"items":[{"type":"integer"}],"additionalItems":false}"#,
            &["[]", "[1]"],
            &["[1,2]", "[\"a\"]"],
        ),
        (
            r#"{"prefixItems":[{"type":"integer"}],"items":{"type":"string"}}"#,
            &["[]", "[1]", "[1,\"a\"]"],
            &["[\"a\"]", "[1,2]"],
        ),
        (
            r#"{"contains":{"const":1}}"#,
            &["[1]", "[0,1,1]"],
            &["[]", "[0]"],
        ),
        (
            r#"{"contains":{"const":1},"minContains":0,"maxContains":1}"#,
            &["[]", "[1]"],
            &["[1,1]"],
        ),
        (
            r#"{"contains":{"const":1},"minContains":2}"#,
            &["[1,1]"],
            &["[1]"],
        ),
        (
            r#"{"uniqueItems":true}"#,
            &["[1,true,\"1\",[1]]"],
            &["[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]"],
        ),
        (
            r#"{"properties":{"a":{"type":"integer"}},"required":["a"]}"#,
            &["{\"a\":1}", "1"],
            &["{}", "{\"a\":\"b\"}"],
        ),
        (
            r#"{"properties":{"a":{}},"patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":false}"#,
            &["{\"a\":[],\"x-b\":1}"],
            &["{\"b\":1}", "{\"x-b\":\"c\"}"],
        ),
        (
            r#"{"additionalProperties":{"type":"integer"}}"#,
            &["{\"a\":1}"],
            &["{\"a\":\"b\"}"],
        ),
        (
            r#"{"propertyNames":{"maxLength":1}}"#,
            &["{\"a\":1}"],
            &["{\"ab\":1}"],
        ),
        (
            r#"{"minProperties":1,"maxProperties":1}"#,
            &["{\"a\":1}"],
            &["{}", "{\"a\":1,\"b\":1}"],
        ),
        (
            r#"{"dependencies":{"a":["b"],"c":{"required":["d"]}}}"#,
            &["{}", "{\"a\":1,\"b\":1}", "{\"c\":1,\"d\":1}"],
            &["{\"a\":1}", "{\"c\":1}"],
        ),
        (
            r##"{"$defs":{"a":{"properties":{"a":{}}}},"allOf":[{"$ref":"#/$defs/a"}],
                "anyOf":[{"properties":{"b":{"const":1}},"required":["b"]},{"patternProperties":{"^c":{}}}],
                "not":{"required":["d"],"properties":{"d":{}}},
                "unevaluatedProperties":false}"##,
            &[r#"{"a":1,"b":1,"c":1}"#, "{}"],
            &[r#"{"d":1}"#, r#"{"a":1,"b":2}"#, r#"{"e":1}"#],
        ),
        (
            r#"{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"properties":{"b":{}}},
                "dependentSchemas":{"c":{"properties":{"d":{}}}},"properties":{"c":{}},
                "unevaluatedProperties":{"type":"string"}}"#,
            &[r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"a":"x","b":"y"}"#],
            &[r#"{"a":2}"#, r#"{"b":2}"#, r#"{"d":4}"#],
        ),
        (
            r#"{"allOf":[{"prefixItems":[{"type":"string"}]}],"contains":{"const":1},"unevaluatedItems":false}"#,
            &[r#"["a",1]"#, "[\"a\",1,1]"],
            &[r#"["a",2]"#, r#"["a",1,2]"#],
        ),
        (
            r#"{"items":[true],"additionalItems":true,"unevaluatedItems":false}"#,
            &["[1,2]"],
            &[],
        ),
        (
            r#"{"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}}"#,
            &["{}", "{\"b\":1}"],
            &["{\"a\":1}", "{\"c\":1}"],
        ),
        (
            r#"{"allOf":[{"minimum":1},{"maximum":2}]}"#,
            &["1"],
            &["0", "3"],
        ),
        (
            r#"{"anyOf":[{"minimum":2},{"maximum":1}]}"#,
            &["1", "2"],
            &["1.5"],
        ),
        (
            r#"{"oneOf":[{"minimum":1},{"maximum":2}]}"#,
            &["0", "3"],
            &["1"],
        ),
        (r#"{"not":{"type":"integer"}}"#, &["1.5"], &["1"]),
        (
            r#"{"if":{"const":1},"then":false,"else":{"type":"string"}}"#,
            &["\"a\""],
            &["1", "2"],
        ),
        (r#"{"then":false,"else":false}"#, &["1"], &[]),
        (
            r##"{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"integer"}}}"##,
            &["1"],
            &["\"a\""],
        ),
        (
            r##"{"$ref":"#/$defs/a","maximum":1,"$defs":{"a":{"type":"integer"}}}"##,
            &["1"],
            &["2", "\"a\""],
        ),
        (
            r##"{"properties":{"next":{"$ref":"#"},"value":{"type":"integer"}},"required":["value"]}"##,
            &["{\"value\":1,\"next\":{\"value\":1}}"],
            &["{\"value\":1,\"next\":{}}"],
        ),
        (r##"{"$ref":"#/nowhere"}"##, &["1"], &[]),
        (r#"{"$ref":"https://example.com"}"#, &["1"], &[]),
        // What is malformed says nothing.
        (
            r#"{"minLength":"a","enum":1,"required":true,"properties":[],"items":1,"allOf":{}}"#,
            &["1", "\"\"", "{}", "[1]"],
            &[],
        ),
    ] {
        let schema: Value = serde_json::from_str(schema).unwrap();
        for (texts, expected) in [(fitting, true), (others, false)] {
            for text in texts {
                let value: Value = serde_json::from_str(text).unwrap();
                let found = check(&schema, &schema, &value);
                assert_eq!(found.is_ok(), expected, "{schema} and {text}: {found:?}");
                assert_eq!(violations(&schema, &schema, &value).is_empty(), expected);
            }
        }
    }
}

#[test]
fn violations_say_where_and_what() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["symbol"],
        "properties": {
            "symbol": {"type": "string", "pattern": "^[A-Z]+$"},
            "legs": {"items": {"properties": {"price": {"minimum": 1, "type": "number"}}}},
            "side": {"enum": ["buy", "sell"]},
            "level": {"type": ["integer", "null"]},
        },
        "propertyNames": {"maxLength": 8},
        "additionalProperties": false,
    });
    let value = serde_json::json!({
        "legs": [{"price": 1}, {"price": 0}, {"price": {}}],
        "side": "hold",
        "level": "high",
        "something": 1,
    });
    let mut found: Vec<_> = violations(&schema, &schema, &value)
        .iter()
        .map(ToString::to_string)
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "/legs/1/price: found 0, expected at least 1 (minimum)",
            "/legs/2/price: found an object with 0 members, expected a number (type)",
            "/level: found \"high\", expected an integer or null (type)",
            "/side: found \"hold\", expected \"buy\" or \"sell\" (enum)",
            "/something: found a member of this name, expected none (additionalProperties)",
            "/something: found the name \"something\" of 9 characters, expected at most 8 (propertyNames)",
            "`symbol` is missing (required)",
        ]
    );
    let many = Value::from(vec![0; 100]);
    let positive = serde_json::json!({"items": {"minimum": 1}});
    assert_eq!(violations(&positive, &positive, &many).len(), 16);
}

/// Everything at its worst still ends, without optimisation and on a small stack.
#[test]
fn hostile_schemas_and_values_take_bounded_time() {
    let deep = |schema: &str, levels: usize, (open, close): (&str, &str)| -> Value {
        serde_json::from_str(&format!(
            "{}{schema}{}",
            open.repeat(levels),
            close.repeat(levels)
        ))
        .unwrap()
    };
    let many = |count: usize, item: &str| -> Value {
        serde_json::from_str(&format!("[{}]", vec![item; count].join(","))).unwrap()
    };
    let object = |count: usize, value: &str| -> Value {
        let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{value}")).collect();
        serde_json::from_str(&format!("{{{}}}", members.join(","))).unwrap()
    };
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut patterns = object(1000, "{}");
    patterns = serde_json::json!({"patternProperties": patterns});
    let long = Value::from("a".repeat(60_000));
    let cases = [
        (json(r##"{"$ref":"#"}"##), json("1")),
        (
            json(r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##),
            json("1"),
        ),
        (json(r##"{"not":{"$ref":"#"}}"##), json("1")),
        (
            json(r##"{"items":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}"##),
            deep("1", 100, ("[", "]")),
        ),
        (
            json(r##"{"oneOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}"##),
            deep("1", 100, ("[", "]")),
        ),
        (deep("{}", 60, (r#"{"not":"#, "}")), json("1")),
        (
            deep(
                "{}",
                60,
                (r#"{"unevaluatedProperties":false,"anyOf":["#, "]}"),
            ),
            object(5000, "1"),
        ),
        (
            json(r#"{"uniqueItems":true}"#),
            (0..20_000).map(|n| vec![n]).collect(),
        ),
        (json(r#"{"uniqueItems":true}"#), deep("1", 100, ("[", "]"))),
        (
            serde_json::json!({"enum": many(50_000, r#""x""#)}),
            json(r#""y""#),
        ),
        (
            serde_json::json!({"items": {"not": {"enum": many(5000, r#""x""#)}}}),
            many(5000, r#""y""#),
        ),
        (patterns, object(5000, "1")),
        (json(r#"{"pattern":"(a*)*(a*)*(a*)*b"}"#), long.clone()),
        (json(r#"{"pattern":"(.*a){200}b"}"#), long.clone()),
        (
            serde_json::json!({"items": {"not": {"pattern": "[a-z]{4000}"}}}),
            many(5000, r#""y""#),
        ),
        (json(r#"{"format":"email"}"#), long.clone()),
        (json(r#"{"format":"regex"}"#), long),
        (
            json(r#"{"additionalProperties":{"properties":{"x":{"type":"string"}}}}"#),
            object(20_000, r#"{"x":"y"}"#),
        ),
    ];
    for (schema, value) in &cases {
        let before = std::time::Instant::now();
        let _ = check(schema, schema, value);
        let took = before.elapsed();
        let shown = cut(&schema.to_string(), 100);
        println!("{took:?} {shown}");
        // Without a bound it would be hours; the machine may have other things to do.
        assert!(took.as_secs() < 60, "{took:?}: {shown}");
    }
}

/// A schema whose conditions refer to it: at each level twice.
const WITHIN_ITSELF: &str = r##"{
    "properties": {"n": {"$ref": "#"}},
    "if": {"required": ["a"]},
    "then": {"properties": {"a": {"maximum": 3}, "n": {"$ref": "#"}}}
}"##;

fn nested(levels: usize, a: i64) -> Value {
    (0..levels).fold(json!({"a": a}), |within, _| json!({"a": 1, "n": within}))
}

#[test]
fn conditions_within_one_another_are_asked_once_at_each_level() {
    let root: Value = serde_json::from_str(WITHIN_ITSELF).unwrap();
    for levels in [0, 10, 40, 100] {
        let mut steps = 100 * (levels + 1);
        let schemas = Schemas::new(&root);
        assert_eq!(
            schemas.violations(&root, &nested(levels, 3), &mut steps),
            []
        );
        assert!(steps > 0, "{levels}");
        let violation = check(&root, &root, &nested(levels, 99)).unwrap_err();
        let expected = format!("{}/a", "/n".repeat(levels));
        assert_eq!(violation.pointer(), expected);
    }
}

#[test]
fn the_conditions_of_a_message_share_what_it_may_take_and_end_with_it() {
    static SLOW: Condition = Condition::new(
        r##"{"items": {"anyOf": [{"items": {"const": 1}}, {"items": {"const": 2}}, true]}}"##,
    );
    let value = json!(vec![vec![0; 100]; 1000]);
    // By itself it is quick enough, however often.
    for _ in 0..10 {
        condition(&At::ROOT, &value, &SLOW).unwrap();
    }
    let checked = message(|| {
        for _ in 0..1000 {
            condition(&At::ROOT, &value, &SLOW)?;
        }
        Ok::<_, Violation>(())
    });
    let violation = checked.unwrap_err();
    assert_eq!(violation.rule(), "limit");
    assert_eq!(
        violation.to_string(),
        "to check this takes longer than a message may (limit)"
    );
    condition(&At::ROOT, &value, &SLOW).unwrap();
}
