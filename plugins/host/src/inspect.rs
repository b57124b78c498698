//! What a module says it is, read before it is compiled.
//! Promises: what passes has one manifest, imports only what is offered, and is bounded in everything that makes compiling
//! expensive: bytes, functions, the size and the locals of each, tables. Leaves to wasmtime whether it is valid WebAssembly.

use tenure_plugin_abi::{COMMAND_INTERFACE, MANIFEST_SECTION, MODULE_BYTES_MAX, Manifest, Unfit};
use wasmparser::{BinaryReaderError, Encoding, FunctionBody, Import, Parser, Payload, TypeRef};

use crate::imports;

/// Functions of one module.
pub const FUNCTIONS_MAX: u64 = 20_000;

/// Code of one function. Compiling takes more than linear time in it.
pub const FUNCTION_BYTES_MAX: u64 = 512 << 10;

/// Locals of one function.
pub const LOCALS_MAX: u64 = 5_000;

/// Elements of a module's table.
pub const TABLE_ELEMENTS_MAX: u64 = 20_000;

/// Bytes of a page of WebAssembly.
const PAGE_BYTES: u64 = 64 << 10;

/// Reads the module's manifest, if the module is worth compiling.
pub(crate) fn inspect(wasm: &[u8]) -> Result<Manifest, Unfit> {
    if wasm.len() > MODULE_BYTES_MAX {
        return Err(Unfit::TooLarge {
            bytes: wasm.len(),
            max: MODULE_BYTES_MAX,
        });
    }
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(wasm) {
        seen.look(&payload.map_err(invalid)?)?;
    }
    let manifest = Manifest::parse(seen.manifest.ok_or(Unfit::NoManifest)?)?;
    at_most("memory at its start", seen.memory_bytes, manifest.limits.memory_bytes)?;
    Ok(manifest)
}

#[derive(Default)]
struct Seen<'a> {
    manifest: Option<&'a [u8]>,
    memory_bytes: u64,
}

impl<'a> Seen<'a> {
    fn look(&mut self, payload: &Payload<'a>) -> Result<(), Unfit> {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "wasmtime judges all other parts of a module"
        )]
        match payload {
            Payload::Version { encoding, .. } if *encoding != Encoding::Module => Err(Unfit::Invalid {
                reason: "it is a component, and plugins are core modules".to_owned(),
            }),
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => self.see_manifest(section.data()),
            Payload::ImportSection(section) => {
                let mut imports = section.clone().into_imports();
                imports.try_for_each(|import| check_import(&import.map_err(invalid)?))
            }
            Payload::FunctionSection(section) => at_most("functions", section.count().into(), FUNCTIONS_MAX),
            Payload::TableSection(section) => {
                let mut tables = section.clone().into_iter();
                tables.try_for_each(|table| {
                    at_most(
                        "elements of a table",
                        table.map_err(invalid)?.ty.initial,
                        TABLE_ELEMENTS_MAX,
                    )
                })
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let pages = memory.map_err(invalid)?.initial;
                    self.memory_bytes = self.memory_bytes.saturating_add(pages.saturating_mul(PAGE_BYTES));
                }
                Ok(())
            }
            Payload::CodeSectionEntry(body) => check_body(body),
            _ => Ok(()),
        }
    }

    fn see_manifest(&mut self, manifest: &'a [u8]) -> Result<(), Unfit> {
        if self.manifest.replace(manifest).is_some() {
            return Err(Unfit::Invalid {
                reason: format!("it has more than one section {MANIFEST_SECTION}"),
            });
        }
        Ok(())
    }
}

fn check_import(import: &Import<'_>) -> Result<(), Unfit> {
    let Import { module, name, ty } = *import;
    if matches!(ty, TypeRef::Func(_)) && imports::is_offered(module, name) {
        return Ok(());
    }
    let of_interface = module.strip_prefix("tenure_");
    let offered = if module == COMMAND_INTERFACE || module == imports::WASI {
        format!("the functions of {COMMAND_INTERFACE} and {}", imports::WASI)
    } else if of_interface.is_some() {
        format!("this version of Tenure has {COMMAND_INTERFACE}, and the module was made for another")
    } else {
        format!("only {COMMAND_INTERFACE} and {}", imports::WASI)
    };
    Err(Unfit::UnknownImport {
        module: shown(module),
        name: shown(name),
        offered,
    })
}

/// A name of a module, for a sentence.
fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    name.chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect()
}

fn check_body(body: &FunctionBody<'_>) -> Result<(), Unfit> {
    let range = body.range();
    let bytes = u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(u64::MAX);
    at_most("bytes of one function", bytes, FUNCTION_BYTES_MAX)?;
    let mut locals = 0_u64;
    for group in body.get_locals_reader().map_err(invalid)? {
        let (count, _) = group.map_err(invalid)?;
        locals = locals.saturating_add(count.into());
    }
    at_most("locals of one function", locals, LOCALS_MAX)
}

fn at_most(what: &str, wants: u64, max: u64) -> Result<(), Unfit> {
    if wants <= max {
        return Ok(());
    }
    Err(Unfit::OverLimit {
        what: what.to_owned(),
        wants,
        max,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn invalid(error: BinaryReaderError) -> Unfit {
    Unfit::Invalid {
        reason: error.to_string(),
    }
}
