//! The samples do what they say.

use std::sync::{Arc, LazyLock};

use tenure_plugin_abi::{Compiler, Failure, Fault, Instance, Manifest, Module, ShapeError};
use tenure_plugin_examples::{faulty, ratelimit, tally};

use crate::double::{Double, call, instance, plugin_host, refusal};

#[test]
fn every_sample_passes_the_check() {
    for (wasm, name, commands) in [
        (ratelimit(), "ratelimit", 2),
        (tally(), "tally", 1),
        (faulty(), "faulty", 17),
    ] {
        let manifest = plugin_host().check(&wasm).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.commands.len()), (name, commands));
    }
}

#[test]
fn the_compiled_sample_has_the_manifest_that_stands_beside_its_source() {
    let beside = Manifest::parse(include_bytes!("../../../examples/ratelimit/ratelimit.json")).unwrap();

    assert_eq!(plugin_host().compile(&ratelimit()).unwrap().manifest(), &beside);
}

const TAKE: usize = 0;
const PEEK: usize = 1;

fn ask(instance: &mut dyn Instance, command: usize, double: Double) -> Double {
    let (mut double, outcome) = call(
        instance,
        command,
        Double {
            reply: vec![],
            ..double
        },
    );
    assert_eq!(outcome, Ok(()));
    double.now_millis += 100;
    double
}

#[test]
fn ratelimit_takes_up_to_the_limit_in_each_window() {
    let mut ratelimit = instance(&ratelimit());
    let mut double = Double::with(["RATELIMIT.TAKE", "k", "2", "1000"]);
    for reply in [
        ["*3", ":1", ":1", ":1000"],
        ["*3", ":1", ":0", ":900"],
        ["*3", ":0", ":0", ":800"],
        ["*3", ":0", ":0", ":700"],
    ] {
        double = ask(&mut *ratelimit, TAKE, double);
        assert_eq!(double.reply, reply);
    }
    // Who was refused changed nothing.
    let ends_at = 1_700_000_001_000;
    let taken = |count| (b"k".to_vec(), format!("{count} {ends_at}").into_bytes(), Some(ends_at));
    assert_eq!(double.set, [taken(1), taken(2)]);

    double.now_millis = ends_at;
    assert_eq!(ask(&mut *ratelimit, TAKE, double).reply, ["*3", ":1", ":1", ":1000"]);
}

#[test]
fn ratelimit_peeks_without_taking() {
    let mut ratelimit = instance(&ratelimit());
    let double = Double::with(["RATELIMIT.PEEK", "k", "2", "1000"]).holding("k", "1 1700000000600");

    let double = ask(&mut *ratelimit, PEEK, double);

    assert_eq!(double.reply, ["*3", ":1", ":1", ":600"]);
    assert!(double.set.is_empty());
}

#[test]
fn ratelimit_refuses_what_makes_no_sense() {
    let mut ratelimit = instance(&ratelimit());
    let mut refused =
        |args: [&str; 4], value: &str| refusal(call(&mut *ratelimit, TAKE, Double::with(args).holding("k", value)).1);
    let numbers = "ERR limit and window_millis must be whole numbers from 1 to 1000000000000";

    for (limit, window) in [
        ("0", "1"),
        ("1", "0"),
        ("-1", "1"),
        ("x", "1"),
        ("", "1"),
        ("1", "1000000000001"),
        ("1", "99999999999999999999"),
    ] {
        assert_eq!(
            refused(["RATELIMIT.TAKE", "k", limit, window], "1 1"),
            numbers,
            "{limit} {window}"
        );
    }
    for value in ["", "x", "1", "1 x", "1 2 3"] {
        let message = refused(["RATELIMIT.TAKE", "k", "1", "1"], value);
        assert_eq!(message, "ERR the key holds something else than a rate limit", "{value}");
    }
    let long = "k".repeat(1025);
    assert_eq!(
        refused(["RATELIMIT.TAKE", &long, "1", "1"], ""),
        "ERR the key is too long"
    );
    // What the host says about a key is passed on.
    assert_eq!(refused(["RATELIMIT.TAKE", "!", "1", "1"], ""), "ERR not yours");
}

#[test]
fn tally_adds_to_every_key_and_tells_the_sums() {
    let double = Double::with(["TALLY.ADD", "5", "a", "bc"]).answering(":-12\r\n");

    let (double, outcome) = call(&mut *instance(&tally()), 0, double);

    assert_eq!(outcome, Ok(()));
    assert_eq!(double.reply, ["%2", "$a", ":-12", "$bc", ":-12"]);
    let incrby = |key: &[u8]| vec![b"INCRBY".to_vec(), key.to_vec(), b"5".to_vec()];
    assert_eq!(double.called, [incrby(b"a"), incrby(b"bc")]);
}

#[test]
fn tally_passes_an_error_on_and_refuses_what_is_too_long() {
    let mut tally = instance(&tally());
    let mut refused = |double| refusal(call(&mut *tally, 0, double).1);

    let error = Double::with(["TALLY.ADD", "5", "a"]).answering("-WRONGTYPE no number\r\n");
    assert_eq!(refused(error), "WRONGTYPE no number");
    let long = "1".repeat(33);
    let too_long = "ERR a key or the delta is too long";
    assert_eq!(
        refused(Double::with(["TALLY.ADD", &long, "a"]).answering(":1\r\n")),
        too_long
    );
    let long = "1".repeat(1025);
    assert_eq!(
        refused(Double::with(["TALLY.ADD", "1", &long]).answering(":1\r\n")),
        too_long
    );
}

static FAULTY: LazyLock<Arc<dyn Module>> = LazyLock::new(|| plugin_host().compile(&faulty()).unwrap());

fn faulty_call<const N: usize>(args: [&str; N]) -> (Double, Result<(), Failure>) {
    let mut commands = FAULTY.manifest().commands.iter();
    let number = commands.position(|command| command.name == args[0]).unwrap();
    let double = Double::with(args).holding("k", "value").answering("+native\r\n");
    call(&mut *FAULTY.instantiate().unwrap(), number, double)
}

#[test]
fn faulty_breaks_as_it_says() {
    let unreachable = Fault::Trap {
        trap: "wasm `unreachable` instruction executed".to_owned(),
    };
    let broke = |outcome| match outcome {
        Err(Failure::Fault(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    };

    let time_out = Fault::TimeOut { limit_millis: 10 };
    assert_eq!(broke(faulty_call(["FAULTY.LOOP"]).1), time_out);
    let (double, outcome) = faulty_call(["FAULTY.TRAP", "k"]);
    assert_eq!(
        (broke(outcome), double.set.len(), double.called.len()),
        (unreachable, 1, 1)
    );
    let memory = Fault::Memory { limit_bytes: 1 << 20 };
    assert_eq!(broke(faulty_call(["FAULTY.MEMORY"]).1), memory);
    assert_eq!(
        broke(faulty_call(["FAULTY.HALF"]).1),
        Fault::Reply(ShapeError::Unfinished)
    );
    assert_eq!(broke(faulty_call(["FAULTY.STACK"]).1), Fault::StackOverflow);
    let misuse = Fault::Misuse { function: "reply_bulk" };
    assert_eq!(broke(faulty_call(["FAULTY.MISUSE"]).1), misuse);
    let endless = broke(faulty_call(["FAULTY.WRITES", "k"]).1);
    assert!(
        matches!(endless, Fault::TimeOut { .. } | Fault::TooMuch { .. }),
        "{endless}"
    );
}

#[test]
fn faulty_refuses_after_it_wrote() {
    let (double, outcome) = faulty_call(["FAULTY.REFUSE", "k"]);

    assert_eq!(refusal(outcome), "FAULTY as it was asked to");
    assert_eq!((double.set.len(), double.called.len()), (1, 1));
}

#[test]
fn faulty_also_behaves() {
    let reply = |call: (Double, Result<(), Failure>)| {
        assert_eq!(call.1, Ok(()));
        call.0.reply
    };

    let native = "$+native\r\n";
    assert_eq!(
        reply(faulty_call(["FAULTY.STEAL", "k", "other"])),
        ["*6", ":1", "$", ":0", "$", ":0", native]
    );
    assert_eq!(
        reply(faulty_call(["FAULTY.SNEAK", "k"])),
        ["*4", ":0", "$", ":0", native]
    );
    assert_eq!(reply(faulty_call(["FAULTY.NOP"])), ["_"]);
    assert_eq!(reply(faulty_call(["FAULTY.READ", "k"])), ["$value"]);
    assert_eq!(reply(faulty_call(["FAULTY.READ", "none"])), ["_"]);
    assert_eq!(reply(faulty_call(["FAULTY.COUNT"])), [":1"]);
    assert_eq!(reply(faulty_call(["FAULTY.LOG", "line"])), ["+OK"]);
    assert_eq!(reply(faulty_call(["FAULTY.NOW"])).len(), 5);
    let (double, outcome) = faulty_call(["FAULTY.CALL", "k", "APPEND", "k", "x"]);
    assert_eq!(outcome, Ok(()));
    assert_eq!(double.called, [[b"APPEND".to_vec(), b"k".to_vec(), b"x".to_vec()]]);
    let (double, outcome) = faulty_call(["FAULTY.SET", "k", "new"]);
    assert_eq!(outcome, Ok(()));
    assert_eq!(double.set, [(b"k".to_vec(), b"new".to_vec(), None)]);
}
