//! JSON that is safe to look at: besides control characters, everything that reorders or hides text is escaped.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Whether a character may fool a reader: bidi controls, zero-width and invisible ones, line separators, C1 controls,
/// tags, and the byte-order mark.
fn is_harmful(c: char) -> bool {
    matches!(u32::from(c),
        0x7f..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
        | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// Writes strings through the filter, everything else as the inner formatter does.
struct Safe<F>(F);

macro_rules! pass_on {
    ($($name:ident $(($arg:ident: $kind:ty))?),* $(,)?) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: $kind)?) -> io::Result<()> {
            self.0.$name(writer $(, $arg)?)
        })*
    };
}

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, harmful)) = rest.char_indices().find(|(_, c)| is_harmful(*c)) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut units = [0; 2];
            for unit in harmful.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(harmful.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    pass_on!(
        begin_array, end_array, begin_array_value(first: bool), end_array_value, begin_object, end_object,
        begin_object_key(first: bool), end_object_key, begin_object_value, end_object_value,
    );
}

/// Serializes a document; plain data cannot fail to serialize, and gives an empty object if it did.
pub(super) fn to_vec(document: &impl Serialize, pretty: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    let done = if pretty {
        document.serialize(&mut Serializer::with_formatter(&mut out, Safe(PrettyFormatter::new())))
    } else {
        document.serialize(&mut Serializer::with_formatter(&mut out, Safe(CompactFormatter)))
    };
    if done.is_err() {
        return b"{}".to_vec();
    }
    out
}
