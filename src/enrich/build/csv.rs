//! Reads the two CSV shapes among the inputs: `first,last,country` and `first,last,asn,name`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::merge::{Range, number, push_range};
use crate::model::CountryCode;

/// Ranges with a country, in address order. Ranges that overlap an earlier one are cut.
pub(super) fn country_ranges(bytes: &[u8]) -> Result<Vec<Range<CountryCode>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let mut ranges = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut fields = line.splitn(3, ',');
        let (start, end) =
            bounds(fields.next(), fields.next()).ok_or_else(|| bad(index, "two addresses and a country"))?;
        if let Some(value) = fields.next().and_then(|c| CountryCode::parse(c.trim())) {
            ranges.push(Range { start, end, value });
        }
    }
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut out: Vec<Range<CountryCode>> = Vec::with_capacity(ranges.len());
    for mut range in ranges {
        if let Some(last) = out.last() {
            if range.end <= last.end {
                continue;
            }
            range.start = range.start.max(last.end + 1);
        }
        push_range(&mut out, range);
    }
    Ok(out)
}

/// Adds names of AS numbers that have none yet.
pub(super) fn fill_names(bytes: &[u8], names: &mut BTreeMap<u32, String>) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    for (index, line) in text.lines().enumerate() {
        let mut fields = line.splitn(4, ',');
        let expected = "two addresses, an AS number and a name";
        bounds(fields.next(), fields.next()).ok_or_else(|| bad(index, expected))?;
        let asn: u32 =
            fields.next().and_then(|f| f.trim().parse().ok()).ok_or_else(|| bad(index, expected))?;
        let name = fields.next().map(unquote).unwrap_or_default();
        if !name.is_empty() {
            names.entry(asn).or_insert(name);
        }
    }
    Ok(())
}

fn bounds(first: Option<&str>, last: Option<&str>) -> Option<(u128, u128)> {
    let first: IpAddr = first?.trim().parse().ok()?;
    let last: IpAddr = last?.trim().parse().ok()?;
    let (start, end) = (number(first), number(last));
    (start <= end && first.is_ipv4() == last.is_ipv4()).then_some((start, end))
}

/// Takes the quotes off a CSV field (RFC 4180: a doubled quote stands for one).
fn unquote(field: &str) -> String {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|f| f.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\"").trim().to_owned(),
        None => field.to_owned(),
    }
}

fn bad(index: usize, expected: &str) -> String {
    format!("line {}: expected {expected}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_lines_become_ranges_without_overlap() {
        let csv = b"1.0.0.0,1.0.0.255,AU\n1.0.0.128,1.0.1.255,CN\n2001:db8::,2001:db8::f,ZZ\n";
        let ranges = country_ranges(csv).unwrap();
        assert_eq!(ranges.len(), 2);
        assert_eq!(ranges[1].start, 0x0100_0100);
        assert!(country_ranges(b"1.0.0.0,AU\n").unwrap_err().starts_with("line 1"));
    }

    #[test]
    fn a_name_is_only_filled_in_where_none_is_known() {
        let mut names = BTreeMap::from([(1, "One".to_owned())]);
        fill_names(b"1.0.0.0,1.0.0.1,1,Uno\n1.0.0.2,1.0.0.3,2,\"Two, \"\"Inc\"\"\"\n", &mut names).unwrap();
        assert_eq!(names[&1], "One");
        assert_eq!(names[&2], "Two, \"Inc\"");
    }
}
