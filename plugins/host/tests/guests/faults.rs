//! How a guest breaks, and that it always ends.

use std::num::NonZeroU32;

use tenure_plugin_abi::{Compiler, Failure, Fault, ShapeError};
use tenure_plugin_host::{CALL_BYTES_MAX, HOST_CALLS_MAX, Options, PluginHost};

use crate::double::{Double, call, command, fault, import, instance, run, wasm};

const TIME_OUT: Fault = Fault::TimeOut { limit_millis: 5 };

fn misuse(function: &'static str) -> Fault {
    Fault::Misuse { function }
}

fn trap(trap: &str) -> Fault {
    Fault::Trap { trap: trap.to_owned() }
}

#[test]
fn an_endless_loop_ends() {
    assert_eq!(fault(&command("", "(loop $again (br $again)) (unreachable)")), TIME_OUT);
}

#[test]
fn an_endless_loop_of_calls_to_the_host_ends() {
    // Each call is slow enough that time is up before there were too many.
    let body = "(loop $again (drop (call $result_read (i32.const 0) (i32.const 0) (i32.const 0)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $again)) (unreachable)";
    let import = import("result_read", "(param i32 i32 i32) (result i32)");

    assert_eq!(fault(&command(&import, body)), TIME_OUT);
}

#[test]
fn an_endless_chain_of_functions_ends() {
    let fields = "(func $even (return_call $odd)) (func $odd (return_call $even))";
    let outcome = fault(&command(fields, "(call $even) (i32.const 0)"));

    assert_eq!(outcome, TIME_OUT);
}

#[test]
fn time_up_in_one_call_is_not_counted_in_the_next() {
    let body = "(local $left i32) (local.set $left (i32.const 100000))
        (loop $again
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))
        (i32.const 1)";
    let mut instance = instance(&command("", body));
    for _ in 0..200 {
        let outcome = call(&mut *instance, 0, Double::default()).1;
        assert!(matches!(outcome, Err(Failure::Refused { .. })), "{outcome:?}");
    }
}

#[test]
fn what_webassembly_forbids_is_a_trap() {
    for (body, name) in [
        ("(unreachable)", "wasm `unreachable` instruction executed"),
        ("(i32.load (i32.const 65536))", "out of bounds memory access"),
        ("(i32.load (i32.const -1))", "out of bounds memory access"),
        (
            "(i32.div_u (i32.const 1) (local.get $command))",
            "integer divide by zero",
        ),
        (
            "(call_indirect (result i32) (i32.const 9))",
            "undefined element: out of bounds table access",
        ),
        ("(call_indirect (result i32) (i32.const 0))", "uninitialized element"),
        ("(i32.trunc_f64_s (f64.const nan))", "invalid conversion to integer"),
    ] {
        let fields = "(table 1 funcref)";
        assert_eq!(fault(&command(fields, body)), trap(name), "{body}");
    }
}

#[test]
fn a_guest_that_calls_too_deep_uses_up_its_stack() {
    let fields = "(func $deeper (param i64) (result i64)
        (i64.add (call $deeper (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))";
    let wasm = command(fields, "(drop (call $deeper (i64.const 0))) (i32.const 0)");

    assert_eq!(fault(&wasm), Fault::StackOverflow);
    // Also on the smallest thread that a worker may be.
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let outcome = thread.spawn(move || fault(&wasm)).unwrap().join().unwrap();
    assert_eq!(outcome, Fault::StackOverflow);
}

const TAKE_ALL: &str = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";

#[test]
fn a_guest_that_stops_for_want_of_memory_is_said_to() {
    let wanting = Fault::Memory { limit_bytes: 131_072 };

    assert_eq!(fault(&command("", &format!("{TAKE_ALL} (unreachable)"))), wanting);
    assert_eq!(
        fault(&command("", &format!("{TAKE_ALL} (i32.load (i32.const 131072))"))),
        wanting
    );
}

#[test]
fn a_guest_may_live_with_the_memory_that_it_has() {
    let import = import("reply_null", "");
    let wasm = command(&import, &format!("{TAKE_ALL} (call $reply_null) (i32.const 0)"));
    let mut instance = instance(&wasm);

    assert_eq!(call(&mut *instance, 0, Double::default()).1, Ok(()));
    assert_eq!(instance.memory_bytes(), 131_072);
}

#[test]
fn want_of_memory_in_one_call_excuses_no_trap_in_the_next() {
    let body = format!("(if (local.get $command) (then (unreachable))) {TAKE_ALL} (i32.const 1)");
    let mut instance = instance(&command("", &body));
    call(&mut *instance, 0, Double::default()).1.unwrap_err();

    let outcome = call(&mut *instance, 1, Double::default()).1;

    assert_eq!(outcome, Err(trap("wasm `unreachable` instruction executed").into()));
}

#[test]
fn a_table_does_not_grow_beyond_its_bound() {
    let body = "(if (result i32) (i32.eq (table.grow (ref.null func) (i32.const 20000)) (i32.const -1))
        (then (i32.const 1)) (else (unreachable)))";
    let (_, outcome) = run(&command("(table 1 funcref)", body), Double::default());
    assert!(matches!(outcome, Err(Failure::Refused { .. })), "{outcome:?}");
}

#[test]
fn places_outside_of_memory_are_misuse_of_the_function_that_was_given_them() {
    let two = "(param i32 i32)";
    for (name, ty, call) in [
        (
            "arg_read",
            "(param i32 i32 i32) (result i32)",
            "(drop (call $arg_read (i32.const 0) (i32.const 65530) (i32.const 7)))",
        ),
        (
            "call",
            "(param i32 i32) (result i32)",
            "(drop (call $call (i32.const 65529) (i32.const 1)))",
        ),
        (
            "call",
            "(param i32 i32) (result i32)",
            "(drop (call $call (i32.const 0) (i32.const 0)))",
        ),
        (
            "call",
            "(param i32 i32) (result i32)",
            "(drop (call $call (i32.const 0) (i32.const 4097)))",
        ),
        (
            "call",
            "(param i32 i32) (result i32)",
            "(drop (call $call (i32.const 0) (i32.const -1)))",
        ),
        (
            "get",
            "(param i32 i32) (result i32)",
            "(drop (call $get (i32.const -1) (i32.const -1)))",
        ),
        (
            "set",
            "(param i32 i32 i32 i32 i64) (result i32)",
            "(drop (call $set (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const 1) (i64.const 0)))",
        ),
        (
            "set",
            "(param i32 i32 i32 i32 i64) (result i32)",
            "(drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i64.const -1)))",
        ),
        (
            "result_read",
            "(param i32 i32 i32) (result i32)",
            "(drop (call $result_read (i32.const 0) (i32.const 1) (i32.const 65536)))",
        ),
        (
            "reply_simple",
            two,
            "(call $reply_simple (i32.const 65535) (i32.const 2))",
        ),
        (
            "reply_error",
            two,
            "(call $reply_error (i32.const 65535) (i32.const 2))",
        ),
        ("reply_bulk", two, "(call $reply_bulk (i32.const -16) (i32.const 32))"),
        ("reply_array", "(param i32)", "(call $reply_array (i32.const -1))"),
        ("reply_map", "(param i32)", "(call $reply_map (i32.const -1))"),
        ("reply_set", "(param i32)", "(call $reply_set (i32.const -1))"),
        (
            "reply_verbatim",
            "(param i32 i32 i32 i32)",
            "(call $reply_verbatim (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 1))",
        ),
        ("fail", two, "(call $fail (i32.const 1) (i32.const 65536))"),
        (
            "log",
            "(param i32 i32 i32)",
            "(call $log (i32.const 1) (i32.const 65536) (i32.const 1))",
        ),
        (
            "log",
            "(param i32 i32 i32)",
            "(call $log (i32.const 4) (i32.const 0) (i32.const 1))",
        ),
    ] {
        let wasm = command(&import(name, ty), &format!("{call} (i32.const 0)"));
        assert_eq!(fault(&wasm), misuse(name), "{call}");
    }
}

#[test]
fn text_that_is_none_is_misuse() {
    for (name, bytes) in [
        ("reply_simple", "\\ff"),
        ("reply_simple", "a\\0a"),
        ("reply_simple", "a\\0d"),
        ("reply_error", "\\0a "),
    ] {
        let fields = format!(r#"{} (data (i32.const 0) "{bytes}")"#, import(name, "(param i32 i32)"));
        let len = if bytes.len() == 3 { 1 } else { 2 };
        let body = format!("(call ${name} (i32.const 0) (i32.const {len})) (i32.const 0)");
        assert_eq!(fault(&command(&fields, &body)), misuse(name), "{bytes}");
    }
}

#[test]
fn a_reply_that_is_not_one_whole_reply_is_a_fault() {
    let imports =
        import("reply_null", "") + &import("reply_array", "(param i32)") + &import("reply_map", "(param i32)");
    let nested = "(call $reply_array (i32.const 1))".repeat(33);
    for (body, error) in [
        ("", ShapeError::Unfinished),
        (
            "(call $reply_array (i32.const 2)) (call $reply_null)",
            ShapeError::Unfinished,
        ),
        ("(call $reply_null) (call $reply_null)", ShapeError::PastEnd),
        (nested.as_str(), ShapeError::TooDeep),
    ] {
        let wasm = command(&imports, &format!("{body} (i32.const 0)"));
        assert_eq!(fault(&wasm), Fault::Reply(error), "{body}");
    }
}

#[test]
fn a_guest_may_not_ask_too_often() {
    let body = "(loop $again (drop (call $result_len)) (br $again)) (unreachable)";
    let wasm = command(&import("result_len", "(result i32)"), body);
    // An unoptimised host may take longer for so many calls than a guest has; either bound ends it.
    let broke = fault(&wasm);
    let too_often = Fault::TooMuch {
        what: "calls of its host",
        max: HOST_CALLS_MAX,
    };
    assert!(broke == too_often || broke == TIME_OUT, "{broke}");
}

#[test]
fn a_guest_may_not_make_its_host_hold_too_much() {
    let too_much = Fault::TooMuch {
        what: "bytes from and to its host",
        max: CALL_BYTES_MAX,
    };
    // A reply of many small memories, one of which is in it again and again.
    let body = "(call $reply_array (i32.const 1000000))
        (loop $again (call $reply_bulk (i32.const 0) (i32.const 65536)) (br $again)) (unreachable)";
    let imports = import("reply_bulk", "(param i32 i32)") + &import("reply_array", "(param i32)");
    assert_eq!(fault(&command(&imports, body)), too_much);
    // A native command with the same argument again and again.
    let body = "(local $at i32)
        (loop $again
            (i32.store offset=4 (local.get $at) (i32.const 65536))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $again (i32.lt_u (local.get $at) (i32.const 32768))))
        (call $call (i32.const 0) (i32.const 4096))";
    assert_eq!(
        fault(&command(&import("call", "(param i32 i32) (result i32)"), body)),
        too_much
    );
}

#[test]
fn what_was_spent_in_one_call_is_there_again_in_the_next() {
    let imports = import("reply_bulk", "(param i32 i32)") + &import("reply_array", "(param i32)");
    let body = "(local $left i32) (local.set $left (i32.const 100))
        (call $reply_array (i32.const 100))
        (loop $again
            (call $reply_bulk (i32.const 0) (i32.const 65536))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))
        (i32.const 0)";
    let wasm = command(&imports, body);
    let mut instance = instance(&wasm);
    for _ in 0..3 {
        assert_eq!(call(&mut *instance, 0, Double::default()).1, Ok(()));
    }
}

#[test]
fn the_host_comes_back_from_a_guest_that_broke_and_what_broke_runs_no_more() {
    let body = "(drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i64.const 0))) (unreachable)";
    let mut instance = instance(&command(
        &import("set", "(param i32 i32 i32 i32 i64) (result i32)"),
        body,
    ));

    let (double, outcome) = call(&mut *instance, 0, Double::with(["PLUG.DO"]));
    assert!(matches!(outcome, Err(Failure::Fault(_))));
    assert_eq!(double.set.len(), 1);
    assert_eq!(double.args, Double::with(["PLUG.DO"]).args);

    let (double, outcome) = call(&mut *instance, 0, Double::with(["PLUG.DO"]));
    assert!(double.set.is_empty());
    assert_eq!(outcome, Err(trap("it broke in an earlier call").into()));
}

#[test]
fn a_node_runs_as_many_instances_as_it_has_room_for() {
    let instances_max = NonZeroU32::new(2).unwrap();
    let host = PluginHost::new(Options { instances_max }).unwrap();
    let module = host
        .compile(&wasm(
            r#"(memory (export "memory") 1)
        (func (export "tenure_command_1_0") (param i32) (result i32) (i32.const 1))"#,
        ))
        .unwrap();
    let first = module.instantiate().unwrap();
    let _second = module.instantiate().unwrap();
    assert_eq!(module.instantiate().err(), Some(Fault::NoRoom));

    drop(first);

    assert!(module.instantiate().is_ok());
}
