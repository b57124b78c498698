//! `tenure plugin push`
//! Promises: what is sent is a module of WebAssembly; a text (.wat) is assembled here first.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use tenure_admin::calls;
use tenure_plugin_abi::MODULE_BYTES_MAX;

use super::show;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::{Failure, OrHint};
use crate::output::{printable_lines, say};

/// How every module begins.
const MAGIC: &[u8] = b"\0asm";
/// The longest text of a module that is read.
const TEXT_BYTES_MAX: u64 = 64 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A module of WebAssembly, or its text, .wat, which is assembled here.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only look whether it would be taken.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let module = module_in(&arguments.file)?;
    let tenant = arguments.tenant.resolve(&client)?;
    let call = calls::push_plugin(&tenant, module, arguments.dry_run);
    let plugin = client.send(call)?;
    if arguments.dry_run {
        say("nothing was kept: this is what it would be");
    }
    client.output.show(&plugin, || show::text(&plugin))
}

fn module_in(path: &Path) -> Result<Vec<u8>, Failure> {
    let module = assembled(read(path)?, path)?;
    if module.len() > MODULE_BYTES_MAX {
        let error = anyhow!(
            "{} has {} bytes, and a module at most {MODULE_BYTES_MAX}",
            path.display(),
            module.len()
        );
        return Err(Failure::usage(
            error,
            "strip its debug sections, such as with wasm-strip",
        ));
    }
    Ok(module)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(TEXT_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let read = read().with_context(|| format!("could not read {}", path.display()));
    read.or_hint("name the file of a module, .wasm or .wat")
}

fn assembled(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, Failure> {
    if bytes.starts_with(MAGIC) {
        return Ok(bytes);
    }
    if path.extension().is_none_or(|extension| extension != "wat") {
        let error = anyhow!("{} is no module of WebAssembly", path.display());
        return Err(Failure::usage(
            error,
            "build one, a core module and no component; a text is named .wat",
        ));
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{} is no text", path.display()));
    let text = text.or_hint("a .wat file is text in UTF-8")?;
    wat::parse_str(&text).map_err(|mut error| {
        error.set_path(path);
        Failure::usage(
            anyhow!("{}", printable_lines(&error.to_string())),
            "correct the text: the place is named above",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        module_in(&path).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_module_is_sent_as_it_is_and_a_text_as_what_it_stands_for() {
        let module = written("a.wat", b"(module)").unwrap();
        assert_eq!(module, b"\0asm\x01\0\0\0");
        assert_eq!(written("a.wasm", &module).unwrap(), module);
        assert_eq!(written("a", &module).unwrap(), module);
    }

    #[test]
    fn what_is_no_module_is_not_sent() {
        for (name, bytes, said) in [
            ("a.wasm", &b"(module)"[..], "is no module of WebAssembly"),
            ("a.wasm", b"", "is no module of WebAssembly"),
            ("a.wat", b"\xff\xfe", "is no text"),
            ("a.wat", b"(module\n (func $a (call $b)))", "a.wat:2:"),
        ] {
            let failure = written(name, bytes).unwrap_err();
            assert!(failure.contains(said) && failure.contains("\nhint: "), "{failure}");
        }
        let large = [b"\0asm\x01\0\0\0", &vec![0; MODULE_BYTES_MAX][..]].concat();
        assert!(
            written("a.wasm", &large)
                .unwrap_err()
                .contains("and a module at most 4194304")
        );
        let missing = module_in(Path::new("/no/such.wasm")).unwrap_err().to_string();
        assert!(
            missing.starts_with("error: could not read /no/such.wasm: "),
            "{missing}"
        );
    }
}
