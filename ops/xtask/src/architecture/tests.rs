//! The page is read as a reader would read it, and what cannot be read is named with its line.

use super::*;

const PAGE: &str = include_str!("tests/page.md");

fn folder(path: &str) -> Folder {
    Folder::new(path)
}

fn edges_of(rows: &str) -> Edges {
    let page = PAGE.replace("api/types → api/types # replaced by tests", rows);
    Architecture::parse(&page).unwrap().edges
}

/// The error of a page in which one text was replaced.
fn refusal(from: &str, to: &str) -> String {
    assert!(PAGE.contains(from), "the page has no `{from}`");
    format!("{:#}", Architecture::parse(&PAGE.replace(from, to)).unwrap_err())
}

#[test]
fn the_real_page_parses() {
    let page = Repo::open().unwrap().read(FILE).unwrap();
    let architecture = Architecture::parse(&page).unwrap();

    assert_eq!(architecture.map.get(&folder("ops/xtask")), Some(&State::Built));
    assert!(architecture.edges.allow(&folder("ops/xtask"), &folder("api/types")));
    assert!(!architecture.edges.allow(&folder("api/types"), &folder("ops/xtask")));
    assert!(architecture.purity.covers(&folder("log-quorum/protocol")));
    assert!(architecture.purity.never_see.iter().any(|library| library == "tokio"));
    assert!(architecture.purity.may_use.iter().any(|library| library == "bytes"));
    assert!(architecture.doors.iter().any(|door| door.library == "openraft"));
}

#[test]
fn a_chain_allows_every_name_to_its_right_and_none_to_its_left() {
    let edges = edges_of("log-quorum/log → log-quorum/protocol → api/types");

    assert!(edges.allow(&folder("log-quorum/log"), &folder("log-quorum/protocol")));
    assert!(edges.allow(&folder("log-quorum/log"), &folder("api/types")));
    assert!(edges.allow(&folder("log-quorum/protocol"), &folder("api/types")));
    assert!(!edges.allow(&folder("api/types"), &folder("log-quorum/protocol")));
    assert!(!edges.allow(&folder("log-quorum/protocol"), &folder("log-quorum/log")));
}

#[test]
fn braces_and_stars_stand_for_their_folders_only() {
    let edges = edges_of("log-quorum/{log, protocol} → api/*, log-quorum/node");

    assert!(edges.allow(&folder("log-quorum/protocol"), &folder("api/types")));
    assert!(edges.allow(&folder("log-quorum/log"), &folder("log-quorum/node")));
    assert!(!edges.allow(&folder("log-quorum/node"), &folder("api/types")));
    assert!(!edges.allow(&folder("log-quorum/log"), &folder("log-quorum/protocol")));
}

#[test]
fn a_row_for_tests_opens_nothing_for_code() {
    let edges = edges_of("tests: log-quorum/protocol → log-quorum/log");

    assert!(edges.allow_in_tests(&folder("log-quorum/protocol"), &folder("log-quorum/log")));
    assert!(!edges.allow(&folder("log-quorum/protocol"), &folder("log-quorum/log")));
}

#[test]
fn nothing_outside_reaches_what_is_closed_whatever_another_row_says() {
    let edges = edges_of("nothing → ops/*\neverything → everything");

    assert!(!edges.allow(&folder("log-quorum/log"), &folder("ops/xtask")));
    assert!(edges.allow(&folder("ops/bench"), &folder("ops/xtask")));
    assert!(edges.allow(&folder("log-quorum/log"), &folder("api/types")));
}

#[test]
fn a_key_that_comes_again_adds_to_the_first() {
    let purity = Architecture::parse(PAGE).unwrap().purity;

    assert_eq!(purity.never_see, ["tokio", "mio", "rand"]);
    assert_eq!(purity.never_name, ["std::fs"]);
    assert_eq!(purity.may_use, ["bytes", "thiserror"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let row = "api/types → api/types # replaced by tests";

    assert_eq!(refusal(row, "api/types"), "ARCHITECTURE.md:18: `api/types` has no `→`");
    assert_eq!(
        refusal(row, "api/typos → api/types"),
        "ARCHITECTURE.md:18: `api/typos` names no folder of the map"
    );
    assert!(refusal(row, "api/{types → api/types").starts_with("ARCHITECTURE.md:18: `api/{types` does not end"));
    assert!(refusal(row, "types → api/types").starts_with("ARCHITECTURE.md:18: `types` is not `plane/package`"));
    assert!(refusal(row, "api/types → ").starts_with("ARCHITECTURE.md:18: `` is not `plane/package`"));
    assert!(refusal("never see: rand", "never sees: rand").contains("begins with none of"));
    assert!(refusal("built    ids", "begun    ids").contains("the state of api/types is `begun`"));
    assert!(refusal("built    ids", "built").contains("api/types does not say what it is"));
    assert!(refusal("ops/bench ", "ops/xtask ").contains("ops/xtask is on the map twice"));
    assert!(refusal("## One door", "## Two doors").contains("under a heading \"One door\""));
}
