//! Whatever is pushed and whatever guests name, nothing of the host's breaks.

use std::sync::LazyLock;

use proptest::prelude::*;
use tenure_plugin_abi::{Compiler, Failure, Module};
use tenure_plugin_examples::{ratelimit, tally};

use crate::double::{Double, call, compile, plugin_host, wasm};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(plugin_host().compile(&bytes).is_err());
        let header = [b"\0asm\x01\0\0\0", bytes.as_slice()].concat();
        prop_assert!(plugin_host().compile(&header).is_err());
    }
}

proptest! {
    // Each may compile a module.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// What is still taken still ends, whatever it does.
    #[test]
    fn modules_with_flipped_bits_are_refused_or_run_to_an_end(
        which in any::<bool>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        let mut wasm = if which { ratelimit() } else { tally() };
        for (at, bit) in flips {
            let at = at.index(wasm.len());
            wasm[at] ^= 1 << bit;
        }
        if let Ok(mut instance) = plugin_host().compile(&wasm).map_err(|_| ()).and_then(|module| module.instantiate().map_err(|_| ())) {
            let double = Double::with(["X", "k", "2", "1000"]).answering(":1\r\n");
            let (double, _) = call(&mut *instance, 0, double);
            prop_assert_eq!(double.args.len(), 4);
        }
    }
}

/// A command for each function that takes places; its arguments are the guest's arguments, eight bytes each.
const FUNCTIONS: [(&str, &str, usize); 12] = [
    ("arg_read", "(param i32 i32 i32) (result i32)", 3),
    ("call", "(param i32 i32) (result i32)", 2),
    ("get", "(param i32 i32) (result i32)", 2),
    ("set", "(param i32 i32 i32 i32 i64) (result i32)", 5),
    ("result_read", "(param i32 i32 i32) (result i32)", 3),
    ("reply_simple", "(param i32 i32)", 2),
    ("reply_error", "(param i32 i32)", 2),
    ("reply_bulk", "(param i32 i32)", 2),
    ("reply_verbatim", "(param i32 i32 i32 i32)", 4),
    ("fail", "(param i32 i32)", 2),
    ("log", "(param i32 i32 i32)", 3),
    ("arg_len", "(param i32) (result i32)", 1),
];

static ANY_CALL: LazyLock<std::sync::Arc<dyn Module>> = LazyLock::new(|| {
    let mut imports = String::new();
    let mut cases = String::new();
    for (number, (name, ty, parameters)) in FUNCTIONS.into_iter().enumerate() {
        imports += &format!(r#"(import "tenure_command_1_0" "{name}" (func ${name} {ty}))"#);
        let argument = |at: usize| match (name, at) {
            ("set", 4) => format!("(i64.load (i32.const {}))", 8 * at),
            _ => format!("(i32.load (i32.const {}))", 8 * at),
        };
        let arguments: String = (0..parameters).map(argument).collect();
        let call = format!("(call ${name} {arguments})");
        let call = if ty.contains("result") {
            format!("(drop {call})")
        } else {
            call
        };
        cases += &format!("(if (i32.eq (local.get $command) (i32.const {number})) (then {call}))");
    }
    let fields = format!(
        r#"{imports} (memory (export "memory") 1) (data (i32.const 1024) "some text")
        (func (export "tenure_command_1_0") (param $command i32) (result i32)
            (drop (call $arg_read (i32.const 0) (i32.const 0) (i32.const 64)))
            {cases} (i32.const 1))"#
    );
    compile(&wasm(&fields)).unwrap()
});

/// Numbers near the ends of what is there.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..64_u64,
        1020..1040_u64,
        65_500..65_540_u64,
        u64::from(u32::MAX) - 64..=u64::from(u32::MAX),
        any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_places_and_lengths_end_in_an_answer_or_in_misuse(
        function in 0..FUNCTIONS.len(),
        numbers in proptest::collection::vec(number(), 8),
    ) {
        let argument: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let double = Double { args: vec![argument.clone()], ..Double::default() };
        let (double, outcome) = call(&mut *ANY_CALL.instantiate().unwrap(), function, double);
        prop_assert_eq!(&double.args, &vec![argument]);
        match outcome {
            Ok(()) => prop_assert!(false, "it returns 1"),
            Err(Failure::Refused { .. }) => {}
            Err(Failure::Fault(fault)) => {
                prop_assert!(["misuse", "too-much", "reply"].contains(&fault.reason()), "{}", fault);
            }
        }
    }
}
