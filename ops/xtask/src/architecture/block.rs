//! The machine-read blocks of a page: the first fenced `text` block between a heading and the next one.
//! Promises: rows keep their line in the page; what follows a `#` is a comment; empty rows are left out.

use anyhow::{Result, bail};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::FILE;

/// One row of a block.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) text: String,
}

/// The rows under the heading with exactly this text.
pub(super) fn under(markdown: &str, heading: &str) -> Result<Vec<Row>> {
    let mut events = Parser::new(markdown).into_offset_iter();
    let mut current = String::new();
    while let Some((event, _)) = events.next() {
        if matches!(event, Event::Start(Tag::Heading { .. })) {
            current = title(&mut events);
        } else if is_text_block(&event) && current == heading {
            let Some((Event::Text(_), range)) = events.next() else {
                break;
            };
            let first_line = markdown[..range.start].lines().count() + 1;
            let end = events.find(|(event, _)| !matches!(event, Event::Text(_)));
            let end = end.map_or(markdown.len(), |(_, block)| block.end);
            return Ok(rows(&markdown[range.start..end], first_line));
        }
    }
    bail!("{FILE} has no filled ```text block under a heading \"{heading}\"");
}

fn is_text_block(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if language.as_ref() == "text")
}

/// The text of a heading, up to its end.
fn title<'a, R>(events: &mut impl Iterator<Item = (Event<'a>, R)>) -> String {
    let mut title = String::new();
    for (event, _) in events.take_while(|(event, _)| !matches!(event, Event::End(TagEnd::Heading(_)))) {
        if let Event::Text(text) = event {
            title.push_str(&text);
        }
    }
    title
}

fn rows(block: &str, first_line: usize) -> Vec<Row> {
    let without_comment = |text: &str| text.split('#').next().unwrap_or_default().trim().to_owned();
    let rows = block.lines().zip(first_line..).map(|(text, line)| Row {
        line,
        text: without_comment(text),
    });
    rows.filter(|row| !row.text.is_empty() && !row.text.starts_with("```"))
        .collect()
}
