//! What JSON Schema's keywords say of values.
//!
//! The runtime applies it to messages and the generator to the examples in a document, so that
//! both mean the same by a keyword.
//!
//! * [`At`] is where in a message a value is, and costs nothing while all is well.
//! * One function stands for each keyword that Rust's types cannot carry: [`minimum`],
//!   [`max_length`], [`unique_items`], ... Generated code calls them.
//! * [`Pattern`] and [`Format`] say which strings will do.
//! * [`is_name`] says which texts are names, for the parameters of an address.
//! * [`schema`] evaluates whole schemas, and [`Condition`] is one that generated code carries
//!   along: for `not`, `if`, `contains` and whatever else says how members belong together.
//!
//! ```
//! use specwire_rules::{At, minimum};
//!
//! let legs = At::ROOT.member("legs");
//! let violation = minimum(&legs.item(0).member("price"), 0, 1).unwrap_err();
//! assert_eq!(violation.to_string(), "/legs/0/price: found 0, expected at least 1 (minimum)");
//! assert_eq!(violation.rule(), "minimum");
//! ```

// In reading order; each imports from those above it only.

mod at;

mod name;

mod violation;

mod number;

mod value;

mod pattern;

mod format;

mod checks;

pub mod schema;

pub use at::At;
pub use checks::{
    exclusive_maximum, exclusive_minimum, format, keys, max_items, max_length, max_properties,
    maximum, min_items, min_length, min_properties, minimum, multiple_of, pattern, unique_items,
};
pub use format::Format;
pub use name::{is_name, is_plain};
pub use number::{Decimal, Numeric};
pub use pattern::{Pattern, PatternError};
pub use schema::{Condition, condition};
pub use value::{canonical, canonical_text, is_equal};
pub use violation::Violation;
