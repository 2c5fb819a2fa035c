//! Numbers as people write them: in decimal.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Number;

/// A number's distance from zero, exactly as its shortest decimal notation says.
///
/// `0.3` is a multiple of `0.1` here, though no two `f64` would say so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal {
    digits: u64,
    exponent: i32,
}

impl Decimal {
    /// Of a whole number.
    #[must_use]
    pub const fn whole(magnitude: u64) -> Self {
        Self {
            digits: magnitude,
            exponent: 0,
        }
    }

    /// Of a finite number that is written like `1.25e-3`: what `{:e}` makes of a float.
    fn scientific(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.trim_start_matches('-').split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i32 = exponent.parse().ok()?;
        Some(Self {
            digits: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?,
        })
    }

    /// Whether this is `of` times some whole number.
    #[must_use]
    pub fn is_multiple_of(self, of: Self) -> bool {
        if of.digits == 0 || self.digits == 0 {
            return true;
        }
        let modulus = u128::from(of.digits);
        let shift = self.exponent.saturating_sub(of.exponent);
        let places = shift.unsigned_abs();
        if shift >= 0 {
            // Both factors are less than 2^64.
            let scaled = u128::from(self.digits) % modulus * power_of_ten(places, modulus);
            return scaled.is_multiple_of(modulus);
        }
        // Of more than 20 places the divisor is larger than any `u64` of digits.
        10_u128
            .checked_pow(places)
            .and_then(|scale| scale.checked_mul(modulus))
            .is_some_and(|divisor| u128::from(self.digits) % divisor == 0)
    }
}

/// 10 to the power of `exponent`, modulo `modulus`, which is less than 2^64.
fn power_of_ten(mut exponent: u32, modulus: u128) -> u128 {
    let mut base = 10 % modulus;
    let mut power = 1 % modulus;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * base % modulus;
        }
        base = base * base % modulus;
        exponent /= 2;
    }
    power
}

/// A number type of a message.
pub trait Numeric: Copy + fmt::Display {
    /// Its distance from zero; `None` where it has none, as NaN.
    fn decimal(self) -> Option<Decimal>;
}

macro_rules! whole_numbers {
    ($($unsigned:ty, $signed:ty;)*) => {$(
        impl Numeric for $unsigned {
            fn decimal(self) -> Option<Decimal> {
                u64::try_from(self).ok().map(Decimal::whole)
            }
        }
        impl Numeric for $signed {
            fn decimal(self) -> Option<Decimal> {
                self.unsigned_abs().decimal()
            }
        }
    )*};
}

whole_numbers! { u8, i8; u16, i16; u32, i32; u64, i64; u128, i128; usize, isize; }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Numeric for $float {
            fn decimal(self) -> Option<Decimal> {
                self.is_finite().then(|| Decimal::scientific(&format!("{self:e}")))?
            }
        }
    )*};
}

floats! { f32 f64 }

/// The same of a JSON number.
pub(crate) fn decimal(number: &Number) -> Option<Decimal> {
    match Exact::of(number)? {
        Exact::Whole(value) => value.decimal(),
        Exact::Float(value) => value.decimal(),
    }
}

/// Compares by value: 1 and 1.0 are equal, and so are no two integers that differ.
pub(crate) fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    Some(match (Exact::of(left)?, Exact::of(right)?) {
        (Exact::Whole(left), Exact::Whole(right)) => left.cmp(&right),
        (Exact::Float(left), Exact::Float(right)) => left.partial_cmp(&right)?,
        (Exact::Whole(left), Exact::Float(right)) => compare_mixed(left, right),
        (Exact::Float(left), Exact::Whole(right)) => compare_mixed(right, left).reverse(),
    })
}

/// Whether a JSON number has no fraction, however it is written.
pub(crate) fn is_whole(number: &Number) -> bool {
    match Exact::of(number) {
        Some(Exact::Float(value)) => value.fract() == 0.0,
        Some(Exact::Whole(_)) => true,
        None => false,
    }
}

/// A text that is the same for equal numbers.
pub(crate) fn canonical(number: &Number) -> String {
    match Exact::of(number) {
        Some(Exact::Whole(value)) => value.to_string(),
        Some(Exact::Float(value)) => match whole_float(value) {
            Some(whole) => whole.to_string(),
            None => format!("{value:?}"),
        },
        None => number.to_string(),
    }
}

enum Exact {
    Whole(i128),
    Float(f64),
}

impl Exact {
    fn of(number: &Number) -> Option<Self> {
        if let Some(value) = number.as_i64() {
            return Some(Self::Whole(value.into()));
        }
        if let Some(value) = number.as_u64() {
            return Some(Self::Whole(value.into()));
        }
        number.as_f64().map(Self::Float)
    }
}

/// A float without fraction, where it is within reach of an integer.
#[expect(clippy::cast_possible_truncation, reason = "it is less than 2^100")]
fn whole_float(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2_f64.powi(100)).then_some(value as i128)
}

#[expect(clippy::cast_possible_truncation, reason = "it is less than 2^100")]
fn compare_mixed(whole: i128, float: f64) -> Ordering {
    if float.abs() >= 2_f64.powi(100) {
        return if float > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        };
    }
    let floor = float.floor();
    whole.cmp(&(floor as i128)).then(if float > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_those_of_the_decimal_notation() {
        for (value, of, expected) in [
            (0.3, 0.1, true),
            (0.7, 0.1, true),
            (4.02, 0.01, true),
            (0.0075, 0.0001, true),
            (0.00751, 0.0001, false),
            (1e308, 0.123_456_789, false),
            (1e308, 1e-8, true),
            (1e308, 2.0, true),
            (1e-8, 1e308, false),
            (0.0, 0.3, true),
            (-1.5, 0.5, true),
            (5.0, 0.0, true),
            (12_391_239_123.0, 1e-8, true),
            (f64::MAX, f64::MIN_POSITIVE, false),
        ] {
            let (left, right) = (Numeric::decimal(value), Numeric::decimal(of));
            assert_eq!(
                left.unwrap().is_multiple_of(right.unwrap()),
                expected,
                "{value} of {of}"
            );
        }
        let of = 3_i64.decimal().unwrap();
        assert!(
            i64::MIN
                .decimal()
                .unwrap()
                .is_multiple_of(2_u8.decimal().unwrap())
        );
        assert!(u64::MAX.decimal().unwrap().is_multiple_of(of));
        assert!(
            0.3_f32
                .decimal()
                .unwrap()
                .is_multiple_of(0.1_f32.decimal().unwrap())
        );
        assert_eq!(f64::NAN.decimal(), None);
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        for (left, right, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            (
                "18446744073709551615",
                "18446744073709551616",
                Ordering::Less,
            ),
            ("-1", "-0.5", Ordering::Less),
            ("-1", "-1.5", Ordering::Greater),
            ("1e300", "5", Ordering::Greater),
            ("0", "-0.0", Ordering::Equal),
        ] {
            let (left, right) = (number(left), number(right));
            assert_eq!(compare(&left, &right), Some(expected), "{left} and {right}");
            assert_eq!(
                canonical(&left) == canonical(&right),
                expected == Ordering::Equal,
                "{left} and {right}"
            );
        }
    }
}
