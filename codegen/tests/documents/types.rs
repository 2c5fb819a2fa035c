//! Which types schemas become, and under which names.

use specwire_codegen::api::{Expression, Part, Payload, Type, TypeKind};
use specwire_codegen::generate;

#[test]
fn headers_that_the_runtime_fills_in() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels:
  ask:
    messages:
      ask:
        headers: {type: object, properties: {back: {type: string}, id: {type: string}}}
        correlationId: {location: $message.header#/id}
        payload: {type: string}
  answer:
    messages:
      answer:
        headers: {type: object, properties: {id: {type: string}, age: {type: integer}}}
        correlationId: {location: $message.header#/id}
        payload: {type: string}
operations:
  ask:
    action: receive
    channel: {$ref: '#/channels/ask'}
    reply:
      address: {location: $message.header#/back}
      channel: {$ref: '#/channels/answer'}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    let [ask, answer] = api.messages.as_slice() else {
        panic!("{:?}", api.messages)
    };
    let header = |expression: &Option<Expression>| {
        let expression = expression.as_ref().expect("there is one");
        expression.member_of(Part::Headers)
    };
    assert_eq!(header(&ask.reply_address).as_deref(), Some("back"));
    assert_eq!(header(&ask.correlation_id).as_deref(), Some("id"));
    assert_eq!(header(&answer.correlation_id).as_deref(), Some("id"));
    assert!(!ask.has_own_headers);
    assert!(answer.has_own_headers);
}

#[test]
fn definitions_that_hold_themselves_are_boxed_once() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels: {trees: {messages: {tree: {payload: {$ref: '#/components/schemas/tree'}}}}}
operations: {tree: {action: send, channel: {$ref: '#/channels/trees'}}}
components:
  schemas:
    tree:
      type: object
      required: [leaf]
      properties:
        left: {$ref: '#/components/schemas/tree'}
        children: {type: array, items: {$ref: '#/components/schemas/tree'}}
        leaf: {$ref: '#/components/schemas/leaf'}
    leaf:
      type: object
      properties: {tree: {$ref: '#/components/schemas/tree'}, colour: {enum: [green, red]}}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    let fields = |name: &str| {
        let definition = api
            .types
            .iter()
            .find(|definition| definition.name.0 == name);
        match definition.map(|definition| &definition.kind) {
            Some(TypeKind::Struct(object)) => object
                .fields
                .iter()
                .map(|field| field.ty.clone())
                .collect::<Vec<_>>(),
            other => panic!("{name}: {other:?}"),
        }
    };
    let [left, children, leaf] = fields("Tree").try_into().expect("three fields");
    assert!(matches!(left, Type::Boxed(_)));
    assert!(matches!(children, Type::Array(element) if matches!(*element, Type::Named(_))));
    assert!(matches!(leaf, Type::Named(_)));
    assert!(matches!(
        fields("Leaf").as_slice(),
        [Type::Boxed(_), Type::Named(_)]
    ));
}

#[test]
fn null_is_modelled_where_it_stands() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels: {notes: {messages: {note: {payload: {$ref: '#/components/schemas/note'}}}}}
operations: {note: {action: send, channel: {$ref: '#/channels/notes'}}}
components:
  schemas:
    note:
      type: [object, 'null']
      required: [text, next, any]
      properties:
        text: {type: string, nullable: true}
        more: {type: [string, 'null']}
        next: {$ref: '#/components/schemas/note'}
        any: {nullable: true}
        names: {type: array, items: {enum: [a, null]}}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    let nullable = |ty: Type| Type::Nullable(Box::new(ty));
    let TypeKind::Struct(note) = &api.types[0].kind else {
        panic!("{:?}", api.types)
    };
    let name = &api.types[0].name;
    let names = &api.types[1].name;
    let expected = [
        (nullable(Type::String), true),
        (nullable(Type::String), false),
        (nullable(Type::Boxed(name.clone())), true),
        (Type::Any, true),
        (
            Type::Array(Box::new(nullable(Type::Named(names.clone())))),
            false,
        ),
    ];
    let found: Vec<_> = note
        .fields
        .iter()
        .map(|field| (field.ty.clone(), field.required))
        .collect();
    assert_eq!(found, expected);
    assert!(api.types[0].traits.default);
    assert_eq!(
        api.messages[0].payload,
        Payload::Wraps(nullable(Type::Named(name.clone())))
    );
}

#[test]
fn what_a_condition_asks_for_is_kept_for_it_to_see() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels:
  c:
    messages:
      m:
        payload:
          type: object
          properties: {a: {type: integer}}
          if: {required: [a], properties: {kind: {const: 1}}}
          then: {required: [b], properties: {c: {type: string}}}
          not: {properties: {d: {type: string}}, required: [d]}
          dependentRequired: {e: [f]}
operations:
  o: {action: receive, channel: {$ref: '#/channels/c'}}
";
    let code = generate("Test.yaml", text).expect("valid").code;
    for member in ["kind", "b", "d", "e", "f"] {
        let line = format!("pub {member}: ::core::option::Option<::specwire::Json>,");
        assert!(code.contains(&line), "{member}:\n{code}");
    }
    assert!(code.contains("pub c: ::core::option::Option<::std::string::String>,"));
}

#[test]
fn members_that_only_examples_show_are_kept() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels:
  notes:
    messages:
      note:
        headers: {priority: {type: integer}}
        payload:
          type: object
          properties: {text: {type: string}, part: {type: object, properties: {a: {type: string}}}}
        examples:
          - headers: {priority: 1, colour: red}
            payload: {text: a, part: {a: b, c: 5}, author: {name: x}}
operations: {note: {action: send, channel: {$ref: '#/channels/notes'}}}
";
    let generated = generate("Test.yaml", text).expect("valid");
    let members = |name: &str| {
        let found = generated.api.types.iter().find(|one| one.name.0 == name);
        match found.map(|found| &found.kind) {
            Some(TypeKind::Struct(found)) => found
                .fields
                .iter()
                .map(|field| field.name.wire.clone())
                .collect::<Vec<_>>(),
            other => panic!("{name}: {other:?}"),
        }
    };
    assert_eq!(members("Note"), ["text", "part", "author"]);
    assert_eq!(members("NotePart"), ["a", "c"]);
    // And `properties` is what has been left out here.
    assert_eq!(members("NoteHeaders"), ["priority", "colour"]);
    let warnings: Vec<String> = generated
        .warnings
        .iter()
        .map(|warning| format!("{} {}", warning.code(), warning.pointer()))
        .collect();
    let note = "/channels/notes/messages/note";
    assert_eq!(
        warnings,
        [
            format!("SW0404 {note}/headers"),
            format!("SW0414 {note}/examples/0/headers/colour"),
            format!("SW0414 {note}/examples/0/payload/part/c"),
            format!("SW0414 {note}/examples/0/payload/author"),
        ]
    );
}

#[test]
fn messages_of_one_name_are_told_apart_by_their_channels() {
    let text = "
asyncapi: 3.0.0
info: {title: Mail, version: 1.0.0}
channels:
  inbox: {messages: {error: {payload: {type: string}}, sent: {payload: {type: string}}}}
  outbox: {messages: {error: {payload: {type: integer}}}}
operations:
  in: {action: receive, channel: {$ref: '#/channels/inbox'}}
  out: {action: receive, channel: {$ref: '#/channels/outbox'}}
";
    let code = generate("Mail.yaml", text).map(|mail| mail.code);
    let code = code.expect("it is valid");
    for name in ["InboxError", "Sent", "OutboxError"] {
        assert!(code.contains(&format!("pub struct {name}(")), "{name}");
    }
}

#[test]
fn what_is_written_in_a_base_is_named_after_it_and_not_after_who_joins_it_first() {
    let text = "
asyncapi: 3.0.0
info: {title: Base, version: 1.0.0}
channels: {c: {address: c, messages: {a: {payload: {$ref: '#/components/schemas/A'}}, b: {payload: {$ref: '#/components/schemas/B'}}}}}
operations: {o: {action: receive, channel: {$ref: '#/channels/c'}}}
components:
  schemas:
    Base:
      properties:
        kind: {type: string, enum: [x, y]}
        both: {type: string, enum: [x, y, z]}
        list: {type: array, items: {properties: {n: {type: integer}}}}
    A: {allOf: [{$ref: '#/components/schemas/Base'}, {properties: {own: {enum: [u, v]}, both: {enum: [x, y]}}}]}
    B: {allOf: [{$ref: '#/components/schemas/Base'}], properties: {b: {type: integer}}}
";
    let generated = generate("Base.yaml", text).expect("valid");
    let names = generated.api.types.iter().map(|one| one.name.0.as_str());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "A",
            "BaseKind",
            "ABoth",
            "BaseListItem",
            "AOwn",
            "B",
            "BaseBoth"
        ]
    );
}
