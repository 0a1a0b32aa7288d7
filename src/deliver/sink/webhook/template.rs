//! Bodies for the services that people read alerts in. What came from the wire is plain text there, never markup.

use serde_json::{Value, json};

use crate::deliver::format::{Document, Format, safe};
use crate::deliver::json::write_json;
use crate::deliver::sink::config::Template;
use crate::store::Event;

/// Longer texts are refused by the services; Discord's 2,000 characters are the least.
const MAX_TEXT: usize = 1800;

/// Content type and body.
pub(super) fn body(
    template: Template,
    format: Format,
    chat: Option<&str>,
    event: &Event,
) -> (&'static str, Vec<u8>) {
    let document = Document::read(&event.document);
    let value = match template {
        Template::Json => return ("application/json", format.render(&event.document)),
        Template::Ntfy => return ("text/plain; charset=utf-8", text(&document).into_bytes()),
        Template::Slack => slack(&document),
        Template::Teams => teams(&document),
        // Without `allowed_mentions` a device named @everyone would wake all.
        Template::Discord => json!({
            "content": escape(&text(&document), "\\*_~`|>#[]()-<@:"),
            "allowed_mentions": { "parse": [] },
        }),
        Template::Telegram => json!({
            "chat_id": chat.unwrap_or_default(),
            "text": text(&document),
            "link_preview_options": { "is_disabled": true },
        }),
    };
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _never = write_json(&mut bytes, &value);
    ("application/json", bytes)
}

/// Headers of the template's own.
pub(super) fn headers(template: Template, event: &Event) -> Vec<(&'static str, &'static str)> {
    if template != Template::Ntfy {
        return Vec::new();
    }
    let priority = match event.severity.number() {
        5 => "5",
        4 => "4",
        3 => "3",
        _ => "2",
    };
    vec![("Title", "whither"), ("Priority", priority)]
}

/// Some lines for people.
fn text(document: &Document) -> String {
    let mut lines = vec![format!(
        "[{}] {}: {}",
        document.severity().to_uppercase(),
        safe(document.text("/rule/name")),
        safe(document.text("/message"))
    )];
    let reason = document.text("/event/reason");
    if !reason.is_empty() {
        lines.push(format!("because {}", safe(reason)));
    }
    lines.push(format!("{} {}", safe(document.text("/event/action")), safe(document.text("/event/id"))));
    lines.join("\n").chars().take(MAX_TEXT).collect()
}

/// Slack: `plain_text` is shown as it is; the fallback is escaped as Slack says (`&`, `<`, `>`), so that `<!channel>` is none.
fn slack(document: &Document) -> Value {
    let text = text(document);
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({
        "text": escaped,
        "blocks": [{ "type": "section", "text": { "type": "plain_text", "text": text, "emoji": false } }],
    })
}

/// Teams: a workflow's "when a webhook request is received" with an adaptive card. Its text blocks read Markdown.
fn teams(document: &Document) -> Value {
    let text = escape(&text(document), "\\*_~`|>#[]()-<");
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "type": "AdaptiveCard",
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "version": "1.4",
                "body": [{ "type": "TextBlock", "text": text, "wrap": true }],
            },
        }],
    })
}

/// Markdown's own characters with a backslash before them.
fn escape(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
