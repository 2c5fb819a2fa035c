//! Sets of a few things: of keywords that have been dealt with, and of JSON Schema's types.

use crate::document::meant_type;
use crate::source::Node;

/// Which keywords of a schema object have been dealt with: a set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Mask(pub(super) u8);

/// Which types of JSON Schema: a set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Types(pub(super) u8);

impl Mask {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ONE_OF: Self = Self(1);
    pub(super) const ANY_OF: Self = Self(2);
    /// It stands beside a list of alternatives, and is joined with each of them; its `allOf` has
    /// been joined already.
    pub(super) const BASE: Self = Self(4);
    /// It is one of Avro's.
    pub(super) const AVRO: Self = Self(8);
    /// It is meant by itself, without those that inherit from it.
    pub(super) const HEIRS: Self = Self(16);

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn is_base(self) -> bool {
        self.has(Self::BASE)
    }

    /// The lists of alternatives that are left.
    pub(super) fn unions(self) -> &'static [&'static str] {
        match (self.has(Self::ONE_OF), self.has(Self::ANY_OF)) {
            (false, false) => &["oneOf", "anyOf"],
            (false, true) => &["oneOf"],
            (true, false) => &["anyOf"],
            (true, true) => &[],
        }
    }
}

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    /// An integer is a number too.
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ALL: Self = Self(127);
    pub(super) const NONE: Self = Self(0);

    pub(super) fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            // Something else has been reported.
            _ => meant_type(name).map_or(Self::ALL, |(ty, _)| Self::named(ty)),
        }
    }

    /// That of a value.
    pub(super) fn of(node: Node<'_>) -> Self {
        if node.is_null() {
            Self::NULL
        } else if node.bool().is_some() {
            Self::BOOLEAN
        } else if node.text().is_some() {
            Self::STRING
        } else if node.is_sequence() {
            Self::ARRAY
        } else if node.is_mapping() {
            Self::OBJECT
        } else if node.decimal().is_some_and(|number| is_whole(&number)) {
            Self::INTEGER
        } else {
            Self::NUMBER
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Each one by itself, integers with the other numbers if these are there.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        let numbers = if self.has(Self::NUMBER) {
            Self::NUMBER
        } else {
            Self::INTEGER
        };
        [
            Self::NULL,
            Self::BOOLEAN,
            numbers,
            Self::STRING,
            Self::ARRAY,
            Self::OBJECT,
        ]
        .into_iter()
        .filter(move |one| self.has(*one))
    }
}

/// The decimal text of a number is that of an integer.
pub(super) fn is_whole(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}
