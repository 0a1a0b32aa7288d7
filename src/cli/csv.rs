//! Comma-separated values (RFC 4180) that no spreadsheet takes for a formula.

/// One row with its line end. A cell that begins like a formula gets an apostrophe before it (OWASP, CSV injection);
/// characters that could break or turn a line are escaped as in JSON.
pub(super) fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        push(&mut line, cell);
    }
    line.push_str("\r\n");
    line
}

fn push(line: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = formula || cell.contains([',', '"', ' ']) || cell.chars().any(char::is_control);
    if !quoted {
        line.push_str(cell);
        return;
    }
    line.push('"');
    if formula {
        line.push('\'');
    }
    for c in cell.chars() {
        match c {
            '"' => line.push_str("\"\""),
            c if c.is_control() => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_formulas() {
        assert_eq!(row(["a", "b c", "d,e", "f\"g"]), "a,\"b c\",\"d,e\",\"f\"\"g\"\r\n");
        assert_eq!(row(["=1+1", "@x", "-2"]), "\"'=1+1\",\"'@x\",\"'-2\"\r\n");
        assert_eq!(row(["a\nb"]), "\"a\\u{a}b\"\r\n", "one row is one line");
    }
}
