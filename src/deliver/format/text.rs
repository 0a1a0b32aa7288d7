//! One line for people.

use super::{Document, push_safe};

/// "2026-01-02T03:04:05Z HIGH alert-opened: WeChat on Phone … (rule wechat-cn, alert 5f3a…) because …".
pub(super) fn line(document: &Document) -> String {
    let mut out = String::with_capacity(512);
    push_safe(&mut out, document.text("/@timestamp"));
    out.push(' ');
    out.push_str(&document.severity().to_uppercase());
    out.push(' ');
    push_safe(&mut out, document.text("/event/action"));
    out.push_str(": ");
    push_safe(&mut out, document.text("/message"));
    out.push_str(" (rule ");
    push_safe(&mut out, document.text("/rule/id"));
    out.push_str(", alert ");
    push_safe(&mut out, document.text("/event/id"));
    out.push(')');
    let reason = document.text("/event/reason");
    if !reason.is_empty() {
        out.push_str(" because ");
        push_safe(&mut out, reason);
    }
    out
}
