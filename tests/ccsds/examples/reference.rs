//! Structs as anybody writes them, which never change: how long rustc takes for them is what it is
//! compared with that it takes for generated code (`benches/src/code.rs`).
#![allow(missing_docs, reason = "nobody reads them")]

use serde::{Deserialize, Serialize};

macro_rules! structs {
    ($($name:ident)*) => {$(
        #[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
        pub struct $name {
            pub id: u64,
            pub name: String,
            #[serde(rename = "isOpen")]
            pub is_open: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub at: Option<f64>,
            #[serde(default)]
            pub parts: Vec<String>,
        }
    )*};
}

/// Ten times as many of each name.
macro_rules! tens {
    ($($module:ident)*) => {$(
        pub mod $module {
            use super::*;
            structs! { A B C D E F G H I J }
        }
    )*};
}

tens! { m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 }
