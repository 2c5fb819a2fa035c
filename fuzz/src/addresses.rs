//! Addresses of channels, the parameters in them, and the topics that they name.

use std::fmt::Display;
use std::str::FromStr;

use specwire::Parameters;
use specwire::bus::TopicName;

use crate::connection::channels::{
    PeopleAgainParameters, PeopleParameters, RoomParameters, VolumeParameters, topics,
};
use crate::parts;

/// Reads parameters from an address, and from JSON. It must not panic, and parameters must be those of
/// the address that they are written as. Two parts of an input that are different parameters must not
/// be the same topic.
pub fn check(input: &[u8]) {
    let parts = parts(input);
    let texts: Vec<_> = parts
        .into_iter()
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    let mut rooms: Vec<RoomParameters> = Vec::new();
    for text in texts {
        rooms.extend(round::<RoomParameters>(text));
        round::<PeopleParameters>(text);
        round::<PeopleAgainParameters>(text);
        round::<VolumeParameters>(text);
        if let Ok(name) = TopicName::new(text) {
            assert!(is_safe(name.as_str()), "{name:?}");
        }
    }
    let named: Vec<_> = rooms
        .iter()
        .filter_map(|room| {
            let topic = topics::LISTEN.at(room);
            let name = topic.name().ok()?.as_str().to_owned();
            assert!(is_safe(&name), "{name}");
            Some((room, name))
        })
        .collect();
    for (room, name) in &named {
        for (other, others) in &named {
            assert_eq!(room == other, name == others, "{room:?} and {other:?}");
        }
    }
}

/// Whether a broker would take it for a name, and for no pattern, command or name of its own.
fn is_safe(name: &str) -> bool {
    let is_graphic = name.bytes().all(|byte| byte.is_ascii_graphic());
    is_graphic
        && !name.contains(['*', '>', '+', '#'])
        && !name.starts_with(['$', '_'])
        && !name.split('.').any(str::is_empty)
}

fn round<P: Parameters + Display + FromStr>(text: &str) -> Vec<P> {
    let read = [text.parse().ok(), serde_json::from_str::<P>(text).ok()];
    let read: Vec<P> = read.into_iter().flatten().collect();
    for parameters in &read {
        let address = parameters.to_string();
        match address.parse::<P>() {
            Ok(again) => assert_eq!(again, *parameters, "of `{address}`"),
            Err(_) => panic!("{parameters:?} is written as `{address}`, which is no address"),
        }
    }
    read
}
