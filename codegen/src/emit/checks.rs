//! What is checked of a value beyond its type.
//!
//! Written as text, a statement on a line: it is as regular as definitions are, and often more.

use heck::ToUpperCamelCase;

use super::Index;
use super::methods::float;
use super::text::{Code, Text, WIDTH, is_within, literal, spaces};
use crate::api::{Branch, Field, Rules, Type, TypeDef, TypeKind};

/// Where the body of `check` begins.
const BODY: usize = 8;

const SOME: &str = "::core::option::Option::Some";

/// A value within a function: an expression, and whether it is a reference.
struct Value {
    expression: String,
    is_reference: bool,
}

impl Value {
    fn reference(expression: &str) -> Self {
        Self {
            expression: expression.to_owned(),
            is_reference: true,
        }
    }

    fn place(expression: String) -> Self {
        Self {
            expression,
            is_reference: false,
        }
    }

    fn by_reference(&self) -> String {
        let sign = if self.is_reference { "" } else { "&" };
        format!("{sign}{}", self.expression)
    }

    fn by_value(&self) -> String {
        let sign = if self.is_reference { "*" } else { "" };
        format!("{sign}{}", self.expression)
    }
}

/// A place in the message, as an expression.
#[derive(Clone, Default)]
struct At {
    /// The calls that lead there from `at`.
    steps: String,
    /// How many loops over lists it is in, and how many over maps.
    indices: usize,
    names: usize,
}

impl At {
    fn member(&self, name: &str) -> Self {
        let steps = format!("{}.member({})", self.steps, literal(name));
        Self {
            steps,
            ..self.clone()
        }
    }

    fn item(&self, index: usize) -> Self {
        let steps = format!("{}.item({index})", self.steps);
        Self {
            steps,
            ..self.clone()
        }
    }

    /// An element of a list, and the name of its index: `index`, and within another list `index2`.
    fn any_item(&self) -> (String, Self) {
        let indices = self.indices + 1;
        let name = numbered("index", indices);
        let steps = format!("{}.item({name})", self.steps);
        let at = Self {
            steps,
            indices,
            ..*self
        };
        (name, at)
    }

    /// A value of a map, and the name of its key.
    fn any_member(&self) -> (String, Self) {
        let names = self.names + 1;
        let name = numbered("name", names);
        let steps = format!("{}.member({name})", self.steps);
        let at = Self {
            steps,
            names,
            ..*self
        };
        (name, at)
    }

    fn expression(&self) -> String {
        match self.steps.as_str() {
            "" => "at".to_owned(),
            steps => format!("&at{steps}"),
        }
    }
}

fn numbered(base: &str, number: usize) -> String {
    match number {
        1 => base.to_owned(),
        number => format!("{base}{number}"),
    }
}

/// The implementation of `Validate`, where there is something to check or somebody asks.
pub(super) fn definition(index: &Index<'_>, definition: &TypeDef, is_asked: bool, code: &mut Code) {
    if !definition.is_checked && !is_asked {
        return;
    }
    let mut body = Body::new(index);
    let at = At::default();
    body.own(definition);
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for field in &holder.fields {
                body.member(field);
            }
            if let Some((name, ty)) = &holder.rest {
                body.each(BODY, ty, &Value::place(format!("self.{name}")), &at);
            }
        }
        TypeKind::Union(union) => body.branches(&union.branches),
        TypeKind::Newtype(ty) => body.value(BODY, ty, &Value::place("self.0".to_owned()), &at),
        TypeKind::Enum(_) => {}
    }
    body.implementation(&definition.name.0, code);
}

/// The implementation for a type around another.
pub(super) fn wrapper(index: &Index<'_>, name: &str, inner: &Type, code: &mut Code) {
    let mut body = Body::new(index);
    let place = Value::place("self.0".to_owned());
    body.value(BODY, inner, &place, &At::default());
    body.implementation(name, code);
}

/// The type's own implementation does all there is to do: definitions, in whatever holds them.
fn is_delegated(ty: &Type) -> bool {
    match ty {
        Type::Named(_) | Type::Boxed(_) => true,
        Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) => is_delegated(inner),
        _ => false,
    }
}

/// A number and what it is compared with.
fn number(inner: &Type, place: &Value, limit: &str) -> (String, String) {
    match inner {
        Type::Integer(_) => (place.by_value(), limit.to_owned()),
        Type::Number => (format!("{}.as_f64()", place.expression), float(limit)),
        _ => (place.by_value(), float(limit)),
    }
}

/// The body of `check`, which is what each function here writes on.
struct Body<'i> {
    index: &'i Index<'i>,
    text: String,
    /// Not every body calls a rule: some only ask their parts.
    calls_rules: bool,
}

impl<'i> Body<'i> {
    fn new(index: &'i Index<'i>) -> Self {
        Self {
            index,
            text: String::new(),
            calls_rules: false,
        }
    }

    fn implementation(self, name: &str, code: &mut Code) {
        let mut text = Text::default();
        if self.text.is_empty() {
            text.line(&["impl ::specwire::Validate for ", name, " {}"]);
            return code.text(text);
        }
        text.line(&["impl ::specwire::Validate for ", name, " {"]);
        text.line(&[
            "    fn check(&self, at: &::specwire::At<'_>) -> ",
            "::core::result::Result<(), ::specwire::Violation> {",
        ]);
        if self.calls_rules {
            text.line(&["        use ::specwire::private::rules;"]);
        }
        text.push(&self.text);
        text.line(&["        ::core::result::Result::Ok(())"]);
        text.line(&["    }"]);
        text.line(&["}"]);
        code.laid_out(text);
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(spaces(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A call that may fail, its arguments on lines of their own if it is long.
    fn call(&mut self, indent: usize, function: &str, arguments: &[&str]) {
        let one = format!("{function}({})?;", arguments.join(", "));
        if is_within(WIDTH.saturating_sub(indent), &one) {
            return self.line(indent, &one);
        }
        self.line(indent, &format!("{function}("));
        for argument in arguments {
            self.line(indent + 4, &format!("{argument},"));
        }
        self.line(indent, ")?;");
    }

    /// The call of a rule.
    fn rule(&mut self, indent: usize, name: &str, arguments: &[&str]) {
        self.calls_rules = true;
        self.call(indent, &format!("rules::{name}"), arguments);
    }

    /// A block that begins with `head` and an expression, unless nothing is in it.
    fn block(
        &mut self,
        indent: usize,
        head: &str,
        expression: &str,
        inner: impl FnOnce(&mut Self, usize),
    ) {
        let before = self.text.len();
        let one = format!("{head} {expression} {{");
        if is_within(WIDTH.saturating_sub(indent), &one) {
            self.line(indent, &one);
        } else {
            self.line(indent, head);
            self.line(indent + 4, expression);
            self.line(indent, "{");
        }
        let start = self.text.len();
        inner(self, indent + 4);
        if self.text.len() == start {
            self.text.truncate(before);
        } else {
            self.line(indent, "}");
        }
    }

    /// A rule that is made once, when it is first asked.
    fn made_once(&mut self, indent: usize, rule: &str, text: &str, value: &str, at: &str) {
        let (name, made) = (rule.to_uppercase(), rule.to_upper_camel_case());
        let text = literal(text);
        self.line(indent, "{");
        let start = format!("static {name}: rules::{made} = rules::{made}::new(");
        let one = format!("{start}{text});");
        if is_within(WIDTH.saturating_sub(indent + 4), &one) {
            self.line(indent + 4, &one);
        } else {
            self.line(indent + 4, &start);
            self.line(indent + 8, &format!("{text},"));
            self.line(indent + 4, ");");
        }
        self.rule(indent + 4, rule, &[at, value, &format!("&{name}")]);
        self.line(indent, "}");
    }

    /// The rules of a definition as a whole.
    fn own(&mut self, definition: &TypeDef) {
        let Rules {
            min_properties,
            max_properties,
            conditions,
            ..
        } = &definition.rules;
        for (key, count) in [
            ("minProperties", min_properties),
            ("maxProperties", max_properties),
        ] {
            if let Some(count) = count {
                let condition = format!("{{\"{key}\":{count}}}");
                self.made_once(BODY, "condition", &condition, "self", "at");
            }
        }
        for text in conditions {
            self.made_once(BODY, "condition", text, "self", "at");
        }
    }

    fn member(&mut self, field: &Field) {
        let at = At::default().member(&field.name.wire);
        let place = Value::place(format!("self.{}", field.name.rust));
        let plain = field.default.as_ref().is_some_and(|default| default.plain);
        if field.required || plain {
            self.value(BODY, &field.ty, &place, &at);
        } else {
            self.optional(BODY, &field.ty, &place, &at);
        }
    }

    fn optional(&mut self, indent: usize, ty: &Type, place: &Value, at: &At) {
        if is_delegated(ty) || !self.index.is_checked(ty) {
            return self.value(indent, ty, place, at);
        }
        let (ty, head) = match ty {
            Type::Nullable(inner) => (&**inner, format!("if let {SOME}({SOME}(value)) =")),
            ty => (ty, format!("if let {SOME}(value) =")),
        };
        self.block(indent, &head, &place.by_reference(), |body, indent| {
            body.value(indent, ty, &Value::reference("value"), at);
        });
    }

    fn branches(&mut self, branches: &[Branch]) {
        let is_checked = |branch: &&Branch| self.index.is_checked(&branch.ty);
        let checked: Vec<&Branch> = branches.iter().filter(is_checked).collect();
        let (at, value) = (At::default(), Value::reference("value"));
        if let ([only], true) = (checked.as_slice(), branches.len() > 1) {
            let head = format!("if let Self::{}(value) =", only.name);
            return self.block(BODY, &head, "self", |body, indent| {
                body.value(indent, &only.ty, &value, &at);
            });
        }
        if checked.is_empty() {
            return;
        }
        self.line(BODY, "match self {");
        for branch in &checked {
            let head = format!("Self::{}(value)", branch.name);
            self.block(BODY + 4, &head, "=>", |body, indent| {
                body.value(indent, &branch.ty, &value, &at);
            });
        }
        if checked.len() < branches.len() {
            self.line(BODY + 4, "_ => {}");
        }
        self.line(BODY, "}");
    }

    /// What is to be checked of a value.
    fn value(&mut self, indent: usize, ty: &Type, place: &Value, at: &At) {
        if !self.index.is_checked(ty) {
            return;
        }
        if is_delegated(ty) {
            let arguments = [&*place.by_reference(), &at.expression()];
            return self.call(indent, "::specwire::Validate::check", &arguments);
        }
        match ty {
            Type::Checked(inner, rules) => {
                self.rules(indent, inner, rules, place, at);
                self.value(indent, inner, place, at);
            }
            Type::Nullable(inner) => self.optional(indent, inner, place, at),
            Type::Array(inner) => {
                let (number, item) = at.any_item();
                let head = format!("for ({number}, value) in");
                let items = format!("{}.iter().enumerate()", place.expression);
                self.block(indent, &head, &items, |body, indent| {
                    body.value(indent, inner, &Value::reference("value"), &item);
                });
            }
            Type::Map(inner) => self.each(indent, inner, place, at),
            Type::Tuple(elements) => {
                for (number, element) in elements.iter().enumerate() {
                    let place = Value::place(format!("{}.{number}", place.expression));
                    self.value(indent, element, &place, &at.item(number));
                }
            }
            _ => {}
        }
    }

    /// The same for the values of a map.
    fn each(&mut self, indent: usize, ty: &Type, place: &Value, at: &At) {
        let (name, member) = at.any_member();
        let head = format!("for ({name}, value) in");
        self.block(indent, &head, &place.by_reference(), |body, indent| {
            body.value(indent, ty, &Value::reference("value"), &member);
        });
    }

    fn rules(&mut self, indent: usize, inner: &Type, rules: &Rules, place: &Value, at: &At) {
        let (at, reference) = (at.expression(), place.by_reference());
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).to_string();
        for (name, limit) in [
            ("min_length", rules.min_length),
            ("max_length", rules.max_length),
        ] {
            if let Some(limit) = limit.map(count) {
                self.rule(indent, name, &[&at, &reference, &limit]);
            }
        }
        for (name, limit) in [
            ("min_items", rules.min_items),
            ("max_items", rules.max_items),
            ("min_properties", rules.min_properties),
            ("max_properties", rules.max_properties),
        ] {
            if let Some(limit) = limit.map(count) {
                let length = format!("{}.len()", place.expression);
                self.rule(indent, name, &[&at, &length, &limit]);
            }
        }
        for (bound, [inclusive, exclusive]) in [
            (&rules.minimum, ["minimum", "exclusive_minimum"]),
            (&rules.maximum, ["maximum", "exclusive_maximum"]),
        ] {
            if let Some(bound) = bound {
                let name = if bound.exclusive {
                    exclusive
                } else {
                    inclusive
                };
                let (value, limit) = number(inner, place, &bound.value);
                self.rule(indent, name, &[&at, &value, &limit]);
            }
        }
        for factor in &rules.multiples_of {
            let (value, factor) = number(inner, place, factor);
            self.rule(indent, "multiple_of", &[&at, &value, &factor]);
        }
        if let Some(format) = &rules.format {
            let format = format!("rules::Format::{}", format.to_upper_camel_case());
            self.rule(indent, "format", &[&at, &reference, &format]);
        }
        if rules.unique_items {
            self.rule(indent, "unique_items", &[&at, &reference]);
        }
        for pattern in &rules.patterns {
            self.made_once(indent, "pattern", pattern, &reference, &at);
        }
        for text in &rules.conditions {
            self.made_once(indent, "condition", text, &reference, &at);
        }
    }
}
