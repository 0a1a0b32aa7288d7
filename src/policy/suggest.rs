//! The nearest existing word to a misspelt one, for messages.

/// The nearest of `words` to `wrong`, if one is near enough to be meant. Case does not count. Deterministic: of equally
/// near words the first in alphabetical order.
pub(super) fn nearest<'w>(wrong: &str, words: impl Iterator<Item = &'w str>) -> Option<String> {
    let wrong = wrong.to_lowercase();
    let limit = (wrong.chars().count() / 3).max(1);
    words
        .filter_map(|word| {
            let distance = distance(&wrong, &word.to_lowercase());
            (distance <= limit).then_some((distance, word))
        })
        .min()
        .map(|(_, word)| word.to_owned())
}

/// A half sentence for the end of a message, empty when nothing is near.
pub(super) fn hint<'w>(wrong: &str, words: impl Iterator<Item = &'w str>) -> String {
    nearest(wrong, words).map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// Edit distance with swaps of neighbours (optimal string alignment), on at most 64 characters of each.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], i: usize| row.get(i).copied().unwrap_or(usize::MAX / 2);
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let mut best =
                (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(ca != cb));
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = || ["wechat", "weibo", "whatsapp", "eu"].into_iter();
        assert_eq!(nearest("WeChat", words()).as_deref(), Some("wechat"));
        assert_eq!(nearest("wehcat", words()).as_deref(), Some("wechat"));
        assert_eq!(nearest("@eu", words()).as_deref(), Some("eu"));
        assert_eq!(nearest("telegram", words()), None);
        assert_eq!(hint("wechatt", words()), "; did you mean `wechat`?");
    }
}
