//! Links between Markdown pages lead somewhere: the file belongs to the repository, and the heading is on the page.
//! Promises: a link is judged by what a fresh clone has, not by what lies on this disk. Links inside code are no links.
//! Leaves out: addresses with a scheme (no check of ours uses the network) and fragments of other files (`lib.rs#L10`).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::Outcome;
use crate::finding::Finding;
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let files = repo.files()?;
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        pages.insert(path.clone(), Page::parse(&repo.read(path)?));
    }
    Ok(dead(&pages, &files).into())
}

/// What a page links to and what can be linked to on it.
struct Page {
    links: Vec<Link>,
    anchors: BTreeSet<String>,
}

struct Link {
    line: usize,
    target: String,
}

impl Page {
    fn parse(markdown: &str) -> Page {
        let mut page = Page {
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let mut heading: Option<String> = None;
        let extensions = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
        for (event, range) in Parser::new_ext(markdown, extensions).into_offset_iter() {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = &event {
                let line = markdown[..range.start].matches('\n').count() + 1;
                page.links.push(Link {
                    line,
                    target: dest_url.to_string(),
                });
            } else if let Event::Start(Tag::Heading { .. }) = event {
                heading = Some(String::new());
            } else if let Event::End(TagEnd::Heading(_)) = event {
                page.add_anchor(&heading.take().unwrap_or_default());
            } else if let (Some(title), Event::Text(text) | Event::Code(text)) = (&mut heading, &event) {
                title.push_str(text);
            }
        }
        page
    }

    /// A heading that comes again gets `-1`, `-2` and so on, as on GitHub.
    fn add_anchor(&mut self, heading: &str) {
        let slug = slug(heading);
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone())
            .chain(numbered)
            .find(|slug| !self.anchors.contains(slug));
        self.anchors.extend(free);
    }
}

/// GitHub's rule: lower case, spaces become hyphens, and only letters, digits, hyphens and underscores stay.
fn slug(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// The links that lead nowhere.
fn dead(pages: &BTreeMap<String, Page>, files: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, page) in pages {
        for link in &page.links {
            if let Some((problem, hint)) = judge(path, &link.target, pages, files) {
                findings.push(Finding {
                    at: format!("{path}:{}", link.line),
                    problem,
                    hint,
                });
            }
        }
    }
    findings
}

/// What is wrong with a link, and what to do about it.
fn judge(
    path: &str,
    target: &str,
    pages: &BTreeMap<String, Page>,
    files: &BTreeSet<String>,
) -> Option<(String, String)> {
    if has_scheme(target) {
        return None;
    }
    let (file, fragment) = target
        .split_once('#')
        .map_or((target, None), |(file, fragment)| (file, Some(fragment)));
    let Some(file) = resolve(path, file) else {
        let problem = format!("the link to `{target}` leaves the repository");
        return Some((
            problem,
            "say here what the reader needs from there: a clone does not have it".to_owned(),
        ));
    };
    let is_folder = || file.is_empty() || files.iter().any(|other| other.starts_with(&format!("{file}/")));
    if !files.contains(&file) && !is_folder() {
        let problem = format!("the link to `{target}` leads nowhere: there is no {file}");
        return Some((problem, "correct the path; it is taken relative to the page".to_owned()));
    }
    let (fragment, page) = (fragment?, pages.get(&file)?);
    if page.anchors.contains(fragment) {
        return None;
    }
    let headings: Vec<_> = page.anchors.iter().map(|anchor| format!("#{anchor}")).collect();
    let problem = format!("the link to `{target}` leads to no heading of {file}");
    Some((problem, format!("the headings there are {}", headings.join(", "))))
}

/// Whether the target is an address such as `https://…` or `mailto:…`.
fn has_scheme(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    !scheme.is_empty()
        && scheme
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// The path from the root that a link on a page means; `None` when it leaves the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (folder, target) = target
        .strip_prefix('/')
        .map_or((folder, target), |from_root| ("", from_root));
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problems of one page, `docs/page.md`, beside a README with two headings of one name.
    fn problems(page: &str) -> Vec<String> {
        let readme = "# Tenure\n\n## `verify`, and *fix*\n\n## Words\n\n## Words\n";
        let texts = [("docs/page.md", page), ("README.md", readme)];
        let pages = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Page::parse(text)))
            .collect();
        let files = ["docs/page.md", "README.md", "api/types/src/lib.rs"]
            .map(str::to_owned)
            .into();
        dead(&pages, &files)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.at, finding.problem))
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let page = "\
# Here
[a](../README.md) [b](../README.md#words-1) [c](../README.md#verify-and-fix) [d](#here) [e](/README.md#tenure)
[f](../api/types) [g](../api/types/src/lib.rs#L3) [h](https://example.org/x#y) [i](mailto:a@example.org) [j][ref]

[ref]: ../README.md
";

        assert_eq!(problems(page), [""; 0]);
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_refused_with_its_line() {
        let expected = ["docs/page.md:3: the link to `README.md` leads nowhere: there is no docs/README.md"];

        assert_eq!(problems("# Here\n\nSee [a](README.md).\n"), expected);
    }

    #[test]
    fn a_link_in_a_table_and_an_image_are_links() {
        let page = "| a |\n|---|\n| [x](gone.md) |\n\n![y](gone.png)\n";

        assert_eq!(problems(page).len(), 2);
    }

    #[test]
    fn a_link_to_a_heading_that_is_not_there_is_refused() {
        let expected = ["docs/page.md:1: the link to `../README.md#words-2` leads to no heading of README.md"];

        assert_eq!(problems("[a](../README.md#words-2)\n"), expected);
        assert_eq!(problems("# Here\n[a](#there)\n").len(), 1);
    }

    #[test]
    fn a_link_out_of_the_repository_is_refused() {
        let expected = ["docs/page.md:1: the link to `../../shared/DESIGN.md` leaves the repository"];

        assert_eq!(problems("[a](../../shared/DESIGN.md)\n"), expected);
    }

    #[test]
    fn a_link_inside_code_is_no_link() {
        assert_eq!(problems("`[a](gone.md)`\n\n```text\n[b](gone.md)\n```\n"), [""; 0]);
    }
}
