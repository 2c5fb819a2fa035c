// Included by the runner: reads each example into its type and writes it back.

use std::io::BufRead;

use serde_json::{Value, json};
use specwire::{Payload, Validate};

/// Reads JSON into a type and writes it.
pub type Check = fn(&str) -> Result<String, String>;

/// A message's type with what is checked of it.
pub struct Message {
    /// The module of its document and its type.
    pub path: &'static str,
    /// Its payload.
    pub payload: Check,
    /// Its headers.
    pub headers: Check,
}

/// What is checked of a message.
pub const fn message<T: Payload>(path: &'static str) -> Message {
    Message { path, payload: round_trip::<T>, headers: round_trip::<T::Headers> }
}

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + Validate>(text: &str) -> Result<String, String> {
    let value: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    value.validate().map_err(|violation| violation.to_string())?;
    serde_json::to_string(&value).map_err(|error| error.to_string())
}

/// Answers each line of standard input.
pub fn run(messages: &[&[Message]]) {
    for line in std::io::stdin().lock().lines() {
        let job: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let message = messages.iter().copied().flatten().find(|message| message.path == job["path"]);
        let check = match (message, job["part"].as_str()) {
            (None, _) => continue,
            (Some(message), Some("headers")) => message.headers,
            (Some(message), _) => message.payload,
        };
        let answer = match check(&job["value"].to_string()) {
            Ok(written) => json!({"id": job["id"], "written": written}),
            Err(refused) => json!({"id": job["id"], "refused": refused}),
        };
        println!("{answer}");
    }
}
