//! The source of a pure package never names the clock, the network, the file system or threads: they arrive as arguments,
//! so that a test can replay a run. What it may not name stands in `ARCHITECTURE.md`.
//! Promises: finds a name in a path, in a nested `use`, and inside macros; importing a whole module that holds a forbidden
//! name is refused too, since what is then named can no longer be seen. For the same reason `std` is never renamed, no
//! source lies outside `src`, and no build script writes any. Comments and strings are not code.
//! Not by clippy's `disallowed-types`: that takes a configuration beside every package, and knows no modules.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};

use super::Outcome;
use crate::architecture::{Architecture, FILE, PURE};
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Member, Role};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let architecture = Architecture::load(repo)?;
    let files = repo.files()?;
    let mut findings = Vec::new();
    let is_pure = |member: &Member| architecture.purity.covers(&member.folder);
    for member in workspace::members(repo)?.into_iter().filter(is_pure) {
        findings.extend(out_of_sight(&member));
        let source = source_folder(&member);
        let is_its_source = |path: &&String| path.starts_with(&source) && path.ends_with(".rs");
        for path in files.iter().filter(is_its_source) {
            findings.extend(forbidden(path, &repo.read(path)?, &architecture.purity.never_name)?);
        }
    }
    Ok(findings.into())
}

fn source_folder(member: &Member) -> String {
    format!("{}/src/", member.folder)
}

/// What cargo compiles into the package from elsewhere than its source folder, and its build script. Tests lie where
/// they like.
fn out_of_sight(member: &Member) -> Vec<Finding> {
    let source = source_folder(member);
    let finding = |problem: String, hint: String| Finding {
        at: member.manifest(),
        problem,
        hint,
    };
    let found = member.targets.iter().filter_map(|target| match target.role {
        Role::BuildScript => Some(finding(
            format!(
                "{} is pure, but has a build script: {}",
                member.package, target.begins_at
            ),
            "check in what it would generate: a build script reads the machine, and its output is not checked"
                .to_owned(),
        )),
        Role::Product if !target.begins_at.starts_with(&source) => Some(finding(
            format!(
                "{} is pure, but begins outside {source}, where its source is not checked: {}",
                member.package, target.begins_at
            ),
            format!("move the file to {source}"),
        )),
        Role::Product | Role::Trial => None,
    });
    found.collect()
}

/// The forbidden names in one file.
fn forbidden(path: &str, source: &str, never_name: &[String]) -> Result<Vec<Finding>> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow!("{path} is not Rust: {error}"))?;
    let mut named = Vec::new();
    collect(&trees(tokens), &mut named);

    let finding = |named: &Named| {
        if named.hides_code() {
            let at = format!("{path}:{}", named.line);
            let (problem, hint) = match named.parts.join("::") {
                std if std == STD => (
                    "`std` without `::` hides what is then named through it".to_owned(),
                    "do not rename it or hand it to a macro; write `std::` where it is meant".to_owned(),
                ),
                other => (
                    format!("`{other}` takes in code that this check may not see"),
                    "keep each module in the file under src that bears its name".to_owned(),
                ),
            };
            return Some(Finding { at, problem, hint });
        }
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

/// A path that begins with `std`, a macro that is called (`env!`), or the attribute `#[path]`; and the line it ends on.
#[derive(Clone, Default)]
struct Named {
    parts: Vec<String>,
    line: usize,
}

impl Named {
    fn one(word: &str, line: usize) -> Named {
        let parts = vec![word.to_owned()];
        Named { parts, line }
    }

    /// `std` that is renamed or handed to a macro, a module in a file of another name, a file taken in as tokens. Not a
    /// matter of what `ARCHITECTURE.md` forbids: without these refusals the check would not see it.
    fn hides_code(&self) -> bool {
        matches!(self.parts.as_slice(), [one] if [STD, PATH_ATTRIBUTE, "include!"].contains(&one.as_str()))
    }

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

const STD: &str = "std";
const PATH_ATTRIBUTE: &str = "#[path]";

/// Every path that begins with `std`, every call of a macro and every `#[path]`, in these tokens and in the groups between them. No module of ours is called `std`,
/// so what stands before the word does not matter.
fn collect(tokens: &[TokenTree], named: &mut Vec<Named>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            let inside = trees(group.stream());
            if is_attribute(&tokens[..at], group) {
                paths_of_modules(&inside, named);
            }
            collect(&inside, named);
        }
        if let TokenTree::Ident(ident) = token {
            if word(ident) == STD {
                path(Named::default(), &tokens[at..], named);
            } else if is_punct(tokens.get(at + 1), '!') && !is_punct(tokens.get(at + 2), '=') {
                named.push(Named::one(&format!("{}!", word(ident)), ident.span().start().line));
            }
        }
    }
}

/// Reads one path, and where it opens braces every path inside them.
fn path(mut so_far: Named, tokens: &[TokenTree], named: &mut Vec<Named>) {
    match tokens.first() {
        Some(TokenTree::Ident(part)) => {
            so_far.parts.push(word(part));
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

/// Whether this group is the rest of `#[…]` or `#![…]`.
fn is_attribute(before: &[TokenTree], group: &Group) -> bool {
    let hash_at = match before {
        [.., hash, TokenTree::Punct(not)] if not.as_char() == '!' => Some(hash),
        _ => before.last(),
    };
    group.delimiter() == Delimiter::Bracket && is_punct(hash_at, '#')
}

/// Every `path = …` in an attribute, inside `cfg_attr(…)` too.
fn paths_of_modules(tokens: &[TokenTree], named: &mut Vec<Named>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            paths_of_modules(&trees(group.stream()), named);
        }
        if let TokenTree::Ident(ident) = token
            && word(ident) == "path"
            && is_punct(tokens.get(at + 1), '=')
        {
            named.push(Named::one(PATH_ATTRIBUTE, ident.span().start().line));
        }
    }
}

/// `r#fs` and `fs` are the same word.
fn word(ident: &Ident) -> String {
    let word = ident.to_string();
    word.strip_prefix("r#").map(str::to_owned).unwrap_or(word)
}

fn is_punct(token: Option<&TokenTree>, letter: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == letter)
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(first), TokenTree::Punct(second)]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Folder;
    use crate::workspace::Target;

    fn problems(source: &str) -> Vec<String> {
        let never_name = [
            "std::time::Instant",
            "std::time::SystemTime",
            "std::net",
            "std::fs",
            "std::thread",
            "std::io::stdin",
            "std::collections::HashMap",
            "std::thread_local",
            "thread_local!",
            "env!",
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
            "use std::r#fs::File;",
            "fn f() { let _ = r#std::fs::exists(\"a\"); }",
            "use std::{r#fs as disk};",
            "use std::{io::stdin, fmt};",
            "type Map = std::collections::HashMap<u64, u64>;",
            "const HOME: &str = env!(\"HOME\");",
            "const HOME: &str = core::env!(\"HOME\");",
            "thread_local! { static SEEN: u64 = 0; }",
            "std::thread_local! { static SEEN: u64 = 0; }",
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
    fn what_would_hide_code_from_the_check_is_refused() {
        for source in [
            "use std as s;",
            "use ::std as s;",
            "use {std as s, core::fmt};",
            "use std::{self as s};",
            "extern crate std as s;",
            "macro_rules! m { ($($part:ident)*) => { std::$($part)::* }; }",
            "fn f() { m!(std fs) }",
            "#[path = \"../elsewhere.rs\"]\nmod elsewhere;",
            "#[cfg_attr(all(), path = \"../elsewhere.rs\")]\nmod elsewhere;",
            "include!(\"elsewhere.txt\");",
        ] {
            assert_eq!(problems(source).len(), 1, "{source}: {:?}", problems(source));
        }
    }

    fn pure_package_with(role: Role, begins_at: &str) -> Member {
        let begins_at = begins_at.to_owned();
        Member {
            package: "tenure-types".to_owned(),
            folder: Folder::new("api/types"),
            dependencies: vec![],
            targets: vec![Target { role, begins_at }],
        }
    }

    #[test]
    fn a_build_script_and_a_library_outside_src_are_refused() {
        for (role, begins_at) in [
            (Role::BuildScript, "api/types/build.rs"),
            (Role::BuildScript, "api/types/src/generate.rs"),
            (Role::Product, "api/types/lib/lib.rs"),
            (Role::Product, "/elsewhere/src/lib.rs"),
        ] {
            let findings = out_of_sight(&pure_package_with(role, begins_at));

            assert_eq!(findings.len(), 1, "{begins_at}");
            assert_eq!(findings[0].at, "api/types/Cargo.toml");
            assert!(findings[0].problem.ends_with(begins_at), "{}", findings[0].problem);
        }
    }

    #[test]
    fn a_library_in_src_passes_and_tests_lie_where_they_like() {
        for (role, begins_at) in [
            (Role::Product, "api/types/src/lib.rs"),
            (Role::Trial, "api/types/tests/rules/main.rs"),
        ] {
            assert_eq!(out_of_sight(&pure_package_with(role, begins_at)), []);
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
            "fn f(env: bool) -> bool { env != true && matches!(env, true) }",
            "#![cfg_attr(feature = \"std\", allow(dead_code))]\nfn f() { let path = r#\"std::fs\"#; let r#type = path; }",
            "const TEXT: &str = include_str!(\"page.md\");",
        ] {
            assert_eq!(problems(source), [""; 0], "{source}");
        }
    }
}
