//! Guests of Go and C, as far as their imports go.

use tenure_plugin_abi::{Fault, LogLevel};

use crate::double::{Double, call, compile, fault, instance, run, wasm};

fn import(name: &str, ty: &str) -> String {
    format!(r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} {ty}))"#)
}

/// The functions that a program of Go imports, whether it uses them or not.
const OF_GO: [(&str, &str); 10] = [
    ("sched_yield", "(result i32)"),
    ("proc_exit", "(param i32)"),
    ("args_get", "(param i32 i32) (result i32)"),
    ("args_sizes_get", "(param i32 i32) (result i32)"),
    ("clock_time_get", "(param i32 i64 i32) (result i32)"),
    ("environ_get", "(param i32 i32) (result i32)"),
    ("environ_sizes_get", "(param i32 i32) (result i32)"),
    ("fd_write", "(param i32 i32 i32 i32) (result i32)"),
    ("random_get", "(param i32 i32) (result i32)"),
    ("poll_oneoff", "(param i32 i32 i32 i32) (result i32)"),
];

/// A command that replies with the numbers that this expression leaves.
fn telling(numbers: usize, body: &str) -> Vec<u8> {
    let imports: String = OF_GO.iter().map(|(name, ty)| import(name, ty)).collect();
    wasm(&format!(
        r#"{imports}
        (import "tenure_command_1_0" "reply_integer" (func $reply_integer (param i64)))
        (import "tenure_command_1_0" "reply_array" (func $reply_array (param i32)))
        (memory (export "memory") 1)
        (func $tell (param i32) (call $reply_integer (i64.extend_i32_s (local.get 0))))
        (func (export "tenure_command_1_0") (param i32) (result i32)
            (call $reply_array (i32.const {numbers})) {body} (i32.const 0))
        (func (export "_initialize")
            (drop (call $random_get (i32.const 512) (i32.const 8)))
            (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 520))))"#
    ))
}

fn told(numbers: usize, body: &str) -> Vec<String> {
    let (double, outcome) = run(&telling(numbers, body), Double::with(["PLUG.DO"]));
    assert_eq!(outcome, Ok(()));
    double.reply[1..].to_vec()
}

#[test]
fn there_are_no_arguments_and_no_environment() {
    let body = "
        (i64.store (i32.const 0) (i64.const -1)) (i64.store (i32.const 8) (i64.const -1))
        (call $tell (call $args_sizes_get (i32.const 0) (i32.const 4)))
        (call $reply_integer (i64.load (i32.const 0)))
        (call $tell (call $environ_sizes_get (i32.const 8) (i32.const 12)))
        (call $reply_integer (i64.load (i32.const 8)))
        (call $tell (call $args_get (i32.const 0) (i32.const 0)))
        (call $tell (call $environ_get (i32.const 0) (i32.const 0)))";

    assert_eq!(told(6, body), [":0", ":0", ":0", ":0", ":0", ":0"]);
}

#[test]
fn every_clock_shows_the_time_of_the_call() {
    let body = "
        (call $tell (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0)))
        (call $reply_integer (i64.load (i32.const 0)))
        (call $tell (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8)))
        (call $reply_integer (i64.load (i32.const 8)))";
    let now = ":1700000000000000000";

    assert_eq!(told(4, body), [":0", now, ":0", now]);
}

#[test]
fn chance_is_the_hosts() {
    let body = "
        (call $tell (call $random_get (i32.const 0) (i32.const 10)))
        (call $reply_integer (i64.load (i32.const 0)))
        (call $reply_integer (i64.load (i32.const 8)))
        (call $tell (call $random_get (i32.const 0) (i32.const 65537)))";

    // The low two bytes of the second number.
    assert_eq!(told(4, body), [":0", ":217", ":6727", ":28"]);
}

#[test]
fn what_is_written_to_the_standard_streams_is_logged() {
    let body = r#"
        (i64.store (i32.const 0) (i64.const 0x0000000200000040))
        (i64.store (i32.const 8) (i64.const 0x0000000300000042))
        (i64.store (i32.const 64) (i64.const 0x0a64636261))
        (call $tell (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 32)))
        (call $tell (i32.load (i32.const 32)))
        (call $tell (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
        (call $tell (call $fd_write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 32)))
        (call $tell (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 32)))"#;
    let (double, outcome) = run(&telling(5, body), Double::with(["PLUG.DO"]));

    assert_eq!(outcome, Ok(()));
    assert_eq!(double.reply[1..], [":0", ":5", ":0", ":8", ":28"]);
    assert_eq!(
        double.logged,
        [(LogLevel::Info, "abcd".to_owned()), (LogLevel::Warn, "ab".to_owned())]
    );
}

#[test]
fn the_rest_is_there_and_not_supported() {
    let body = "
        (call $tell (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $tell (call $sched_yield))";

    assert_eq!(told(2, body), [":52", ":0"]);
}

#[test]
fn a_program_that_exits_is_broken() {
    let wasm = telling(1, "(call $proc_exit (i32.const 3))");

    assert_eq!(
        fault(&wasm),
        Fault::Trap {
            trap: "it exited with code 3".to_owned()
        }
    );
}

#[test]
fn places_outside_of_memory_are_misuse() {
    for (function, body) in [
        ("random_get", "(drop (call $random_get (i32.const -8) (i32.const 16)))"),
        (
            "clock_time_get",
            "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529)))",
        ),
        (
            "args_sizes_get",
            "(drop (call $args_sizes_get (i32.const 65533) (i32.const 0)))",
        ),
        (
            "fd_write",
            "(drop (call $fd_write (i32.const 1) (i32.const -4) (i32.const 1) (i32.const 0)))",
        ),
        (
            "fd_write",
            "(drop (call $fd_write (i32.const 1) (i32.const -8) (i32.const 2) (i32.const 0)))",
        ),
        (
            "fd_write",
            "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const -1)))",
        ),
    ] {
        assert_eq!(fault(&telling(1, body)), Fault::Misuse { function }, "{body}");
    }
}

/// As the documents of WASI have them. Libraries of C import some of them without need.
#[test]
fn every_function_of_preview_1_loads_with_its_type() {
    let types = [
        ("clock_res_get", "i32 i32"),
        ("fd_advise", "i32 i64 i64 i32"),
        ("fd_allocate", "i32 i64 i64"),
        ("fd_close", "i32"),
        ("fd_datasync", "i32"),
        ("fd_fdstat_get", "i32 i32"),
        ("fd_fdstat_set_flags", "i32 i32"),
        ("fd_fdstat_set_rights", "i32 i64 i64"),
        ("fd_filestat_get", "i32 i32"),
        ("fd_filestat_set_size", "i32 i64"),
        ("fd_filestat_set_times", "i32 i64 i64 i32"),
        ("fd_pread", "i32 i32 i32 i64 i32"),
        ("fd_prestat_get", "i32 i32"),
        ("fd_prestat_dir_name", "i32 i32 i32"),
        ("fd_pwrite", "i32 i32 i32 i64 i32"),
        ("fd_read", "i32 i32 i32 i32"),
        ("fd_readdir", "i32 i32 i32 i64 i32"),
        ("fd_renumber", "i32 i32"),
        ("fd_seek", "i32 i64 i32 i32"),
        ("fd_sync", "i32"),
        ("fd_tell", "i32 i32"),
        ("path_create_directory", "i32 i32 i32"),
        ("path_filestat_get", "i32 i32 i32 i32 i32"),
        ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
        ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
        ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        ("path_readlink", "i32 i32 i32 i32 i32 i32"),
        ("path_remove_directory", "i32 i32 i32"),
        ("path_rename", "i32 i32 i32 i32 i32 i32"),
        ("path_symlink", "i32 i32 i32 i32 i32"),
        ("path_unlink_file", "i32 i32 i32"),
        ("proc_raise", "i32"),
        ("sock_accept", "i32 i32 i32"),
        ("sock_recv", "i32 i32 i32 i32 i32 i32"),
        ("sock_send", "i32 i32 i32 i32 i32"),
        ("sock_shutdown", "i32 i32"),
    ];
    let imports: String = types
        .iter()
        .map(|(name, parameters)| import(name, &format!("(param {parameters}) (result i32)")))
        .collect();
    let command = r#"(memory (export "memory") 1)
        (func (export "tenure_command_1_0") (param i32) (result i32)
            (call $fd_close (i32.const 3)))"#;
    let mut instance = compile(&wasm(&format!("{imports} {command}")))
        .unwrap()
        .instantiate()
        .unwrap();

    // 52 is not 0, so the command is refused.
    assert!(call(&mut *instance, 0, Double::default()).1.is_err());
}

#[test]
fn an_instance_of_a_program_begins_like_every_other() {
    let body = "(call $reply_integer (i64.load (i32.const 512))) (call $reply_integer (i64.load (i32.const 520)))";
    let wasm = telling(2, body);
    let begin = || call(&mut *instance(&wasm), 0, Double::with(["PLUG.DO"])).0.reply;

    assert_eq!(begin(), begin());
    assert_eq!(begin()[2], ":0");
}
