//! The scripts against redis-server, and comparisons that must find something.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use tenure_compat::{Difference, Protocol, Reference, Report, Script, Target, compare};

/// What a made-up server does about a request.
enum Answer {
    Bytes(&'static [u8]),
    Nothing,
    Close,
}

/// A server that answers each request by its first word.
fn fake(answer: fn(&str) -> Answer) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::open(listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap(), answer));
        }
    });
    target
}

/// Requests of these tests have no line breaks within words.
fn serve(mut stream: TcpStream, answer: fn(&str) -> Answer) {
    let mut lines = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map_while(Result::ok);
    while let Some(head) = lines.next() {
        let words: usize = head.trim_start_matches('*').parse().unwrap();
        let words: Vec<String> = (0..words).filter_map(|_| lines.nth(1)).collect();
        match answer(&words[0]) {
            Answer::Bytes(bytes) => stream.write_all(bytes).unwrap(),
            Answer::Nothing => {}
            Answer::Close => return,
        }
    }
}

fn usual(word: &str) -> Answer {
    Answer::Bytes(match word {
        "HELLO" => b"%0\r\n",
        "LIST" => b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        "FAIL" => b"-ERR one\r\n",
        "QUIT" => return Answer::Close,
        _ => b"+OK\r\n",
    })
}

fn unusual(word: &str) -> Answer {
    Answer::Bytes(match word {
        "HELLO" => b"%0\r\n",
        "LIST" => b"*2\r\n$1\r\nb\r\n$1\r\na\r\n",
        "FAIL" => b"-ERR two\r\n",
        _ => b"$2\r\nOK\r\n",
    })
}

/// What a script of these lines finds between two servers, as `line protocol ours | reference`.
fn found(lines: &str, ours: &Target, reference: &Target) -> Vec<String> {
    let script = Script::parse("made-up", lines).unwrap();
    let report = compare(&script, ours, reference).unwrap();
    let shown = report.differences.iter().map(|difference| {
        let Difference {
            line,
            protocol,
            ours,
            reference,
            ..
        } = difference;
        format!("{line} {protocol} {ours} | {reference}")
    });
    shown.collect()
}

/// Sends a request past every script.
fn direct(target: &Target, request: &str) {
    let mut stream = TcpStream::connect(target.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(!answer.starts_with('-'), "{answer}");
}

#[test]
fn two_references_agree_on_every_script() {
    let (one, other) = (Reference::start().unwrap(), Reference::start().unwrap());
    let mut report = Report::default();
    let scripts = Script::all().unwrap();
    for script in &scripts {
        report.add(compare(script, one.target(), other.target()).unwrap());
    }
    assert!(report.is_clean(), "{report}");
    let commands: usize = scripts.iter().map(Script::commands).sum();
    assert!(report.compared > commands, "{} of {commands} twice", report.compared);
}

#[test]
fn another_value_is_found_in_both_protocols() {
    let (one, other) = (Reference::start().unwrap(), Reference::start().unwrap());
    // The value is written to one of them, under the feet of a script that only reads.
    direct(one.target(), "*4\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\nv\r\n");
    assert_eq!(
        found("PING\nHGET h f\nHGETALL h", one.target(), other.target()),
        [
            "2 RESP2 $1 \"v\" | $-1",
            "3 RESP2 *2 $1 \"f\" $1 \"v\" | *0",
            "2 RESP3 $1 \"v\" | _",
            "3 RESP3 %1 $1 \"f\" $1 \"v\" | %0",
        ]
    );
    // And a script that begins empty does not see it.
    let empty: Vec<String> = Vec::new();
    assert_eq!(found("#flush\nHGETALL h", one.target(), other.target()), empty);
}

#[test]
fn a_target_with_a_password_is_logged_in() {
    let reference = Reference::start().unwrap();
    direct(
        reference.target(),
        "ACL SETUSER someone on >secret allcommands allkeys allchannels\r\n",
    );
    let named = Target {
        user: Some("someone".to_owned()),
        password: Some("secret".to_owned()),
        ..reference.target().clone()
    };
    assert_eq!(
        found("#skip-resp3\nACL WHOAMI", &named, reference.target()),
        ["2 RESP2 $7 \"someone\" | $7 \"default\""]
    );
    let wrong = Target {
        password: Some("wrong".to_owned()),
        ..named
    };
    let script = Script::parse("login", "PING").unwrap();
    let error = compare(&script, &wrong, reference.target()).unwrap_err();
    let shown = format!("{error:#}");
    assert!(shown.contains("WRONGPASS") && !shown.contains("secret"), "{shown}");
}

#[test]
fn only_what_a_directive_forgives_is_forgiven() {
    let (ours, reference) = (fake(usual), fake(unusual));
    let nothing: Vec<String> = Vec::new();
    assert_eq!(
        found("#unordered\nLIST\n#same-error-code\nFAIL", &ours, &reference),
        nothing
    );
    assert_eq!(found("#same-type\nLIST\n#same-type\nFAIL", &ours, &reference), nothing);
    assert_eq!(
        found("#skip-resp3\nLIST\nFAIL\n#same-type\nANY", &ours, &reference),
        [
            "2 RESP2 *2 $1 \"a\" $1 \"b\" | *2 $1 \"b\" $1 \"a\"",
            "3 RESP2 -ERR one | -ERR two",
            "5 RESP2 +OK | $2 \"OK\"",
            "3 RESP3 -ERR one | -ERR two",
            "5 RESP3 +OK | $2 \"OK\"",
        ]
    );
}

#[test]
fn a_closed_connection_is_a_difference_and_the_next_command_gets_another() {
    let (ours, reference) = (fake(usual), fake(unusual));
    assert_eq!(
        found(
            "#skip-resp3\nQUIT\n#skip-resp3\n#same-type\nFAIL\n#skip-resp3\nQUIT",
            &ours,
            &reference
        ),
        [
            "2 RESP2 the connection was closed | $2 \"OK\"",
            "7 RESP2 the connection was closed | $2 \"OK\"",
        ]
    );
    let nothing: Vec<String> = Vec::new();
    assert_eq!(found("QUIT\nANY", &ours, &fake(usual)), nothing);
}

#[test]
fn a_reply_where_none_should_be_is_found_in_the_place_of_the_next() {
    let quiet = fake(|word| if word == "LIST" { Answer::Nothing } else { usual(word) });
    assert_eq!(
        found("#skip-resp3\n#silent\nLIST\n#skip-resp3\nANY", &fake(usual), &quiet),
        ["5 RESP2 *2 $1 \"a\" $1 \"b\" | +OK"]
    );
}

#[test]
fn a_difference_is_shown_with_its_script_and_line() {
    let script = Script::parse("some", "\n\nFAIL \"a b\"").unwrap();
    let report = compare(&script, &fake(usual), &fake(unusual)).unwrap();
    assert_eq!(report.differences[0].protocol, Protocol::Resp2);
    assert_eq!(
        report.to_string(),
        "some.txt:3 (RESP2) FAIL \"a b\"\n  ours:      -ERR one\n  reference: -ERR two\n\
         some.txt:3 (RESP3) FAIL \"a b\"\n  ours:      -ERR one\n  reference: -ERR two\n\
         2 of 2 replies differ"
    );
}
