//! Diagnostics for other programs: one line of JSON each.

use std::fmt::Write;

use super::{Diagnostic, Diagnostics, Place};

impl Diagnostic {
    /// One line of JSON, for other programs. `docs/diagnostics.md` has its members.
    ///
    /// ```
    /// let mistakes = specwire_codegen::generate("clock.yaml", "asyncapi: 2.6.0").unwrap_err();
    /// let line = mistakes.iter().next().expect("errors are never empty").to_json();
    /// assert!(line.starts_with(r#"{"code":"SW0102","severity":"error","message":"found"#), "{line}");
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.text("code", &self.code().to_string());
        object.text("severity", self.severity().name());
        object.text("message", self.message());
        object.place(&self.0.place);
        match self.help() {
            Some(help) => object.text("help", help),
            None => object.raw("help", "null"),
        }
        let related = self.0.related.iter().map(|(place, label)| {
            let mut object = Object::new();
            object.text("message", label);
            object.place(place);
            object.finish()
        });
        let related: Vec<String> = related.collect();
        object.raw("related", &format!("[{}]", related.join(",")));
        object.finish()
    }
}

impl Diagnostics {
    /// [`Diagnostic::to_json`] of each, every one on a line of its own.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        self.iter().fold(String::new(), |mut lines, diagnostic| {
            lines.push_str(&diagnostic.to_json());
            lines.push('\n');
            lines
        })
    }
}

/// An object of JSON that is being written.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(String::from("{"))
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// A member whose value is JSON already.
    fn raw(&mut self, key: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, key);
        self.0.push(':');
        self.0.push_str(value);
    }

    fn text(&mut self, key: &str, value: &str) {
        let mut quoted = String::new();
        quote(&mut quoted, value);
        self.raw(key, &quoted);
    }

    fn place(&mut self, place: &Place) {
        self.text("file", &place.text.file);
        let range = place.range.as_ref();
        let start = range.map(|range| place.text.position(range.start));
        let end = range.map(|range| place.text.position(range.end));
        for (key, number) in [
            ("line", start.map(|(line, _)| line)),
            ("column", start.map(|(_, column)| column)),
            ("end_line", end.map(|(line, _)| line)),
            ("end_column", end.map(|(_, column)| column)),
            ("start", range.map(|range| range.start)),
            ("end", range.map(|range| range.end)),
        ] {
            match number {
                Some(number) => self.raw(key, &number.to_string()),
                None => self.raw(key, "null"),
            }
        }
        self.text("pointer", &place.pointer);
    }
}

/// Writes text as JSON has it.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control.is_control() => {
                // Those beyond U+FFFF are no control characters.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
}
