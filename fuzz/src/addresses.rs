//! Addresses of channels, and the parameters in them.

use std::fmt::Display;
use std::str::FromStr;

use specwire::Parameters;

use crate::connection::channels::{
    PeopleAgainParameters, PeopleParameters, RoomParameters, VolumeParameters,
};

/// Reads parameters from an address, and from JSON. It must not panic, and parameters must be those of
/// the address that they are written as.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    round::<RoomParameters>(text);
    round::<PeopleParameters>(text);
    round::<PeopleAgainParameters>(text);
    round::<VolumeParameters>(text);
}

fn round<P: Parameters + Display + FromStr>(text: &str) {
    let read = [text.parse().ok(), serde_json::from_str::<P>(text).ok()];
    for parameters in read.into_iter().flatten() {
        let address = parameters.to_string();
        match address.parse::<P>() {
            Ok(again) => assert_eq!(again, parameters, "of `{address}`"),
            Err(_) => panic!("{parameters:?} is written as `{address}`, which is no address"),
        }
    }
}
