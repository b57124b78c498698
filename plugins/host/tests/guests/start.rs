//! What an instance does before its first call.

use tenure_plugin_abi::{Compiler, Fault, Unfit};
use tenure_plugin_host::START_MILLIS_MAX;

use crate::double::{Double, call, compile, import, instance, plugin_host, wasm};

const COMMAND: &str = r#"(memory (export "memory") 1)
    (func (export "tenure_command_1_0") (param i32) (result i32)
        (call $reply_integer (i64.load (i32.const 0))) (i32.const 0))"#;

fn starting(fields: &str) -> Vec<u8> {
    wasm(&format!(
        "{} {COMMAND} {fields}",
        import("reply_integer", "(param i64)")
    ))
}

const ADD: &str = "(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))";

#[test]
fn initialize_runs_once_for_each_instance_after_the_start_function() {
    let wasm = starting(&format!(
        r#"(func $start (i64.store (i32.const 0) (i64.const 40))) (start $start)
        (func (export "_initialize") {ADD})"#
    ));
    for _ in 0..2 {
        let mut instance = instance(&wasm);
        for _ in 0..2 {
            assert_eq!(call(&mut *instance, 0, Double::default()).0.reply, [":41"]);
        }
    }
}

fn does_not_start(fields: &str) -> Fault {
    let wasm = starting(fields);
    let fault = compile(&wasm).unwrap().instantiate().err().unwrap();
    // The check of what tenants push finds the same.
    assert_eq!(
        plugin_host().check(&wasm),
        Err(Unfit::DoesNotStart { fault: fault.clone() })
    );
    fault
}

#[test]
fn a_start_that_loops_ends() {
    let time_out = Fault::TimeOut {
        limit_millis: START_MILLIS_MAX,
    };

    assert_eq!(
        does_not_start("(func $start (loop $again (br $again))) (start $start)"),
        time_out
    );
    assert_eq!(
        does_not_start(r#"(func (export "_initialize") (loop $again (br $again)))"#),
        time_out
    );
}

#[test]
fn a_start_that_traps_is_a_fault_and_its_instance_is_gone() {
    let trap = |trap: &str| Fault::Trap { trap: trap.to_owned() };

    let unreachable = "wasm `unreachable` instruction executed";
    assert_eq!(
        does_not_start("(func $start (unreachable)) (start $start)"),
        trap(unreachable)
    );
    assert_eq!(
        does_not_start(r#"(data (i32.const 65536) "x")"#),
        trap("out of bounds memory access")
    );
}

#[test]
fn a_start_has_no_more_memory_than_a_call() {
    let fields = "(func $start
        (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (unreachable)) (start $start)";

    assert_eq!(does_not_start(fields), Fault::Memory { limit_bytes: 131_072 });
}

#[test]
fn a_start_finds_no_data_and_no_time() {
    let fields = format!(
        r#"{} {}
        (memory (export "memory") 1) (global $seen (mut i64) (i64.const 0))
        (func $start (global.set $seen (i64.extend_i32_s (i32.add
            (i32.mul (i32.const 10) (call $get (i32.const 0) (i32.const 1)))
            (i32.wrap_i64 (call $now_millis)))))) (start $start)
        (func (export "tenure_command_1_0") (param i32) (result i32)
            (call $reply_integer (global.get $seen)) (i32.const 0))"#,
        import("get", "(param i32 i32) (result i32)") + &import("reply_integer", "(param i64)"),
        import("now_millis", "(result i64)"),
    );
    let mut instance = instance(&wasm(&fields));

    assert_eq!(call(&mut *instance, 0, Double::with(["PLUG.DO"])).0.reply, [":20"]);
}

#[test]
fn what_starts_passes_the_check_and_its_manifest_comes_back() {
    let wasm = starting("");

    let manifest = plugin_host().check(&wasm).unwrap();

    assert_eq!(&manifest, plugin_host().compile(&wasm).unwrap().manifest());
    assert_eq!(manifest.name, "plug");
}
