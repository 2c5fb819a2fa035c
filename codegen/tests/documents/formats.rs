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
