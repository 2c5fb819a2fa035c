//! The types of the model: definitions, what they consist of, and what no type carries.

use super::{Name, Shape, TypeName};

/// A type that is given a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDef {
    /// Its identifier.
    pub name: TypeName,
    /// Other documents have it too, and it is defined in the module that they share.
    pub is_shared: bool,
    /// Its description.
    pub docs: Option<String>,
    /// What it is.
    pub kind: TypeKind,
    /// What holds for each of its values as a whole.
    pub rules: Rules,
    /// Which traits it can have.
    pub traits: Traits,
    /// Something in it, or in what it holds, is to be checked.
    pub is_checked: bool,
}

/// What a [`TypeDef`] defines.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// An object with named members.
    Struct(Struct),
    /// A value out of a set.
    Enum(Enum),
    /// A value of one of several types (`oneOf`, `anyOf`, a list of types).
    Union(Union),
    /// Another type under a name of its own: arrays and maps that hold themselves.
    Newtype(Type),
}

/// The traits of a definition that not every definition has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traits {
    /// Every member has a default value.
    pub default: bool,
    /// No number in it is a float: `Eq` and `Hash`.
    pub eq: bool,
    /// Nothing in it is on the heap.
    pub copy: bool,
}

/// An object with named members.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// The members, in document order.
    pub fields: Vec<Field>,
    /// Unknown members are refused (`additionalProperties: false`).
    pub closed: bool,
    /// The field for all other members, where the document asks for such (`additionalProperties`,
    /// `patternProperties`): its identifier, and the type of a member.
    pub rest: Option<(String, Type)>,
}

/// A member of a [`Struct`].
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its names.
    pub name: Name,
    /// Its description: that beside a `$ref` wins over the one referred to.
    pub docs: Option<String>,
    /// Its type. That of an optional member is what it is if it is there.
    pub ty: Type,
    /// Listed under `required`.
    pub required: bool,
    /// What stands for it if it is left out.
    pub default: Option<DefaultValue>,
}

/// The default of a [`Field`].
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultValue {
    /// The value, as JSON.
    pub json: String,
    /// The value as Rust writes it, for the types that have literals.
    pub literal: Option<Literal>,
    /// The field has it by itself, and so needs no `Option`. That of a required one is what it is
    /// made with: the name by which a `discriminator` tells its type.
    pub plain: bool,
}

/// A value that can be written in a line of Rust.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, in decimal.
    Integer(String),
    /// Any other number, in decimal.
    Float(String),
    /// Text.
    Text(String),
    /// The variant of a definition.
    Variant(TypeName, String),
    /// No element, or no member.
    Empty,
}

/// A set of values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Enum {
    /// What the values are.
    pub base: Base,
    /// The values, in document order.
    pub variants: Vec<Variant>,
    /// The identifier of the variant for values that the document does not list, if there is one.
    pub unknown: Option<String>,
}

impl Enum {
    /// The value that it always is, where it is a constant.
    #[must_use]
    pub fn only(&self) -> Option<&Variant> {
        match self.variants.as_slice() {
            [only] if self.unknown.is_none() => Some(only),
            _ => None,
        }
    }
}

/// What the values of an [`Enum`] are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Base {
    /// Text.
    String,
    /// Whole numbers that an `i64` can hold.
    Integer,
    /// Of several types, or of another one.
    Json,
}

/// One value of an [`Enum`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Variant {
    /// The value and the variant's identifier. The value of text is the text, that of anything else
    /// is JSON.
    pub name: Name,
    /// Its description.
    pub docs: Option<String>,
}

/// One of several types.
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// The types, in document order.
    pub branches: Vec<Branch>,
}

/// One type of a [`Union`].
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The variant's identifier.
    pub name: String,
    /// Its description.
    pub docs: Option<String>,
    /// Its type.
    pub ty: Type,
    /// A large struct is held by pointer.
    pub boxed: bool,
    /// No other branch has this type, so that a value of it becomes a value of the union.
    pub unique: bool,
    /// It is for objects whose value of this member none of the others goes by: a schema that others
    /// inherit from.
    pub otherwise: Option<String>,
    /// What tells it from the others.
    pub test: Test,
}

/// What can be seen of a JSON value without reading all of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Test {
    /// The JSON types that it may have; none for any.
    pub types: Vec<JsonType>,
    /// What is known of an object's members.
    pub shape: Shape,
    /// The values that it may have, as JSON; none for any.
    pub values: Vec<String>,
}

/// The types of JSON Schema.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is named as JSON Schema names it")]
pub enum JsonType {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// The type of a member, an element or a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// `null`, and nothing else.
    Null,
    /// `boolean`.
    Bool,
    /// `integer`, by its format: `i8` to `u64`.
    Integer(Integer),
    /// `number` with format `float`.
    F32,
    /// `number` with format `double`, or with none.
    F64,
    /// `number` with an integer's format: any JSON number, kept as it came.
    Number,
    /// `string`, with any format that has no type of its own.
    String,
    /// `string` with format `uuid`.
    Uuid,
    /// `string` with format `ipv4`.
    Ipv4,
    /// `string` with format `ipv6`.
    Ipv6,
    /// `string` with format `byte` or `binary`; a payload that is neither JSON nor text.
    Bytes,
    /// Anything at all.
    Any,
    /// Nothing at all.
    Never,
    /// `array`.
    Array(Box<Self>),
    /// `array` with a schema for each element.
    Tuple(Vec<Self>),
    /// `object` with `additionalProperties` and no properties.
    Map(Box<Self>),
    /// One of the others, or `null`.
    Nullable(Box<Self>),
    /// Another one with rules that its values keep to.
    Checked(Box<Self>, Box<Rules>),
    /// A type of the user's own, by its path.
    Foreign(String),
    /// A definition.
    Named(TypeName),
    /// A definition that holds itself, broken by a pointer here.
    Boxed(TypeName),
}

/// What JSON Schema says of a value beyond its type.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    /// `minLength`, in characters.
    pub min_length: Option<u64>,
    /// `maxLength`, in characters.
    pub max_length: Option<u64>,
    /// `pattern`: all of them.
    pub patterns: Vec<String>,
    /// `format`, where the type does not see to it.
    pub format: Option<String>,
    /// `minimum` and `exclusiveMinimum`.
    pub minimum: Option<Bound>,
    /// `maximum` and `exclusiveMaximum`.
    pub maximum: Option<Bound>,
    /// `multipleOf`, in decimal: all of them.
    pub multiples_of: Vec<String>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `minProperties` of a map.
    pub min_properties: Option<u64>,
    /// `maxProperties` of a map.
    pub max_properties: Option<u64>,
    /// Whatever else there is, as JSON Schemas in JSON.
    pub conditions: Vec<String>,
}

impl Rules {
    /// There is nothing to check.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many things there are to check.
    pub(crate) fn count(&self) -> usize {
        let Self {
            min_length,
            max_length,
            patterns,
            format,
            minimum,
            maximum,
            multiples_of,
            min_items,
            max_items,
            unique_items,
            min_properties,
            max_properties,
            conditions,
        } = self;
        let whether = usize::from;
        whether(min_length.is_some())
            + whether(max_length.is_some())
            + whether(min_items.is_some())
            + whether(max_items.is_some())
            + whether(min_properties.is_some())
            + whether(max_properties.is_some())
            + whether(minimum.is_some())
            + whether(maximum.is_some())
            + patterns.len()
            + multiples_of.len()
            + conditions.len()
            + whether(format.is_some())
            + whether(*unique_items)
    }
}

/// The least or the greatest number that is allowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// The number, in decimal.
    pub value: String,
    /// The number itself is not allowed.
    pub exclusive: bool,
}

/// The width and sign of an [`Type::Integer`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is named for its Rust type")]
pub enum Integer {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}
