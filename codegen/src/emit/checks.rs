//! What is checked of a value beyond its type.

use heck::ToUpperCamelCase;
use proc_macro2::TokenStream;
use quote::quote;

use super::text::{Code, Text};
use super::types::{float, tokens};
use super::{Index, ident};
use crate::api::{Branch, Field, Rules, Type, TypeDef, TypeKind};

/// A value within a function: an expression, and whether it is a reference.
struct Value {
    expression: TokenStream,
    is_reference: bool,
}

impl Value {
    fn reference(expression: TokenStream) -> Self {
        Self {
            expression,
            is_reference: true,
        }
    }

    fn place(expression: TokenStream) -> Self {
        Self {
            expression,
            is_reference: false,
        }
    }

    fn by_reference(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            quote!(#expression)
        } else {
            quote!(&#expression)
        }
    }

    fn by_value(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            quote!(*#expression)
        } else {
            quote!(#expression)
        }
    }
}

/// The implementation of `Validate`, where there is something to check or somebody asks.
pub(super) fn definition(index: &Index<'_>, definition: &TypeDef, is_asked: bool, code: &mut Code) {
    if !definition.is_checked && !is_asked {
        return;
    }
    let own = own(definition);
    let parts = match &definition.kind {
        TypeKind::Struct(body) => {
            let fields = body.fields.iter().filter_map(|field| member(index, field));
            let rest = body.rest.as_ref().and_then(|(name, ty)| {
                let name = ident(name);
                each(index, ty, &Value::place(quote!(self.#name)), &quote!(at))
            });
            let all: Vec<TokenStream> = fields.chain(rest).collect();
            quote!(#(#all)*)
        }
        TypeKind::Union(union) => branches(index, &union.branches),
        TypeKind::Newtype(ty) => {
            value(index, ty, &Value::place(quote!(self.0)), &quote!(at)).unwrap_or_default()
        }
        TypeKind::Enum(_) => TokenStream::new(),
    };
    implementation(&definition.name.0, &quote!(#own #parts), code);
}

/// The implementation for a type around another.
pub(super) fn wrapper(index: &Index<'_>, name: &str, inner: &Type, code: &mut Code) {
    let body = value(index, inner, &Value::place(quote!(self.0)), &quote!(at));
    implementation(name, &body.unwrap_or_default(), code);
}

fn implementation(name: &str, body: &TokenStream, code: &mut Code) {
    if body.is_empty() {
        let mut text = Text::default();
        text.line(&["impl ::specwire::Validate for ", name, " {}"]);
        return code.text(text);
    }
    let name = ident(name);
    // Not every body calls a rule: some only ask their parts.
    let import = calls_rules(body).then(|| {
        quote!(
            use ::specwire::private::rules;
        )
    });
    code.tokens(quote! {
        impl ::specwire::Validate for #name {
            fn check(
                &self,
                at: &::specwire::At<'_>,
            ) -> ::core::result::Result<(), ::specwire::Violation> {
                #import
                #body
                ::core::result::Result::Ok(())
            }
        }
    });
}

fn calls_rules(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => ident == "rules",
        proc_macro2::TokenTree::Group(group) => calls_rules(&group.stream()),
        _ => false,
    })
}

/// The rules of a definition as a whole.
fn own(definition: &TypeDef) -> TokenStream {
    let Rules {
        min_properties,
        max_properties,
        conditions,
        ..
    } = &definition.rules;
    let counts = [
        ("minProperties", min_properties),
        ("maxProperties", max_properties),
    ];
    let counts = counts
        .into_iter()
        .filter_map(|(key, count)| count.map(|count| format!("{{\"{key}\":{count}}}")));
    let all = counts.chain(conditions.iter().cloned());
    let all = all.map(|text| condition(&text, &quote!(self), &quote!(at)));
    quote!(#(#all)*)
}

fn condition(text: &str, value: &TokenStream, at: &TokenStream) -> TokenStream {
    quote! {
        {
            static CONDITION: rules::Condition = rules::Condition::new(#text);
            rules::condition(#at, #value, &CONDITION)?;
        }
    }
}

fn member(index: &Index<'_>, field: &Field) -> Option<TokenStream> {
    let name = ident(&field.name.rust);
    let wire = &field.name.wire;
    let at = quote!(&at.member(#wire));
    let place = Value::place(quote!(self.#name));
    let plain = field.default.as_ref().is_some_and(|default| default.plain);
    if field.required || plain {
        return value(index, &field.ty, &place, &at);
    }
    optional(index, &field.ty, &place, &at)
}

fn optional(index: &Index<'_>, ty: &Type, place: &Value, at: &TokenStream) -> Option<TokenStream> {
    if is_delegated(ty) {
        return value(index, ty, place, at);
    }
    let some = quote!(::core::option::Option::Some);
    let (ty, pattern) = match ty {
        Type::Nullable(inner) => (&**inner, quote!(#some(#some(value)))),
        ty => (ty, quote!(#some(value))),
    };
    let body = value(index, ty, &Value::reference(quote!(value)), at)?;
    let place = place.by_reference();
    Some(quote! {
        if let #pattern = #place {
            #body
        }
    })
}

fn branches(index: &Index<'_>, branches: &[Branch]) -> TokenStream {
    let mut some_without = false;
    let arms: Vec<TokenStream> = branches
        .iter()
        .filter_map(|branch| {
            let variant = ident(&branch.name);
            let body = value(
                index,
                &branch.ty,
                &Value::reference(quote!(value)),
                &quote!(at),
            );
            some_without |= body.is_none();
            body.map(|body| quote!(Self::#variant(value) => { #body }))
        })
        .collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    let others = some_without.then(|| quote!(_ => {}));
    if let ([only], true) = (arms.as_slice(), branches.len() == 1) {
        return quote!(match self { #only });
    }
    if let ([_], Some(_)) = (arms.as_slice(), &others) {
        let found = branches.iter().find_map(|branch| {
            let variant = ident(&branch.name);
            let place = Value::reference(quote!(value));
            let body = value(index, &branch.ty, &place, &quote!(at))?;
            Some(quote!(if let Self::#variant(value) = self { #body }))
        });
        return found.unwrap_or_default();
    }
    quote! {
        match self {
            #(#arms)*
            #others
        }
    }
}

/// The type's own implementation does all there is to do: definitions, in whatever holds them.
fn is_delegated(ty: &Type) -> bool {
    match ty {
        Type::Named(_) | Type::Boxed(_) => true,
        Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) => is_delegated(inner),
        _ => false,
    }
}

/// What is to be checked of a value; `None` for nothing.
fn value(index: &Index<'_>, ty: &Type, place: &Value, at: &TokenStream) -> Option<TokenStream> {
    if !index.is_checked(ty) {
        return None;
    }
    if is_delegated(ty) {
        let reference = place.by_reference();
        return Some(quote!(::specwire::Validate::check(#reference, #at)?;));
    }
    match ty {
        Type::Checked(inner, rules) => {
            let own = self::rules(inner, rules, place, at);
            let parts = value(index, inner, place, at);
            Some(quote!(#own #parts))
        }
        Type::Nullable(inner) => optional(index, inner, place, at),
        Type::Array(inner) => {
            let number = fresh("index", at);
            let item = within(at, &quote!(item(#number)));
            let body = value(index, inner, &Value::reference(quote!(value)), &item)?;
            let place = &place.expression;
            Some(quote! {
                for (#number, value) in #place.iter().enumerate() {
                    #body
                }
            })
        }
        Type::Map(inner) => each(index, inner, place, at),
        Type::Tuple(elements) => {
            let parts = elements.iter().enumerate().map(|(number, element)| {
                let item = within(at, &quote!(item(#number)));
                let field = proc_macro2::Literal::usize_unsuffixed(number);
                let place = &place.expression;
                value(index, element, &Value::place(quote!(#place.#field)), &item)
            });
            let parts: Vec<Option<TokenStream>> = parts.collect();
            Some(quote!(#(#parts)*))
        }
        _ => None,
    }
}

/// The same for the values of a map.
fn each(index: &Index<'_>, ty: &Type, place: &Value, at: &TokenStream) -> Option<TokenStream> {
    let name = fresh("name", at);
    let item = within(at, &quote!(member(#name)));
    let body = value(index, ty, &Value::reference(quote!(value)), &item)?;
    let place = place.by_reference();
    Some(quote! {
        for (#name, value) in #place {
            #body
        }
    })
}

/// A name that the place is not made with yet: `index`, and within that `index2`.
fn fresh(base: &str, at: &TokenStream) -> proc_macro2::Ident {
    fn count(base: &str, tokens: TokenStream) -> usize {
        let counts = tokens.into_iter().map(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => {
                usize::from(ident.to_string().starts_with(base))
            }
            proc_macro2::TokenTree::Group(group) => count(base, group.stream()),
            _ => 0,
        });
        counts.sum()
    }
    match count(base, at.clone()) {
        0 => ident(base),
        used => ident(&format!("{base}{}", used.saturating_add(1))),
    }
}

/// A place within a place: what is written after `&` stays after it.
fn within(at: &TokenStream, step: &TokenStream) -> TokenStream {
    let mut tokens = at.clone().into_iter().peekable();
    if matches!(tokens.peek(), Some(proc_macro2::TokenTree::Punct(and)) if and.as_char() == '&') {
        let inner: TokenStream = tokens.skip(1).collect();
        return quote!(&#inner.#step);
    }
    quote!(&#at.#step)
}

fn rules(inner: &Type, rules: &Rules, place: &Value, at: &TokenStream) -> TokenStream {
    let reference = place.by_reference();
    let mut all = Vec::new();
    let mut call = |name: &str, value: TokenStream, argument: TokenStream| {
        let name = ident(name);
        all.push(quote!(rules::#name(#at, #value, #argument)?;));
    };
    let count = |count: u64| {
        proc_macro2::Literal::usize_unsuffixed(usize::try_from(count).unwrap_or(usize::MAX))
    };
    for (name, limit) in [
        ("min_length", rules.min_length),
        ("max_length", rules.max_length),
    ] {
        if let Some(limit) = limit.map(count) {
            call(name, reference.clone(), quote!(#limit));
        }
    }
    let expression = &place.expression;
    for (name, limit) in [
        ("min_items", rules.min_items),
        ("max_items", rules.max_items),
        ("min_properties", rules.min_properties),
        ("max_properties", rules.max_properties),
    ] {
        if let Some(limit) = limit.map(count) {
            call(name, quote!(#expression.len()), quote!(#limit));
        }
    }
    for (bound, names) in [
        (&rules.minimum, ["minimum", "exclusive_minimum"]),
        (&rules.maximum, ["maximum", "exclusive_maximum"]),
    ] {
        if let Some(bound) = bound {
            let [inclusive, exclusive] = names;
            let name = if bound.exclusive {
                exclusive
            } else {
                inclusive
            };
            let (value, limit) = number(inner, place, &bound.value);
            call(name, value, limit);
        }
    }
    for factor in &rules.multiples_of {
        let (value, factor) = number(inner, place, factor);
        call("multiple_of", value, factor);
    }
    if let Some(format) = &rules.format {
        let format = ident(&format.to_upper_camel_case());
        call("format", reference.clone(), quote!(rules::Format::#format));
    }
    if rules.unique_items {
        all.push(quote!(rules::unique_items(#at, #reference)?;));
    }
    for pattern in &rules.patterns {
        all.push(quote! {
            {
                static PATTERN: rules::Pattern = rules::Pattern::new(#pattern);
                rules::pattern(#at, #reference, &PATTERN)?;
            }
        });
    }
    for text in &rules.conditions {
        all.push(condition(text, &reference, at));
    }
    quote!(#(#all)*)
}

/// A number and what it is compared with.
fn number(inner: &Type, place: &Value, limit: &str) -> (TokenStream, TokenStream) {
    let value = place.by_value();
    match inner {
        Type::Integer(_) => (value, tokens(limit)),
        Type::Number => {
            let expression = &place.expression;
            (quote!(#expression.as_f64()), float(limit))
        }
        _ => (value, float(limit)),
    }
}
