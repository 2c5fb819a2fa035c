use super::*;

fn check(text: &str, expected: &[&str]) {
    assert_eq!(lines(text, 40), expected, "for {text:?}");
}

#[test]
fn paragraphs_are_wrapped() {
    check("", &[]);
    check(" \n\t\n", &[]);
    check(
        "One.  \nTwo.\\\nThree.\n\n\n  Four.\n",
        &["One. Two. Three.", "", "Four."],
    );
    check(
        "The quick brown fox jumps over the lazy dog `and does not stop there`, ever.",
        &[
            "The quick brown fox jumps over the lazy",
            "dog `and does not stop there`, ever.",
        ],
    );
    check("a\u{202e}b\u{0}c\rd", &["abc d"]);
}

#[test]
fn nothing_becomes_a_link_or_a_tag() {
    check(
        "see [MAL] and [x][y], [^1]",
        &["see \\[MAL\\] and \\[x\\]\\[y\\], \\[^1\\]"],
    );
    check("Vec<T> <b>bold</b>", &["Vec\\<T> \\<b>bold\\</b>"]);
    check("`Vec<T>[0]` and `open <", &["`Vec<T>[0]` and \\`open \\<"]);
    check(
        "already \\[escaped\\] \\d c:\\",
        &["already \\[escaped\\] \\\\d c:"],
    );
    check("<std::vec::Vec>", &["\\<std::vec::Vec>"]);
}

#[test]
fn addresses_become_links() {
    check("see https://ccsds.org/x.", &["see <https://ccsds.org/x>."]);
    check("(http://a.org/b)", &["(<http://a.org/b>)"]);
    check(
        "<https://a.org> [a](https://b.org)",
        &["<https://a.org> [a](https://b.org)"],
    );
    check(
        "[https://b.org x](https://b.org)",
        &["[https://b.org x](https://b.org)"],
    );
    check("[a](b.md)", &["\\[a\\](b.md)"]);
    check("https:// alone", &["https:// alone"]);
}

#[test]
fn code_is_no_test() {
    check(
        "```\nlet x;\n```\nafter",
        &["```text", "let x;", "```", "", "after"],
    );
    check("~~~rust\n```\nx\n", &["````text", "```", "x", "````"]);
    check(
        "a\n\n    code\n\n      more\n\nb",
        &["a", "", "```text", "code", "", "  more", "```", "", "b"],
    );
    check(
        "- a\n\n      code",
        &["- a", "", "  ```text", "  code", "  ```"],
    );
}

#[test]
fn lists_are_indented_as_clippy_wants() {
    check(
        "Modes:\n* one\n  more\nlazy\n* two\n1. x",
        &["Modes:", "", "- one more lazy", "- two", "1. x"],
    );
    check(
        "- a\n  - b\n    c\n- d\n\ntext",
        &["- a", "", "  - b c", "- d", "", "text"],
    );
    check("10) x\n    y", &["10) x y"]);
    check(
        "> quoted\n> - a\nlazy",
        &["> quoted", ">", "> - a", "", "lazy"],
    );
}

#[test]
fn wrapping_begins_no_block() {
    check(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa - b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1. c",
        &[
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "\\- b",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "1\\. c",
        ],
    );
    check("===", &["\\==="]);
    check("\\\n12) x", &["12\\) x"]);
}

#[test]
fn headings_rules_and_tables_stay() {
    check(
        "# A [b]\nText\n====\nMore\n\n* * *",
        &["# A \\[b\\]", "", "# Text", "", "More", "", "***"],
    );
    check(
        "| a | b |\n|---|---|\n| <x> | y |",
        &["| a | b |", "|---|---|", "| \\<x> | y |"],
    );
}

#[test]
fn hostile_texts_take_no_time() {
    for part in [
        ">",
        "> ",
        "- ",
        "1. ",
        "`",
        "[",
        "](",
        "[a](",
        "<",
        "<a",
        "http://",
        "\\",
        "*",
        "a\n=",
        "| ",
        "~~~\n",
        "    x\n\n",
        "- a\n\n",
    ] {
        assert!(
            !lines(&part.repeat(200_000 / part.len()), 96).is_empty(),
            "for {part:?}"
        );
    }
    let ticks: String = (1..600).map(|count| "`".repeat(count) + " ").collect();
    assert!(!lines(&ticks, 96).is_empty());
}

#[test]
fn names_are_code() {
    assert_eq!(code("a`b"), "``a`b``");
    assert_eq!(code("`"), "`` ` ``");
    assert_eq!(code(" "), "(empty)");
}
