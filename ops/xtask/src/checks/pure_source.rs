//! The source of a pure package never names the clock, the network, the file system or threads: they arrive as arguments,
//! so that a test can replay a run. What it may not name stands in `ARCHITECTURE.md`.
//! Promises: finds a name in a path, in a nested `use`, and inside macros; importing a whole module that holds a forbidden
//! name is refused too, since what is then named can no longer be seen. Comments and strings are not code.
//! Not by clippy's `disallowed-types`: that takes a configuration beside every package, and knows no modules.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::Outcome;
use crate::architecture::{Architecture, FILE, PURE};
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Member};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let architecture = Architecture::load(repo)?;
    let files = repo.files()?;
    let mut findings = Vec::new();
    let is_pure = |member: &Member| architecture.purity.covers(&member.folder);
    for member in workspace::members(repo)?.into_iter().filter(is_pure) {
        let source = format!("{}/src/", member.folder);
        let is_its_source = |path: &&String| path.starts_with(&source) && path.ends_with(".rs");
        for path in files.iter().filter(is_its_source) {
            findings.extend(forbidden(path, &repo.read(path)?, &architecture.purity.never_name)?);
        }
    }
    Ok(findings.into())
}

/// The forbidden names in one file.
fn forbidden(path: &str, source: &str, never_name: &[String]) -> Result<Vec<Finding>> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow!("{path} is not Rust: {error}"))?;
    let mut named = Vec::new();
    collect(&trees(tokens), &mut named);

    let finding = |named: &Named| {
        let name = never_name.iter().find(|never| named.is(never) || named.holds(never))?;
        let at = format!("{path}:{}", named.line);
        Some(if named.is(name) {
            let problem = format!("a pure package never names {name}");
            let hint = format!("take it as an argument ({FILE}, \"{PURE}\")");
            Finding { at, problem, hint }
        } else {
            let whole = named.parts.join("::");
            let problem = format!("`{whole}` brings {name} along, which a pure package never names");
            let hint = "import by name what is needed from there".to_owned();
            Finding { at, problem, hint }
        })
    };
    Ok(named.iter().filter_map(finding).collect())
}

/// A path that begins with `std`, and the line it ends on.
#[derive(Clone, Default)]
struct Named {
    parts: Vec<String>,
    line: usize,
}

impl Named {
    /// It is this name or something inside it.
    fn is(&self, never: &str) -> bool {
        let never: Vec<_> = never.split("::").collect();
        self.parts.len() >= never.len() && self.parts.iter().zip(never).all(|(part, never)| part == never)
    }

    /// It is a module around this name, taken whole. `std` alone is in every crate anyway.
    fn holds(&self, never: &str) -> bool {
        let module: Vec<_> = self
            .parts
            .iter()
            .filter(|part| *part != "*" && *part != "self")
            .collect();
        let never: Vec<_> = never.split("::").collect();
        self.parts.len() > 1
            && module.len() < never.len()
            && module.iter().zip(never).all(|(part, never)| *part == never)
    }
}

fn trees(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

/// Every path that begins with `std`, in these tokens and in the groups between them. No module of ours is called `std`,
/// so what stands before the word does not matter.
fn collect(tokens: &[TokenTree], named: &mut Vec<Named>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            collect(&trees(group.stream()), named);
        }
        if matches!(token, TokenTree::Ident(ident) if ident == "std") {
            path(Named::default(), &tokens[at..], named);
        }
    }
}

/// Reads one path, and where it opens braces every path inside them.
fn path(mut so_far: Named, tokens: &[TokenTree], named: &mut Vec<Named>) {
    match tokens.first() {
        Some(TokenTree::Ident(part)) => {
            so_far.parts.push(part.to_string());
            so_far.line = part.span().start().line;
            match tokens.get(1..3) {
                Some(separator) if is_path_separator(separator) => path(so_far, &tokens[3..], named),
                _ => named.push(so_far),
            }
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
            for item in trees(group.stream()).split(is_comma) {
                path(so_far.clone(), item, named);
            }
        }
        Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
            so_far.parts.push("*".to_owned());
            named.push(so_far);
        }
        // `std::mem::size_of::<T>`: the path has ended.
        Some(_) if !so_far.parts.is_empty() => named.push(so_far),
        _ => {}
    }
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(first), TokenTree::Punct(second)]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<String> {
        let never_name = [
            "std::time::Instant",
            "std::time::SystemTime",
            "std::net",
            "std::fs",
            "std::thread",
        ];
        let never_name = never_name.map(str::to_owned);
        let findings = forbidden("api/types/src/lib.rs", source, &never_name).unwrap();
        findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.at, finding.problem))
            .collect()
    }

    #[test]
    fn a_forbidden_name_is_found_wherever_code_can_name_it() {
        for source in [
            "use std::fs;",
            "use std::fs::File;",
            "use ::std::fs::File as Disk;",
            "use std::{fmt, io::{self, Read}, fs::{File, OpenOptions}};",
            "fn now() { let _ = std::time::Instant::now(); }",
            "fn f(at: ::std::time::SystemTime) {}",
            "fn f() -> bool { return ::std::fs::exists(\"a\").is_ok() }",
            "use {std::fs, std::fmt};",
            "fn f() { println!(\"{:?}\", std::thread::current().id()); }",
            "mod inner { pub(super) use std::net::TcpStream; }",
        ] {
            assert!(!problems(source).is_empty(), "{source}");
        }
    }

    #[test]
    fn the_finding_says_where_and_what() {
        let source = "//! Promise.\n\nuse std::time::{\n    Duration,\n    Instant,\n};\n";

        let expected = ["api/types/src/lib.rs:5: a pure package never names std::time::Instant"];
        assert_eq!(problems(source), expected);
    }

    #[test]
    fn a_module_around_a_forbidden_name_is_not_taken_whole() {
        for source in [
            "use std::time;",
            "use std::time::*;",
            "use std::time::{self, Duration};",
            "use std::*;",
        ] {
            assert_eq!(problems(source).len(), 1, "{source}");
        }
    }

    #[test]
    fn what_is_not_forbidden_passes() {
        for source in [
            "use std::time::Duration;",
            "use std::{fmt, num::NonZeroU64, sync::Arc};",
            "//! Never touches std::fs or std::time::Instant.\n/// std::net\nfn f() { let _ = \"std::thread\"; }",
            "fn f() -> usize { std::mem::size_of::<u64>() }",
            "use std::network::Name;",
        ] {
            assert_eq!(problems(source), [""; 0], "{source}");
        }
    }
}
