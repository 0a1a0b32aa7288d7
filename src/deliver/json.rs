//! JSON that harms no reader: beside what JSON itself demands, every character that can turn, hide or break text is
//! escaped (`\u202e`), so that a device name or a User-Agent cannot forge what a person sees in a terminal or an editor.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Writes `value` as one compact JSON document, without a line end.
pub fn write_json<W: Write, T: Serialize + ?Sized>(writer: W, value: &T) -> io::Result<()> {
    value
        .serialize(&mut Serializer::with_formatter(writer, SafeFormatter(CompactFormatter)))
        .map_err(io::Error::from)
}

/// `value` as one compact JSON document and a line end.
pub fn to_line<T: Serialize + ?Sized>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(2048);
    write_json(&mut line, value)?;
    line.push(b'\n');
    Ok(line)
}

/// `value` as one indented JSON document and a line end, for people.
pub fn to_document<T: Serialize + ?Sized>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(16 << 10);
    let formatter = SafeFormatter(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(&mut text, formatter)).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(text)
}

/// JSON as the inner formatter lays it out, in which [`is_harmful`] characters are escaped.
#[derive(Debug, Clone, Copy, Default)]
pub struct SafeFormatter<F>(F);

/// Passes the layout of arrays and objects on to the inner formatter.
macro_rules! lay_out {
    ($($name:ident $(($arg:ident))?),* $(,)?) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: bool)?) -> io::Result<()> {
            self.0.$name(writer $(, $arg)?)
        })*
    };
}

impl<F: Formatter> Formatter for SafeFormatter<F> {
    lay_out!(
        begin_array,
        end_array,
        begin_array_value(first),
        end_array_value,
        begin_object,
        end_object,
        begin_object_key(first),
        end_object_key,
        begin_object_value,
        end_object_value,
    );

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Most strings are plain ASCII.
        if fragment.bytes().all(|b| b.is_ascii() && b != 0x7f) {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_harmful(*c)) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = tail.strip_prefix(c).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Whether `c` can change how the text around it is shown without being seen itself: DEL and C1 controls, direction
/// marks and overrides (Unicode TR 36 §2, CVE-2021-42574), zero-width characters, line and paragraph separators, and
/// the invisible tag characters. (C0 controls are escaped by JSON itself.)
pub const fn is_harmful(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str) -> String {
        String::from_utf8(to_line(value).unwrap()).unwrap()
    }

    #[test]
    fn what_turns_hides_or_breaks_text_is_escaped_and_the_rest_is_kept() {
        assert_eq!(text("Küche 厨房"), "\"Küche 厨房\"\n");
        assert_eq!(
            text("a\u{202e}b\u{2028}c\u{200b}\u{7f}\u{85}"),
            "\"a\\u202eb\\u2028c\\u200b\\u007f\\u0085\"\n"
        );
        assert_eq!(text("\u{e0041}"), "\"\\udb40\\udc41\"\n");
        assert_eq!(text("\x1b[31m\"\\\n"), "\"\\u001b[31m\\\"\\\\\\n\"\n");
    }

    proptest! {
        #[test]
        fn every_text_survives_and_its_line_is_harmless(value in any::<String>()) {
            let line = text(&value);
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
            let body = line.strip_suffix('\n').unwrap();
            prop_assert!(!body.chars().any(|c| c.is_control() || is_harmful(c)));
        }
    }
}
