//! `cargo xtask gen`: the Rust code that is made from the `.proto` files, the messages and the services apart.
//! Promises: the same `.proto` files give the same text on every machine, formatted as `cargo fmt` does it; nothing but a
//! Rust toolchain is needed, no protoc. What it writes is committed, so that no build needs any of this and review sees
//! what changes. Leaves to the check `generated`: that the tree has it.

use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use prost_build::{Config, Module};
use tonic_prost_build::FileDescriptorSet;

use crate::command;
use crate::repo::Repo;

/// Where the `.proto` files lie, in folders named after their package.
const PROTO: &str = "api/wire/proto/";
/// What nodes of the log and their callers say.
const LOG: Package = Package {
    name: "tenure.log.v1",
    messages: "::tenure_wire::log_v1",
};
/// What the control plane and data nodes say.
const CONTROL: Package = Package {
    name: "tenure.control.v1",
    messages: "::tenure_wire::control_v1",
};

/// A package of `.proto` files.
#[derive(Debug, Clone, Copy)]
struct Package {
    /// As its files name it.
    name: &'static str,
    /// The module that its messages are in.
    messages: &'static str,
}

/// Which halves of a service are generated.
#[derive(Debug, Clone, Copy)]
struct Halves {
    client: bool,
    server: bool,
}

/// One generated file, as it should be.
#[derive(Debug)]
pub(crate) struct Generated {
    /// From the repository's root.
    pub(crate) path: &'static str,
    pub(crate) text: String,
}

/// Writes what differs.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    for file in all(repo)? {
        let is_there = repo.read(file.path).is_ok_and(|text| text == file.text);
        if !is_there {
            repo.write(file.path, &file.text)?;
        }
        println!("{} {}", if is_there { "unchanged:" } else { "written:" }, file.path);
    }
    Ok(())
}

/// Every generated file. Writes nothing.
pub(crate) fn all(repo: &Repo) -> Result<Vec<Generated>> {
    const BOTH: Halves = Halves {
        client: true,
        server: true,
    };
    let client = Halves { server: false, ..BOTH };
    let server = Halves { client: false, ..BOTH };
    let protos = Protos::load(repo)?;
    let log_messages = "The messages of the log service and of its voters, as they are sent and stored.";
    let log_services = "The services `Log` and `Raft`: their clients, and the traits of their servers.";
    let control_messages = "The messages between the control plane and data nodes, as they are sent and stored.";
    let files = [
        ("api/wire/src/log_v1.rs", protos.messages(LOG, log_messages)?),
        (
            "api/wire/src/control_v1.rs",
            protos.messages(CONTROL, control_messages)?,
        ),
        (
            "log-quorum/node/src/generated.rs",
            protos.services(LOG, log_services, BOTH)?,
        ),
        (
            "dataplane/server/src/generated.rs",
            protos.services(CONTROL, "The client of the control plane's service `Nodes`.", client)?,
        ),
        (
            "controlplane/server/src/generated.rs",
            protos.services(CONTROL, "The service `Nodes`: the trait of its server.", server)?,
        ),
    ];
    let generated = |(path, text): (_, String)| {
        let text = formatted(repo, &text).with_context(|| format!("could not format {path}"))?;
        Ok(Generated { path, text })
    };
    files.into_iter().map(generated).collect()
}

/// The `.proto` files.
struct Protos {
    /// Compiled, each after those that it imports.
    compiled: FileDescriptorSet,
}

impl Protos {
    fn load(repo: &Repo) -> Result<Protos> {
        let is_proto = |path: &String| path.starts_with(PROTO) && path.ends_with(".proto");
        let paths: Vec<_> = repo.files()?.into_iter().filter(is_proto).collect();
        let on_disk = paths.iter().map(|path| repo.root().join(path));
        let compiled = protox::compile(on_disk, [repo.root().join(PROTO)])
            // Its `Display` keeps the line to itself.
            .map_err(|error| anyhow!("could not compile the files of {PROTO}: {error:?}"))?;
        in_known_packages(&compiled)?;
        Ok(Protos { compiled })
    }

    /// The messages alone: they are stored as well as sent, and who reads them back needs no server.
    fn messages(&self, package: Package, promise: &str) -> Result<String> {
        let mut config = Config::new();
        // A payload is then a view of the buffer that it arrived in, not a copy.
        config.bytes(["."]);
        self.rust(package, promise, "missing_docs, clippy::all", config)
    }

    /// The services alone. Their messages are those of `tenure-wire`.
    fn services(&self, package: Package, promise: &str, halves: Halves) -> Result<String> {
        let mut config = Config::new();
        config.extern_path(format!(".{}", package.name), package.messages);
        let services = tonic_prost_build::configure()
            .build_client(halves.client)
            .build_server(halves.server);
        config.service_generator(services.service_generator());
        self.rust(package, promise, "unreachable_pub, clippy::all", config)
    }

    /// The source of one generated file, not formatted yet.
    fn rust(&self, package: Package, promise: &str, allowed: &str, mut config: Config) -> Result<String> {
        let module = Module::from_protobuf_package_name(package.name);
        let files = self.compiled.file.iter().filter(|file| file.package() == package.name);
        let files: Vec<_> = files.collect();
        let made_from: String = files
            .iter()
            .map(|file| format!("//! - `{PROTO}{}`\n", file.name()))
            .collect();
        let files = files.into_iter().map(|file| (module.clone(), file.clone()));
        let code = config.generate(files.collect())?.remove(&module).unwrap_or_default();
        Ok(format!(
            "//! {promise}\n\
             //! Generated by `cargo xtask gen`. Do not edit this file; change those it is made from:\n\
             //!\n\
             {made_from}\n\
             #![allow({allowed})]\n\n\
             {code}"
        ))
    }
}

/// Refuses a file of another package: nobody would write what is made of it.
fn in_known_packages(compiled: &FileDescriptorSet) -> Result<()> {
    let known = [LOG.name, CONTROL.name];
    match compiled.file.iter().find(|file| !known.contains(&file.package())) {
        None => Ok(()),
        Some(stranger) => bail!(
            "{PROTO}{} is in the package `{}`, and only {} have a place in the tree\n\
             hint: move it to one of them, or give its package files in ops/xtask/src/generate.rs",
            stranger.name(),
            stranger.package(),
            known.join(" and ")
        ),
    }
}

/// What `cargo fmt` would make of this source.
fn formatted(repo: &Repo, source: &str) -> Result<String> {
    let mut rustfmt = Command::new(std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into()));
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(repo.root());
    command::filter(rustfmt, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of the log and of the control plane; services of the log, for data nodes, for the control plane.
    fn generated() -> [String; 5] {
        let all = all(&Repo::open().unwrap()).unwrap();
        let texts: Vec<_> = all.into_iter().map(|file| file.text).collect();
        texts.try_into().unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_text() {
        assert_eq!(generated(), generated());
    }

    #[test]
    fn messages_need_no_server_and_services_bring_no_messages() {
        let [log, control, services, client, server] = generated();

        assert!(log.contains("pub struct Append {") && !log.contains("tonic"));
        assert!(control.contains("pub struct Desired {") && !control.contains("tonic"));
        assert!(services.contains("pub trait Log:") && !services.contains("prost::Message"));
        assert!(client.contains("pub mod nodes_client") && !client.contains("pub trait Nodes"));
        assert!(server.contains("pub trait Nodes:") && !server.contains("nodes_client"));
    }

    #[test]
    fn a_generated_file_says_how_to_change_it() {
        for text in generated() {
            assert!(text.starts_with("//! The "), "{text}");
            assert!(text.contains("\n//! Generated by `cargo xtask gen`."), "{text}");
            let log = text.contains("\n//! - `api/wire/proto/tenure/log/v1/call.proto`\n");
            let control = text.contains("\n//! - `api/wire/proto/tenure/control/v1/session.proto`\n");
            assert!(log != control, "{text}");
        }
    }

    #[test]
    fn a_file_of_another_package_is_refused() {
        let mut compiled = Protos::load(&Repo::open().unwrap()).unwrap().compiled;
        compiled.file[1].package = Some("tenure.log.v2".to_owned());

        let refusal = in_known_packages(&compiled).unwrap_err().to_string();

        assert!(
            refusal.contains(".proto is in the package `tenure.log.v2`"),
            "{refusal}"
        );
        assert!(refusal.contains("\nhint: "), "{refusal}");
    }
}
