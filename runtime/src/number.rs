//! Any JSON number, as it came.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use specwire_rules::{Decimal, Numeric};

/// A JSON number that may be whole or not: `type: number` with an integer's format.
///
/// CCSDS documents give a MAL Duration or Time this way, and both `2.5` and
/// `18446744073709551615` are such values. Neither is changed by being read and written; `5.0` is
/// written as the equal `5`.
///
/// ```
/// use specwire::Number;
/// use std::time::Duration;
///
/// assert_eq!(Number::from(Duration::from_secs(5)), Number::from(5_u64));
/// assert_eq!(Number::from(Duration::from_millis(2500)).as_f64(), 2.5);
/// assert_eq!(Number::from(u64::MAX).to_string(), "18446744073709551615");
/// ```
#[derive(Clone, Copy)]
pub struct Number(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

impl Number {
    /// The number `value`, or `None` where JSON has no such number: NaN and the infinities.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(Kind::Float(value)))
    }

    /// The number, rounded to the nearest `f64`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented")]
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Kind::Unsigned(value) => value as f64,
            Kind::Negative(value) => value as f64,
            Kind::Float(value) => value,
        }
    }

    /// The number, if it was written as a whole number that fits.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Kind::Unsigned(value) => Some(value),
            Kind::Negative(_) | Kind::Float(_) => None,
        }
    }

    /// The number, if it was written as a whole number that fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Kind::Unsigned(value) => value.try_into().ok(),
            Kind::Negative(value) => Some(value),
            Kind::Float(_) => None,
        }
    }

    /// That many seconds, as a MAL Duration is read; `None` if negative or too long.
    #[must_use]
    pub fn as_secs(self) -> Option<Duration> {
        match self.0 {
            Kind::Unsigned(value) => Some(Duration::from_secs(value)),
            Kind::Negative(_) => None,
            Kind::Float(value) => Duration::try_from_secs_f64(value).ok(),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Kind::Unsigned(value))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        u64::from(value).into()
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        match u64::try_from(value) {
            Ok(value) => value.into(),
            Err(_) => Self(Kind::Negative(value)),
        }
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        i64::from(value).into()
    }
}

impl From<Duration> for Number {
    /// Seconds, as a MAL Duration is: whole where they are whole.
    fn from(value: Duration) -> Self {
        if value.subsec_nanos() == 0 {
            value.as_secs().into()
        } else {
            Self(Kind::Float(value.as_secs_f64()))
        }
    }
}

impl Default for Number {
    fn default() -> Self {
        Self(Kind::Unsigned(0))
    }
}

impl PartialEq for Number {
    /// By value: `5` and `5.0` are the same number.
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.0, other.0) {
            (Kind::Unsigned(a), Kind::Unsigned(b)) => Some(a.cmp(&b)),
            (Kind::Negative(a), Kind::Negative(b)) => Some(a.cmp(&b)),
            (Kind::Unsigned(_), Kind::Negative(_)) => Some(Ordering::Greater),
            (Kind::Negative(_), Kind::Unsigned(_)) => Some(Ordering::Less),
            (Kind::Float(_), _) | (_, Kind::Float(_)) => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Unsigned(value) => value.fmt(f),
            Kind::Negative(value) => value.fmt(f),
            Kind::Float(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Numeric for Number {
    fn decimal(self) -> Option<Decimal> {
        match self.0 {
            Kind::Unsigned(value) => value.decimal(),
            Kind::Negative(value) => value.decimal(),
            Kind::Float(value) => value.decimal(),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Kind::Unsigned(value) => serializer.serialize_u64(value),
            Kind::Negative(value) => serializer.serialize_i64(value),
            Kind::Float(value) => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(value.into())
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Number, E> {
                Number::from_f64(value)
                    .ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(AnyNumber)
    }
}
