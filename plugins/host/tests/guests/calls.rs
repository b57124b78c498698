//! What a guest can ask, and what it is told.

use std::sync::Arc;

use tenure_plugin_abi::LogLevel;
use tenure_plugin_host::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX};

use crate::double::{Double, call, command, compile, import, instance, refusal, run};

fn imports(of: &[(&str, &str)]) -> String {
    of.iter().map(|(name, ty)| import(name, ty)).collect()
}

const READ: [(&str, &str); 5] = [
    ("arg_count", "(result i32)"),
    ("arg_len", "(param i32) (result i32)"),
    ("arg_read", "(param i32 i32 i32) (result i32)"),
    ("reply_integer", "(param i64)"),
    ("reply_array", "(param i32)"),
];

#[test]
fn a_guest_reads_its_arguments_as_far_as_they_fit() {
    let body = "
        (call $reply_array (i32.const 8))
        (call $reply_integer (i64.extend_i32_s (call $arg_count)))
        (call $reply_integer (i64.extend_i32_s (call $arg_len (i32.const 1))))
        (call $reply_integer (i64.extend_i32_s (call $arg_read (i32.const 1) (i32.const 8) (i32.const 2))))
        (call $reply_integer (i64.load (i32.const 8)))
        (call $reply_integer (i64.extend_i32_s (call $arg_read (i32.const 1) (i32.const 16) (i32.const 100))))
        (call $reply_integer (i64.load (i32.const 16)))
        (call $reply_integer (i64.extend_i32_s (call $arg_len (i32.const 2))))
        (call $reply_integer (i64.extend_i32_s (call $arg_read (i32.const -1) (i32.const 0) (i32.const 0))))
        (i32.const 0)";
    let (double, outcome) = run(&command(&imports(&READ), body), Double::with(["PLUG.DO", "abc"]));

    assert_eq!(outcome, Ok(()));
    assert_eq!(
        double.reply,
        ["*8", ":2", ":3", ":2", ":25185", ":3", ":6513249", ":-1", ":-1"]
    );
}

#[test]
fn every_type_of_reply_can_be_built() {
    let imports = imports(&[
        ("reply_simple", "(param i32 i32)"),
        ("reply_error", "(param i32 i32)"),
        ("reply_integer", "(param i64)"),
        ("reply_bulk", "(param i32 i32)"),
        ("reply_null", ""),
        ("reply_array", "(param i32)"),
        ("reply_map", "(param i32)"),
        ("reply_set", "(param i32)"),
        ("reply_double", "(param f64)"),
        ("reply_boolean", "(param i32)"),
        ("reply_verbatim", "(param i32 i32 i32 i32)"),
    ]);
    let body = r#"
        (call $reply_array (i32.const 9))
        (call $reply_simple (i32.const 0) (i32.const 2))
        (call $reply_error (i32.const 2) (i32.const 5))
        (call $reply_integer (i64.const -5))
        (call $reply_bulk (i32.const 0) (i32.const 2))
        (call $reply_null)
        (call $reply_map (i32.const 1))
            (call $reply_double (f64.const 1.5))
            (call $reply_boolean (i32.const 2))
        (call $reply_set (i32.const 0))
        (call $reply_verbatim (i32.const 7) (i32.const 3) (i32.const 0) (i32.const 2))
        (call $reply_boolean (i32.const 0))
        (i32.const 0)"#;
    let wasm = command(&format!(r#"{imports} (data (i32.const 0) "OKERR xtxt")"#), body);
    let (double, outcome) = run(&wasm, Double::with(["PLUG.DO"]));

    assert_eq!(outcome, Ok(()));
    let built = [
        "*9", "+OK", "-ERR x", ":-5", "$OK", "_", "%1", ",1.5", "#true", "~0", "=txt:OK", "#false",
    ];
    assert_eq!(double.reply, built);
}

fn data_command(body: &str) -> Vec<u8> {
    let imports = imports(&[
        ("get", "(param i32 i32) (result i32)"),
        ("set", "(param i32 i32 i32 i32 i64) (result i32)"),
        ("call", "(param i32 i32) (result i32)"),
        ("result_len", "(result i32)"),
        ("result_read", "(param i32 i32 i32) (result i32)"),
        ("reply_integer", "(param i64)"),
        ("reply_bulk", "(param i32 i32)"),
        ("reply_array", "(param i32)"),
    ]);
    let data = r#"(data (i32.const 0) "key!none")
        (func $tell (param $code i32)
            (call $reply_integer (i64.extend_i32_s (local.get $code)))
            (call $reply_integer (i64.extend_i32_s (call $result_len)))
            (call $reply_bulk (i32.const 256) (call $result_read (i32.const 0) (i32.const 256) (i32.const 64))))"#;
    command(&format!("{imports} {data}"), body)
}

#[test]
fn a_guest_reads_keys_and_is_told_what_is_missing_and_what_is_not_for_it() {
    let wasm = data_command(
        "(call $reply_array (i32.const 9))
        (call $tell (call $get (i32.const 0) (i32.const 3)))
        (call $tell (call $get (i32.const 4) (i32.const 4)))
        (call $tell (call $get (i32.const 3) (i32.const 2)))
        (i32.const 0)",
    );
    let (double, outcome) = run(&wasm, Double::with(["PLUG.DO"]).holding("key", "value"));

    assert_eq!(outcome, Ok(()));
    let told = [
        "*9",
        ":0",
        ":5",
        "$value",
        ":1",
        ":0",
        "$",
        ":2",
        ":13",
        "$ERR not yours",
    ];
    assert_eq!(double.reply, told);
}

#[test]
fn a_guest_sets_keys_for_a_while_or_for_ever() {
    let wasm = data_command(
        "(call $reply_array (i32.const 9))
        (call $tell (call $set (i32.const 0) (i32.const 3) (i32.const 4) (i32.const 4) (i64.const 0)))
        (call $tell (call $set (i32.const 0) (i32.const 3) (i32.const 4) (i32.const 2) (i64.const 99)))
        (call $tell (call $set (i32.const 3) (i32.const 2) (i32.const 4) (i32.const 2) (i64.const 99)))
        (i32.const 0)",
    );
    let (double, outcome) = run(&wasm, Double::with(["PLUG.DO"]));

    assert_eq!(outcome, Ok(()));
    let key = || b"key".to_vec();
    assert_eq!(
        double.set,
        [(key(), b"none".to_vec(), None), (key(), b"no".to_vec(), Some(99))]
    );
    assert_eq!(double.reply[1..4], [":0", ":0", "$"]);
    assert_eq!(double.reply[7..], [":2", ":13", "$ERR not yours"]);
}

#[test]
fn a_guest_runs_native_commands_and_reads_their_replies_piece_by_piece() {
    let wasm = data_command(
        "(i32.store (i32.const 64) (i32.const 4)) (i32.store (i32.const 68) (i32.const 4))
        (i32.store (i32.const 72) (i32.const 0)) (i32.store (i32.const 76) (i32.const 3))
        (call $reply_array (i32.const 5))
        (call $tell (call $call (i32.const 64) (i32.const 2)))
        (call $reply_bulk (i32.const 256) (call $result_read (i32.const 2) (i32.const 256) (i32.const 3)))
        (call $reply_bulk (i32.const 256) (call $result_read (i32.const 99) (i32.const 256) (i32.const 3)))
        (i32.const 0)",
    );
    let (double, outcome) = run(&wasm, Double::with(["PLUG.DO"]).answering("+FINE\r\n"));

    assert_eq!(outcome, Ok(()));
    assert_eq!(double.called, [[b"none".to_vec(), b"key".to_vec()]]);
    assert_eq!(double.reply, ["*5", ":0", ":7", "$+FINE\r\n", "$INE", "$"]);

    let (double, _) = run(&wasm, Double::with(["PLUG.DO"]).answering("-ERR no\r\n"));
    assert_eq!(double.reply[1], ":1");
}

#[test]
fn time_stands_still_during_a_call_and_chance_is_the_hosts() {
    let imports = imports(&[
        ("now_millis", "(result i64)"),
        ("random", "(result i64)"),
        ("reply_integer", "(param i64)"),
        ("reply_array", "(param i32)"),
    ]);
    let body = "(call $reply_array (i32.const 3))
        (call $reply_integer (call $now_millis))
        (call $reply_integer (call $random))
        (call $reply_integer (call $random))
        (i32.const 0)";
    let (double, _) = run(&command(&imports, body), Double::with(["PLUG.DO"]));

    assert_eq!(double.reply, ["*3", ":1700000000000", ":217", ":6727"]);
}

#[test]
fn a_log_has_a_level_and_is_bounded_in_lines_and_bytes() {
    let imports = imports(&[("log", "(param i32 i32 i32)"), ("reply_null", "")]);
    let body = "(local $left i32)
        (memory.fill (i32.const 8) (i32.const 120) (i32.const 1000))
        (call $log (i32.const 3) (i32.const 0) (i32.const 6))
        (call $log (i32.const 0) (i32.const 8) (i32.const 1000))
        (local.set $left (i32.const 100))
        (loop $again
            (call $log (i32.const 1) (i32.const 4) (i32.const 1))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))
        (call $log (i32.const 2) (i32.const 0) (i32.const 1))
        (call $reply_null)
        (i32.const 0)";
    let wasm = command(&format!(r#"{imports} (data (i32.const 0) "a\0d\0abc\ff")"#), body);
    let (double, outcome) = run(&wasm, Double::with(["PLUG.DO"]));

    assert_eq!(outcome, Ok(()));
    assert_eq!(double.logged.len(), LOG_LINES_MAX);
    assert_eq!(double.logged[0], (LogLevel::Error, "a  bc\u{fffd}".to_owned()));
    assert_eq!(double.logged[1], (LogLevel::Debug, "x".repeat(LOG_LINE_BYTES_MAX)));
    assert_eq!(double.logged[2], (LogLevel::Info, "c".to_owned()));
}

fn refusing(text: &str) -> Vec<u8> {
    let body = format!(
        "(call $reply_null) (call $fail (i32.const 0) (i32.const {})) (i32.const -7)",
        text.len()
    );
    let imports = imports(&[("fail", "(param i32 i32)"), ("reply_null", "")]);
    command(&format!(r#"{imports} (data (i32.const 0) "{text}")"#), &body)
}

#[test]
fn a_guest_that_returns_anything_but_zero_refuses_with_its_own_words() {
    let refused = |text| refusal(run(&refusing(text), Double::with(["PLUG.DO"])).1);

    assert_eq!(refused("LIMIT no more"), "LIMIT no more");
    assert_eq!(refused("no more"), "ERR no more");
    assert_eq!(refused(""), "ERR plugin plug refused the command");
}

#[test]
fn a_refusal_is_no_fault_and_is_forgotten_by_the_next_call() {
    let imports = imports(&[("fail", "(param i32 i32)")]);
    let body = "(if (i32.eqz (local.get $command)) (then (call $fail (i32.const 0) (i32.const 4)))) (i32.const 1)";
    let mut instance = instance(&command(&format!(r#"{imports} (data (i32.const 0) "ABCD")"#), body));
    let mut refused = |number| refusal(call(&mut *instance, number, Double::with(["PLUG.DO"])).1);

    assert_eq!(refused(0), "ABCD");
    assert_eq!(refused(1), "ERR plugin plug refused the command");
}

#[test]
fn words_of_failure_are_dropped_if_the_guest_returns_zero() {
    let imports = imports(&[("fail", "(param i32 i32)"), ("reply_null", "")]);
    let body = "(call $fail (i32.const 0) (i32.const 4)) (call $reply_null) (i32.const 0)";

    assert_eq!(run(&command(&imports, body), Double::with(["PLUG.DO"])).1, Ok(()));
}

#[test]
fn memory_is_kept_from_call_to_call_and_not_shared_between_instances() {
    let imports = imports(&[("reply_integer", "(param i64)")]);
    let body = "(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
        (call $reply_integer (i64.load (i32.const 0))) (i32.const 0)";
    let module = compile(&command(&imports, body)).unwrap();
    let mut one = module.instantiate().unwrap();
    let mut other = module.instantiate().unwrap();
    let mut count = |which: bool| {
        let instance = if which { &mut one } else { &mut other };
        call(&mut **instance, 0, Double::with(["PLUG.DO"])).0.reply
    };

    assert_eq!(
        [count(true), count(true), count(false), count(true)],
        [[":1"], [":2"], [":1"], [":3"]]
    );
}

#[test]
fn the_number_of_the_command_is_its_place_in_the_manifest() {
    let imports = imports(&[("reply_integer", "(param i64)")]);
    let body = "(call $reply_integer (i64.extend_i32_s (local.get $command))) (i32.const 0)";
    let mut instance = instance(&command(&imports, body));

    assert_eq!(call(&mut *instance, 3, Double::default()).0.reply, [":3"]);
}

#[test]
fn an_instance_knows_how_much_memory_it_has() {
    let body = "(drop (memory.grow (i32.const 1))) (i32.const 1)";
    let mut instance = instance(&command("", body));
    assert_eq!(instance.memory_bytes(), 65_536);

    call(&mut *instance, 0, Double::default()).1.unwrap_err();

    assert_eq!(instance.memory_bytes(), 131_072);
}

#[test]
fn modules_outlive_the_host_that_made_them_and_may_go_to_other_threads() {
    let imports = imports(&[("reply_null", "")]);
    let wasm = command(&imports, "(call $reply_null) (i32.const 0)");
    let module = {
        use tenure_plugin_abi::Compiler;
        let host = tenure_plugin_host::PluginHost::new(tenure_plugin_host::Options::default()).unwrap();
        host.compile(&wasm).unwrap()
    };
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let module = Arc::clone(&module);
            std::thread::spawn(move || call(&mut *module.instantiate().unwrap(), 0, Double::default()).1)
        })
        .collect();

    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}
