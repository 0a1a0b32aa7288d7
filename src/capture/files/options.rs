//! The options at the end of pcapng blocks (draft-ietf-opsawg-pcapng, section 3.5): code, length, value, padding.

use super::order::Order;

/// Options looked at in one block; writers put a handful, and a hostile block of empty ones must not cost time.
const MOST: usize = 64;

/// Goes over options; broken ones end the list, and what was read before them stands.
#[derive(Debug, Clone)]
pub(super) struct Options<'a> {
    rest: &'a [u8],
    order: Order,
    left: usize,
}

impl<'a> Options<'a> {
    /// The options that begin at the front of `rest`.
    pub(super) fn new(rest: &'a [u8], order: Order) -> Self {
        Self { rest, order, left: MOST }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let code = self.order.u16_at(self.rest, 0).filter(|code| *code != 0)?;
        let length = usize::from(self.order.u16_at(self.rest, 2)?);
        let value = self.rest.get(4..4 + length)?;
        self.rest = self.rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}
