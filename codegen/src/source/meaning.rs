//! Meaning: what serde_yaml takes each scalar for.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Id, Kind, Meaning, Source};
use crate::diagnostic::{Diagnostic, Errors, Place};

/// Gives every scalar of the tree its meaning.
///
/// `None` if serde_yaml refuses the text or sees another tree in it; there is an error then.
pub(super) fn assign(source: &mut Source, errors: &mut Errors) -> Option<()> {
    let mut pieces = Vec::new();
    let text = std::sync::Arc::clone(&source.text);
    let read = Pieces(&mut pieces).deserialize(serde_yaml::Deserializer::from_str(text.as_str()));
    if let Err(error) = read {
        let at = match error.location() {
            Some(location) => text.offset(location.line(), location.column()),
            None => 0,
        };
        let message = match error.location() {
            Some(location) => {
                let position = format!(" at line {} column {}", location.line(), location.column());
                error.to_string().replace(&position, "")
            }
            None => error.to_string(),
        };
        errors.push(Diagnostic::error(
            Place::new(&text, at..at, String::new()),
            message,
        ));
        return None;
    }
    let root = source.root;
    let mut pieces = pieces.into_iter();
    match Join(source).node(root, &mut pieces) {
        Ok(()) => Some(()),
        Err(Differs(id)) => {
            let place = source.place(&source.data(id).range);
            let message = "this can be read in two ways, expected plain YAML";
            errors.push(Diagnostic::error(place, message));
            None
        }
    }
}

/// The tree as serde_yaml sees it, written flat.
#[derive(Debug)]
enum Piece {
    Scalar(Meaning),
    Sequence,
    Mapping,
    End,
}

/// serde_yaml and granit-parser see different things in a node.
struct Differs(Id);

/// Walks the tree and takes the pieces, which are in the same order. No deeper than the tree,
/// whose depth is limited.
struct Join<'a>(&'a mut Source);

impl Join<'_> {
    fn node(&mut self, id: Id, pieces: &mut impl Iterator<Item = Piece>) -> Result<(), Differs> {
        let Some(data) = self.0.nodes.get_mut(id.0) else {
            return Err(Differs(id));
        };
        match (&mut data.kind, pieces.next()) {
            (Kind::Scalar(meaning, _), Some(Piece::Scalar(found))) => *meaning = found,
            (Kind::Sequence(items), Some(Piece::Sequence)) => {
                for item in items.clone() {
                    self.node(item, pieces)?;
                }
                let Some(Piece::End) = pieces.next() else {
                    return Err(Differs(id));
                };
            }
            (Kind::Mapping(mapping), Some(Piece::Mapping)) => {
                let values: Vec<Id> = mapping.entries.iter().map(|entry| entry.node).collect();
                for value in values {
                    let Some(Piece::Scalar(_)) = pieces.next() else {
                        return Err(Differs(id));
                    };
                    self.node(value, pieces)?;
                }
                let Some(Piece::End) = pieces.next() else {
                    return Err(Differs(id));
                };
            }
            _ => return Err(Differs(id)),
        }
        Ok(())
    }
}

/// Collects pieces. Unlike `serde_yaml::Value` it does not mind duplicate keys, which have been
/// reported with their places already.
struct Pieces<'a>(&'a mut Vec<Piece>);

impl Pieces<'_> {
    fn scalar<E>(self, meaning: Meaning) -> Result<(), E> {
        self.0.push(Piece::Scalar(meaning));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Pieces<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pieces<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(Meaning::Null)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(Meaning::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar(Meaning::Bool)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar(Meaning::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.push(Piece::Sequence);
        while seq.next_element_seed(Pieces(self.0))?.is_some() {}
        self.0.push(Piece::End);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push(Piece::Mapping);
        while map.next_key_seed(Pieces(self.0))?.is_some() {
            map.next_value_seed(Pieces(self.0))?;
        }
        self.0.push(Piece::End);
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let (_, tagged) = access.variant::<serde::de::IgnoredAny>()?;
        tagged.newtype_variant_seed(self)
    }
}
