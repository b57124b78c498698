//! Which modules are not taken, and what their authors are told.

use tenure_plugin_abi::{MODULE_BYTES_MAX, ManifestError, Unfit};
use tenure_plugin_host::{FUNCTION_BYTES_MAX, FUNCTIONS_MAX, LOCALS_MAX, TABLE_ELEMENTS_MAX};

use crate::double::{MANIFEST, command, compile, wasm, wasm_with};

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const COMMAND: &str = r#"(func (export "tenure_command_1_0") (param i32) (result i32) (i32.const 1))"#;

fn unfit(wasm: &[u8]) -> Unfit {
    compile(wasm).err().unwrap()
}

fn reason(wasm: &[u8]) -> String {
    match unfit(wasm) {
        Unfit::Invalid { reason } => reason,
        other => panic!("another reason: {other}"),
    }
}

#[test]
fn the_smallest_module_is_taken() {
    compile(&wasm(&format!("{MEMORY} {COMMAND}"))).unwrap();
}

#[test]
fn a_module_that_is_too_large_is_refused_before_it_is_read() {
    let bytes = MODULE_BYTES_MAX + 1;

    assert_eq!(
        unfit(&vec![0; bytes]),
        Unfit::TooLarge {
            bytes,
            max: MODULE_BYTES_MAX
        }
    );
}

#[test]
fn what_is_no_webassembly_is_refused_with_the_place() {
    assert!(reason(b"").contains("unexpected end"), "{}", reason(b""));
    assert!(
        reason(b"#!/bin/sh\n").contains("magic header"),
        "{}",
        reason(b"#!/bin/sh\n")
    );
    assert!(reason(b"(module)").contains("magic header"));
    let whole = wasm(&format!("{MEMORY} {COMMAND}"));
    let cut = reason(&whole[..whole.len() - 3]);
    assert!(cut.contains("offset 0x"), "{cut}");
}

#[test]
fn a_component_is_refused() {
    assert!(reason(b"\0asm\x0d\0\x01\0").contains("component"));
}

#[test]
fn a_module_without_a_manifest_or_with_two_is_refused() {
    let bare = wat::parse_str(format!("(module {MEMORY} {COMMAND})")).unwrap();
    assert_eq!(unfit(&bare), Unfit::NoManifest);

    let again = r#"(@custom "tenure_manifest" "{}")"#;
    assert!(reason(&wasm(&format!("{again} {MEMORY} {COMMAND}"))).contains("more than one section"));
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused_by_that_rule() {
    let broken = MANIFEST.replace("PLUG.DO", "PING");
    let error = unfit(&wasm_with(&broken, &format!("{MEMORY} {COMMAND}")));
    assert!(
        matches!(error, Unfit::Manifest(ManifestError::CommandName { .. })),
        "{error}"
    );

    let error = unfit(&wasm_with("{", ""));
    assert!(
        matches!(error, Unfit::Manifest(ManifestError::Syntax { .. })),
        "{error}"
    );
}

fn unknown_import(import: &str) -> (String, String, String) {
    match unfit(&wasm(&format!("{import} {MEMORY} {COMMAND}"))) {
        Unfit::UnknownImport { module, name, offered } => (module, name, offered),
        other => panic!("another reason: {other}"),
    }
}

#[test]
fn an_import_that_is_not_offered_is_named() {
    let (module, name, offered) = unknown_import(r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#);
    assert_eq!((module.as_str(), name.as_str()), ("env", "abort"));
    assert_eq!(offered, "only tenure_command_1_0 and wasi_snapshot_preview1");

    let (_, name, _) = unknown_import(r#"(import "tenure_command_1_0" "fork" (func))"#);
    assert_eq!(name, "fork");
    for of_other_kind in [
        r#"(import "tenure_command_1_0" "call" (memory 1))"#,
        r#"(import "tenure_command_1_0" "call" (global i32))"#,
        r#"(import "env" "memory" (memory 1))"#,
    ] {
        unknown_import(of_other_kind);
    }
}

#[test]
fn a_newer_interface_is_refused_with_the_version_that_is_there() {
    for newer in ["tenure_command_1_1", "tenure_command_2_0", "tenure_evict_1_0"] {
        let (module, _, offered) = unknown_import(&format!(r#"(import "{newer}" "get" (func))"#));
        assert_eq!(module, newer);
        assert_eq!(
            offered,
            "this version of Tenure has tenure_command_1_0, and the module was made for another"
        );
    }
}

#[test]
fn names_of_imports_are_shown_within_bounds() {
    let (module, ..) = unknown_import(&format!(r#"(import "\0a{}" "x" (func))"#, "x".repeat(5000)));

    assert!(module.starts_with("\\nxx") && module.len() < 100, "{module}");
}

#[test]
fn a_function_of_another_type_is_refused() {
    let import = r#"(import "tenure_command_1_0" "get" (func (param i64) (result i32)))"#;

    let reason = reason(&wasm(&format!("{import} {MEMORY} {COMMAND}")));

    assert!(
        reason.contains("tenure_command_1_0::get") && reason.contains("incompatible import type"),
        "{reason}"
    );
}

#[test]
fn memory_and_the_command_must_be_exported() {
    let lacks = |fields: &str| match unfit(&wasm(fields)) {
        Unfit::Export { name, .. } => name,
        other => panic!("another reason: {other}"),
    };

    assert_eq!(lacks(COMMAND), "memory");
    assert_eq!(lacks(&format!("(memory 1) {COMMAND}")), "memory");
    assert_eq!(lacks(&format!(r#"(func (export "memory")) {COMMAND}"#)), "memory");
    assert_eq!(lacks(MEMORY), "tenure_command_1_0");
    for ty in [
        "",
        "(param i32)",
        "(result i32)",
        "(param i64) (result i32)",
        "(param i32 i32) (result i32)",
        "(param i32) (result i32 i32)",
    ] {
        let fields = format!(r#"{MEMORY} (func (export "tenure_command_1_0") {ty} (unreachable))"#);
        assert_eq!(lacks(&fields), "tenure_command_1_0", "{ty}");
    }
    let newer = r#"(func (export "tenure_command_1_1") (param i32) (result i32) (i32.const 1))"#;
    assert_eq!(lacks(&format!("{MEMORY} {newer}")), "tenure_command_1_0");
    let initialize = r#"(func (export "_initialize") (param i32))"#;
    assert_eq!(lacks(&format!("{MEMORY} {COMMAND} {initialize}")), "_initialize");
}

#[test]
fn what_is_not_offered_of_webassembly_is_refused() {
    for fields in [
        r#"(memory (export "memory") 1) (memory 1)"#,
        r#"(memory (export "memory") i64 1)"#,
        r#"(memory (export "memory") 1 2 shared)"#,
        r#"(memory (export "memory") 1) (func (result externref) (ref.null extern))"#,
        r#"(memory (export "memory") 1) (tag)"#,
        r#"(memory (export "memory") 1) (type (struct))"#,
        r#"(memory (export "memory") 1) (func (param v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))"#,
    ] {
        let reason = reason(&wasm(&format!("{fields} {COMMAND}")));
        assert!(!reason.is_empty());
    }
}

fn over_limit(wasm: &[u8]) -> (String, u64, u64) {
    match unfit(wasm) {
        Unfit::OverLimit { what, wants, max } => (what, wants, max),
        other => panic!("another reason: {other}"),
    }
}

#[test]
fn a_module_that_begins_with_more_memory_than_its_limit_is_refused() {
    let wasm = wasm(&format!(r#"(memory (export "memory") 3) {COMMAND}"#));

    assert_eq!(over_limit(&wasm), ("memory at its start".to_owned(), 196_608, 131_072));
}

#[test]
fn a_table_is_bounded() {
    let wants = TABLE_ELEMENTS_MAX + 1;
    let table = format!("(table {wants} funcref)");

    let wasm = wasm(&format!("{MEMORY} {table} {COMMAND}"));

    assert_eq!(
        over_limit(&wasm),
        ("elements of a table".to_owned(), wants, TABLE_ELEMENTS_MAX)
    );
}

#[test]
fn a_module_has_a_bounded_number_of_functions() {
    let functions = "(func)".repeat(usize::try_from(FUNCTIONS_MAX).unwrap());

    let wasm = wasm(&format!("{MEMORY} {COMMAND} {functions}"));

    let wants = FUNCTIONS_MAX + 1;
    assert_eq!(over_limit(&wasm), ("functions".to_owned(), wants, FUNCTIONS_MAX));
}

#[test]
fn functions_are_bounded_in_code_and_locals() {
    let wasm = command(
        "",
        &format!("{} (i32.const 1)", "(drop (v128.const i64x2 0 0))".repeat(30_000)),
    );
    let (what, wants, max) = over_limit(&wasm);
    assert_eq!((what.as_str(), max), ("bytes of one function", FUNCTION_BYTES_MAX));
    assert!(wants > max);

    let locals = "i32 ".repeat(5_001);
    let wasm = command(&format!("(func (local {locals}))"), "(i32.const 1)");
    assert_eq!(
        over_limit(&wasm),
        ("locals of one function".to_owned(), 5_001, LOCALS_MAX)
    );
}
