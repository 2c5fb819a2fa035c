//! The command, as a person runs it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const RIGHT: &str = "\
asyncapi: 3.0.0
info: {title: Lamp, version: 1.0.0}
channels: {lamp: {address: lamp, messages: {switch: {payload: {type: boolean}}}}}
operations: {switch: {action: receive, channel: {$ref: '#/channels/lamp'}}}
";

/// A folder with documents, which ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("Lamp.yaml", RIGHT);
        write(
            "Warning.yaml",
            "{asyncapi: 3.0.0, info: {title: Lamp, version: 1.0.0}}",
        );
        write("Error.yaml", &RIGHT.replace("receive", "recieve"));
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(env!("CARGO_BIN_EXE_specwire"))
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_right_passes_without_a_word() {
    let folder = Folder::new("right");
    let nothing = (Some(0), String::new(), String::new());
    assert_eq!(folder.run(&["check", "Lamp.yaml"]), nothing);
    assert_eq!(
        folder.run(&["check", "Warning.yaml", "--allow", "SW0316"]),
        nothing
    );
}

#[test]
fn mistakes_of_all_files_are_shown_with_their_places() {
    let folder = Folder::new("mistakes");
    let (status, stdout, stderr) = folder.run(&["check", "Error.yaml", "Warning.yaml", "No.yaml"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    for part in [
        "error[SW0107]: found `recieve`, expected `send` or `receive`\n --> Error.yaml:4:31\n",
        "  = help: did you mean `receive`?\n",
        "warning[SW0316]: ",
        "error[SW0001]: cannot be read: ",
        "\nfound 2 errors and 1 warning\n",
    ] {
        assert!(stderr.contains(part), "no `{part}` in:\n{stderr}");
    }
}

#[test]
fn folders_and_patterns_stand_for_the_documents_in_them() {
    let folder = Folder::new("several");
    std::fs::write(folder.0.join("part.yaml"), "a: {type: string}").unwrap();
    let (status, _, of_folder) = folder.run(&["check", "."]);
    assert_eq!(status, Some(1));
    assert!(
        of_folder.ends_with("found 1 error and 1 warning\n"),
        "{of_folder}"
    );
    let (status, _, of_pattern) = folder.run(&["check", "*m*.yaml"]);
    assert_eq!((status, of_pattern), (Some(0), String::new()));
    let (status, _, of_pattern) = folder.run(&["check", "*.toml", "?arning.yaml", "part.y*"]);
    assert_eq!(status, Some(1));
    assert!(of_pattern.contains("no file fits `*.toml`"), "{of_pattern}");
    std::fs::remove_file(folder.0.join("Error.yaml")).unwrap();
    let (status, _, left_out) = folder.run(&["check", "."]);
    assert_eq!(status, Some(0));
    assert!(left_out.contains("warning[SW0005]"), "{left_out}");
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let folder = Folder::new("warnings");
    for (option, status) in [
        (&[][..], 0),
        (&["--deny-warnings"], 1),
        (&["--deny", "SW0316"], 1),
        (&["--deny-warnings", "--allow", "SW0316"], 0),
    ] {
        let arguments = [&["check", "Warning.yaml"], option].concat();
        assert_eq!(folder.run(&arguments).0, Some(status), "{arguments:?}");
    }
}

#[test]
fn json_is_one_line_each_on_standard_output() {
    let folder = Folder::new("json");
    let (status, stdout, stderr) = folder.run(&["check", "--json", "Error.yaml", "Warning.yaml"]);
    assert_eq!((status, stderr.as_str()), (Some(1), ""));
    let codes: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["code"].clone())
        .collect();
    assert_eq!(codes, ["SW0107", "SW0316"]);
}

#[test]
fn code_and_model_are_written() {
    let folder = Folder::new("code");
    let (status, code, stderr) = folder.run(&["generate", "Lamp.yaml"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(code.contains("pub trait Service"), "{code}");

    let (status, stdout, stderr) = folder.run(&["generate", "Lamp.yaml", "-o", "lamp.rs"]);
    assert_eq!((status, stdout + &stderr), (Some(0), String::new()));
    assert_eq!(
        std::fs::read_to_string(folder.0.join("lamp.rs")).unwrap(),
        code
    );

    let (status, model, _) = folder.run(&["model", "Lamp.yaml", "--perspective", "consumer"]);
    assert_eq!(status, Some(0));
    assert!(
        model.starts_with("Api {\n") && model.contains("PubSub"),
        "{model}"
    );

    let (status, stdout, stderr) = folder.run(&["generate", "Error.yaml"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("error[SW0107]: "), "{stderr}");
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new("explain");
    let (status, stdout, stderr) = folder.run(&["explain", "sw0201"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(
        stdout.starts_with("SW0201: unresolved reference\n\n"),
        "{stdout}"
    );
}

#[test]
fn what_is_not_understood_is_one_clear_line() {
    let folder = Folder::new("arguments");
    for (arguments, words) in [
        (&[][..], &["command", "--help"][..]),
        (&["check"], &["PATH"]),
        (&["chekc"], &["chekc"]),
        (&["explain", "SW021"], &["SW021", "did you mean `SW0201`?"]),
        (
            &["check", "Lamp.yaml", "--allow", "oneOf"],
            &["oneOf", "no code"],
        ),
        (
            &["check", "Lamp.yaml", "--map-url", "x"],
            &["--map-url", "a path"],
        ),
    ] {
        let (status, stdout, stderr) = folder.run(arguments);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "no `{word}` in: {stderr}");
        }
    }
}
