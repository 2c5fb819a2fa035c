//! What messages are held to beyond what their types say.

use std::collections::BTreeMap;

use specwire_rules::{At, Violation};

/// Rules that a type cannot carry, such as `minimum` or `pattern`; generated types implement it.
///
/// The runtime checks every message that comes in, before a handler or a caller sees it. A program
/// may check what it is about to send.
///
/// ```
/// use specwire::{At, Validate, Violation};
///
/// struct Order { legs: Vec<Leg> }
/// struct Leg { price: i64 }
///
/// impl Validate for Order {
///     fn check(&self, at: &At<'_>) -> Result<(), Violation> {
///         self.legs.check(&at.member("legs"))
///     }
/// }
/// impl Validate for Leg {
///     fn check(&self, at: &At<'_>) -> Result<(), Violation> {
///         specwire::private::rules::minimum(&at.member("price"), self.price, 1)
///     }
/// }
///
/// let order = Order { legs: vec![Leg { price: 0 }] };
/// let violation = order.validate().unwrap_err();
/// assert_eq!(violation.pointer(), "/legs/0/price");
/// assert_eq!(violation.rule(), "minimum");
/// ```
pub trait Validate {
    /// Checks the value, as the whole of a message.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    fn validate(&self) -> Result<(), Violation> {
        specwire_rules::schema::message(|| self.check(&At::ROOT))
    }

    /// Checks the value at its place in a message.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    fn check(&self, at: &At<'_>) -> Result<(), Violation> {
        let _ = at;
        Ok(())
    }
}

impl<T: Validate> Validate for Option<T> {
    fn check(&self, at: &At<'_>) -> Result<(), Violation> {
        self.as_ref().map_or(Ok(()), |value| value.check(at))
    }
}

impl<T: Validate + ?Sized> Validate for Box<T> {
    fn check(&self, at: &At<'_>) -> Result<(), Violation> {
        (**self).check(at)
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn check(&self, at: &At<'_>) -> Result<(), Violation> {
        let mut items = self.iter().enumerate();
        items.try_for_each(|(index, item)| item.check(&at.item(index)))
    }
}

impl<T: Validate> Validate for BTreeMap<String, T> {
    fn check(&self, at: &At<'_>) -> Result<(), Violation> {
        let mut members = self.iter();
        members.try_for_each(|(name, value)| value.check(&at.member(name)))
    }
}

macro_rules! nothing_to_check {
    ($($name:ty)*) => {$(
        impl Validate for $name {}
    )*};
}

nothing_to_check! {
    () bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64
    String crate::number::Number uuid::Uuid serde_json::Value
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Positive(i32);

    impl Validate for Positive {
        fn check(&self, at: &At<'_>) -> Result<(), Violation> {
            specwire_rules::minimum(at, self.0, 1)
        }
    }

    #[test]
    fn values_are_checked_at_their_places() {
        let of =
            |value| BTreeMap::from([("a/b".to_owned(), vec![Some(Box::new(Positive(value)))])]);
        assert_eq!(of(1).validate(), Ok(()));
        let violation = of(0).validate().unwrap_err();
        assert_eq!(violation.pointer(), "/a~1b/0");
        assert_eq!(None::<Positive>.validate(), Ok(()));
    }
}
