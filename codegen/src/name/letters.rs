//! Which characters names are made of, and what stands for the others.
//!
//! rustc warns of letters that look like those of another script, and no attribute inside a module
//! silences that. It does so where nothing shows which script is meant: where all letters of one are
//! of that kind. Names with such letters alone are spelled out.

/// Whether a name keeps this character.
///
/// Fewer than Rust allows: rustc warns of compatibility forms and rare letters, and no attribute
/// inside a module silences that. Marks that combine are left out too, since Rust normalises
/// identifiers and two that differ here must differ there.
pub(super) fn is_legal(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let is_common = matches!(c,
        // Latin, Greek, Cyrillic, Armenian.
        '\u{c0}'..='\u{17f}' | '\u{386}'..='\u{3ce}' | '\u{400}'..='\u{45f}'
            | '\u{490}'..='\u{4ff}' | '\u{531}'..='\u{556}' | '\u{561}'..='\u{586}'
        // Hebrew, Arabic, Devanagari, Thai.
            | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{63f}' | '\u{641}'..='\u{64a}' | '\u{904}'..='\u{939}'
            | '\u{e01}'..='\u{e30}'
        // Hiragana, Katakana, Han, Hangul.
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}' | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
    );
    let is_compatibility_form = matches!(c, 'ĳ' | 'Ĳ' | 'ŀ' | 'Ŀ' | 'ŉ' | 'ſ');
    is_common && !is_compatibility_form && c.is_alphabetic()
}

/// Letters that look like those of another script, for each script: those that any version of rustc's
/// tables has.
const LOOKALIKES: &[&str] = &[
    "ΑΒΓΕΖΗΘΙΚΛΜΝΟΠΡΤΥΦΧαβγδεηθικνοπρστυφ",
    "ЄЅІЈАБВГЕЗКЛМНОПРСТУФХЫЬЮабгекопрстуфхчшєѕіјћҐґҒғҘҞҟҪҫҮүҰұҺһҽҿӀӇӉӍӏӔӕӘәӠӡӨө",
    "ԻՄՅՈՊՌՍՏՓՕագզծհձղյոպռսցւքօ",
    "וטיןס",
    "إاةه",
    "उटठढपभमवह",
    "จบปฝพฟย",
    "くへ",
    "イエカタトニネノハヒヘムメヨロ",
    "一丅丫丿乄二亻八力匕卜厶口囗夕工彐礻",
];

/// Which of the scripts of [`LOOKALIKES`] a letter is of.
fn script(c: char) -> Option<usize> {
    Some(match c {
        '\u{386}'..='\u{3ce}' => 0,
        '\u{400}'..='\u{4ff}' => 1,
        '\u{531}'..='\u{586}' => 2,
        '\u{5d0}'..='\u{5ea}' => 3,
        '\u{620}'..='\u{64a}' => 4,
        '\u{904}'..='\u{939}' => 5,
        '\u{e01}'..='\u{e30}' => 6,
        '\u{3041}'..='\u{3096}' => 7,
        '\u{30a1}'..='\u{30fc}' => 8,
        '\u{4e00}'..='\u{9fff}' => 9,
        _ => return None,
    })
}

/// The scripts of which a name has letters that look like others, and no others: a set.
pub(super) fn unclear_scripts(name: &str) -> u16 {
    let (mut seen, mut clear) = (0_u16, 0_u16);
    for (c, script) in name.chars().filter_map(|c| Some((c, script(c)?))) {
        seen |= 1 << script;
        let looks_like_others = LOOKALIKES.get(script).is_some_and(|all| all.contains(c));
        if !looks_like_others {
            clear |= 1 << script;
        }
    }
    seen & !clear
}

/// The text with all letters of these scripts spelled out.
pub(super) fn spell_out(text: &str, scripts: u16) -> String {
    let mut spelled = String::new();
    for c in text.chars() {
        if script(c).is_some_and(|script| scripts & (1 << script) != 0) {
            spelled.push_str(&in_latin(c));
        } else {
            spelled.push(c);
        }
    }
    spelled
}

/// A letter in ASCII, as a word of its own unless it is read together with those beside it.
fn in_latin(c: char) -> String {
    let lower = c.to_lowercase().next().unwrap_or(c);
    let word = match lower {
        'α' | 'ά' => " alpha ",
        'β' => " beta ",
        'γ' => " gamma ",
        'δ' => " delta ",
        'ε' | 'έ' => " epsilon ",
        'ζ' => " zeta ",
        'η' | 'ή' => " eta ",
        'θ' => " theta ",
        'ι' | 'ί' | 'ϊ' | 'ΐ' => " iota ",
        'κ' => " kappa ",
        'λ' => " lambda ",
        'μ' => " mu ",
        'ν' => " nu ",
        'ξ' => " xi ",
        'ο' | 'ό' => " omicron ",
        'π' => " pi ",
        'ρ' => " rho ",
        'σ' | 'ς' => " sigma ",
        'τ' => " tau ",
        'υ' | 'ύ' | 'ϋ' | 'ΰ' => " upsilon ",
        'φ' => " phi ",
        'χ' => " chi ",
        'ψ' => " psi ",
        'ω' | 'ώ' => " omega ",
        'а' | 'ә' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' | 'ғ' => "g",
        'д' => "d",
        'е' | 'э' => "e",
        'ё' => "yo",
        'є' => "ye",
        'ж' => "zh",
        'з' | 'ҙ' => "z",
        'и' | 'і' => "i",
        'ї' => "yi",
        'й' | 'ы' => "y",
        'ј' => "j",
        'к' | 'ҟ' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' | 'ѕ' | 'ҫ' => "s",
        'т' => "t",
        'у' | 'ү' | 'ұ' => "u",
        'ф' => "f",
        'х' | 'һ' => "h",
        'ц' => "ts",
        'ч' => "ch",
        'ћ' => "c",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ю' => "yu",
        'я' => "ya",
        other => return format!(" u{:x} ", u32::from(other)),
    };
    if lower == c || word.starts_with(' ') {
        return word.to_owned();
    }
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// A letter whose look rustc takes for that of ASCII's, or that is none in names, in ASCII.
pub(super) fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'Æ' => "Ae",
        'œ' => "oe",
        'Œ' => "Oe",
        'þ' => "th",
        'Þ' => "Th",
        'ı' => "i",
        // The sign for a millionth, which is no letter of Greek.
        '\u{b5}' => " mu ",
        _ => return None,
    })
}

/// A word for a character that names have no room for.
pub(super) fn spelled_out(symbol: char) -> String {
    let word = match symbol {
        ' ' => "space",
        '!' => "not",
        '"' => "quote",
        '#' => "hash",
        '$' => "dollar",
        '%' => "percent",
        '&' => "and",
        '\'' => "apostrophe",
        '(' => "open",
        ')' => "close",
        '*' => "star",
        '+' => "plus",
        ',' => "comma",
        '-' => "minus",
        '.' => "dot",
        '/' => "slash",
        ':' => "colon",
        ';' => "semicolon",
        '<' => "less",
        '=' => "equals",
        '>' => "greater",
        '?' => "question",
        '@' => "at",
        '[' => "left",
        '\\' => "backslash",
        ']' => "right",
        '^' => "caret",
        '_' => "underscore",
        '`' => "backtick",
        '{' => "begin",
        '|' => "or",
        '}' => "end",
        '~' => "tilde",
        other => return format!("u{:x}", u32::from(other)),
    };
    word.to_owned()
}
