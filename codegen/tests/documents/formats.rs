//! Schemas that say which language they are in.

use specwire_codegen::{Code, Config, Generated};

/// A document with one message, whose payload has this schema, and further fields.
fn message(format: &str, schema: &str, fields: &str) -> Generated {
    let text = format!(
        "
asyncapi: 3.0.0
info: {{title: Log, version: 1.0.0}}
channels:
  log:
    messages:
      entry:
        payload:
          schemaFormat: {format}
          schema: {schema}
{fields}
operations: {{log: {{action: receive, channel: {{$ref: '#/channels/log'}}}}}}
"
    );
    match Config::new().generate("Log.yaml", &text) {
        Ok(generated) => generated,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

fn codes(generated: &Generated) -> Vec<Code> {
    generated.warnings.iter().map(|one| one.code()).collect()
}

#[test]
fn every_dialect_of_json_schema_is_read() {
    for format in [
        "application/vnd.aai.asyncapi+yaml;version=3.0.0",
        "application/schema+json;version=draft-04",
        "application/schema+yaml;version=draft-07",
        "application/vnd.oai.openapi;version=3.0.0",
        "application/vnd.oai.openapi+json;version=3.1.0",
    ] {
        let schema = "{type: object, properties: {at: {type: integer, minimum: 0, \
                      exclusiveMinimum: true}, by: {type: string, nullable: true}}}";
        let log = message(format, schema, "");
        assert_eq!(codes(&log), [], "{format}");
        assert!(
            log.code.contains("pub at: ::core::option::Option<u64>"),
            "{format}"
        );
    }
}

#[test]
fn a_payload_of_another_language_is_what_its_content_type_says() {
    for format in [
        "application/raml+yaml;version=1.0",
        "application/vnd.google.protobuf;version=3",
        "application/xml",
    ] {
        for (fields, payload, content_type) in [
            ("", "::specwire::Bytes", "application/octet-stream"),
            (
                "        contentType: application/x-protobuf",
                "::specwire::Bytes",
                "application/x-protobuf",
            ),
            (
                "        contentType: application/xml",
                "::std::string::String",
                "application/xml",
            ),
            (
                "        contentType: application/json",
                "::specwire::Json",
                "",
            ),
            (
                "defaultContentType: application/json",
                "::specwire::Json",
                "",
            ),
        ] {
            let log = message(format, "'message Entry {}'", fields);
            assert_eq!(codes(&log), [Code::SchemaFormat], "{format}");
            let payload = format!("pub struct Entry(pub {payload});");
            assert!(log.code.contains(&payload), "{}", log.code);
            assert!(log.code.contains(&format!("\"{content_type}\"")) || content_type.is_empty());
        }
    }
}

const AVRO: &str = "application/vnd.apache.avro;version=1.9.0";

#[test]
fn names_in_avro_are_looked_up_in_their_namespaces() {
    let log = message(
        AVRO,
        "{type: record, name: a.b.Entry, fields: [
            {name: one, type: {type: enum, name: Kind, symbols: [x]}},
            {name: two, type: Kind},
            {name: three, type: {type: a.b.Kind}},
            {name: four, type: [null, {type: record, name: c.Kind, fields: [{name: up, type: a.b.Entry}, {name: kind, type: [Kind, 'null']}]}]},
          ]}"
        .replace("[null,", "['null',")
        .as_str(),
        "",
    );
    assert_eq!(codes(&log), []);
    for field in [
        "pub one: Kind,",
        "pub two: Kind,",
        "pub three: Kind,",
        "pub four: ::core::option::Option<Kind2>,",
        "pub kind: ::core::option::Option<::std::boxed::Box<Self>>,",
    ] {
        assert!(log.code.contains(field), "{field} in {}", log.code);
    }
}

#[test]
fn a_schema_of_avro_that_is_not_understood_is_bytes() {
    for schema in [
        "{type: record, name: Entry}",
        "{type: record, fields: []}",
        "{type: record, name: Entry, fields: [{name: a, type: Missing}]}",
        "{type: record, name: Entry, fields: [{name: a, type: int}, {name: a, type: int}]}",
        "{type: enum, name: Entry, symbols: []}",
        "{type: enum, name: Entry, symbols: [a, a]}",
        "{type: array}",
        "[]",
        "[[int]]",
        "5",
        "Missing",
    ] {
        let log = message(AVRO, schema, "");
        assert_eq!(codes(&log), [Code::SchemaFormat], "{schema}");
        assert!(
            log.code
                .contains("pub struct Entry(pub ::specwire::Bytes);"),
            "{schema}"
        );
    }
}

#[test]
fn types_of_ones_own_stand_for_those_of_avro() {
    let text = "
asyncapi: 3.0.0
info: {title: Log, version: 1.0.0}
channels:
  log:
    messages:
      entry:
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema:
            type: record
            name: Entry
            fields:
              - {name: at, type: {type: long, logicalType: timestamp-millis}}
              - {name: place, type: {type: record, name: Place, fields: []}}
operations: {log: {action: receive, channel: {$ref: '#/channels/log'}}}
";
    let config = Config::new()
        .format("timestamp-millis", "::clock::Instant")
        .substitute("Place", "::map::Place");
    let log = config.generate("Log.yaml", text).expect("valid");
    assert_eq!(codes(&log), []);
    assert!(
        log.code.contains("pub at: ::clock::Instant"),
        "{}",
        log.code
    );
    assert!(log.code.contains("pub place: ::map::Place"), "{}", log.code);
}

#[test]
fn large_and_deep_schemas_of_avro_are_read_at_once() {
    let begun = std::time::Instant::now();
    let fields = |count: usize| -> String {
        (0..count)
            .map(|n| format!("{{name: f{n}, type: [int, string]}}, "))
            .collect()
    };
    message(
        AVRO,
        &format!("{{type: record, name: R, fields: [{}]}}", fields(2000)),
        "",
    );
    let deep = format!(
        "{}int{}",
        "{type: array, items: ".repeat(80),
        "}".repeat(80)
    );
    message(AVRO, &deep, "");
    let deep = format!("{}int{}", "{type: ".repeat(80), "}".repeat(80));
    message(AVRO, &deep, "");
    assert!(begun.elapsed() < std::time::Duration::from_secs(60));
}
