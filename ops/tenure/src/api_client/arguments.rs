//! Which control plane a command calls, and as whom: flags, then the environment, then the context file.
//! Promises: no token is on the command line, where every user of the machine could read it; the token and the CA of the
//! context file are used for the URL in it only; nothing but HTTPS is spoken.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use ureq::http::Uri;

use super::context_file::{self, ContextFile};
use super::{ApiClient, Limits};
use crate::failure::{Failure, OrHint};
use crate::output::Output;

/// Flags of every command that calls the control plane.
#[derive(Args)]
pub(crate) struct ApiArguments {
    /// URL of the control plane, such as https://127.0.0.1:7400. Default TENURE_API, then `api` of the context file.
    #[arg(long, value_name = "URL", help_heading = "Control plane")]
    api: Option<String>,
    /// File with the API key's token in it. Default TENURE_TOKEN, which is the token itself, then `token` of the context file.
    #[arg(long, value_name = "FILE", help_heading = "Control plane")]
    token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the control plane's certificate. Default TENURE_CA, then `ca` of the context file.
    #[arg(long, value_name = "FILE", help_heading = "Control plane")]
    ca: Option<PathBuf>,
    /// For people, or for programs: one JSON document. With json, what the control plane refuses is told on stderr as JSON, too.
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = "Control plane")]
    output: Output,
}

/// A control plane, and what opens it.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Target {
    /// Scheme, host and port; no slash at the end.
    pub(super) url: String,
    pub(super) token: String,
    /// Where the token came from, for messages.
    pub(super) token_from: String,
    pub(super) ca: PathBuf,
}

impl ApiArguments {
    /// A client of what is meant. Nothing is sent yet.
    pub(crate) fn connect(&self) -> Result<ApiClient, Failure> {
        let environment = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let target = self.target(&environment)?;
        ApiClient::new(&target, Limits::default(), self.output)
    }

    fn target(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Target, Failure> {
        let context = match context_file::path(environment) {
            Some(path) => context_file::read(&path)?,
            None => ContextFile::default(),
        };
        let context_api = context.api.as_deref().map(checked_url).transpose()?;
        let named = self.api.clone().or_else(|| environment("TENURE_API"));
        let named = named.as_deref().map(checked_url).transpose()?;
        let url = named.or_else(|| context_api.clone()).ok_or_else(|| {
            missing(
                "no control plane is named",
                "--api URL, TENURE_API, or api in the context file",
            )
        })?;
        // Whoever is shown a token can use it.
        let context = if context_api.as_ref() == Some(&url) {
            context
        } else {
            ContextFile::default()
        };
        let (token, token_from) = self.token(environment, context.token)?;
        let ca = self.ca.clone().or_else(|| environment("TENURE_CA").map(PathBuf::from));
        let ca = ca.or(context.ca).ok_or_else(|| {
            let what = format!("nothing says which authority signed the certificate of {url}");
            missing(&what, "--ca FILE, TENURE_CA, or ca in the context file")
        })?;
        Ok(Target {
            url,
            token,
            token_from,
            ca,
        })
    }

    fn token(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
        of_context: Option<String>,
    ) -> Result<(String, String), Failure> {
        if let Some(path) = &self.token_file {
            let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
            let text = text.or_hint("--token-file is a file with one line in it: the token of an API key")?;
            return Ok((text.trim().to_owned(), path.display().to_string()));
        }
        if let Some(token) = environment("TENURE_TOKEN") {
            return Ok((token.trim().to_owned(), "TENURE_TOKEN".to_owned()));
        }
        let of_context = of_context.map(|token| (token, "the context file".to_owned()));
        of_context.ok_or_else(|| {
            missing(
                "there is no token to be let in with",
                "--token-file FILE, TENURE_TOKEN, or token in the context file (its api has to be the same)",
            )
        })
    }
}

fn missing(what: &str, ways: &str) -> Failure {
    Failure::usage(
        anyhow!("{what}"),
        format!("{ways}; `tenure dev` writes url, token and ca of its control plane to dev.json"),
    )
}

/// The URL without what does not belong to it.
fn checked_url(text: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        let error = anyhow!("{text:?} is no URL of a control plane: {why}");
        Failure::usage(error, "it is https://HOST:PORT, such as https://127.0.0.1:7400")
    };
    let url: Uri = text
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("it cannot be read"))?;
    match url.scheme_str() {
        Some("https") => {}
        Some("http") => return Err(wrong("the token never goes over plain HTTP, not on loopback either")),
        Some(_) | None => return Err(wrong("it begins with something else than https://")),
    }
    let authority = url.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it has a user in it"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(wrong("it has a path or a query"));
    }
    Ok(format!("https://{authority}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        variables: BTreeMap<&'static str, String>,
    }

    impl World {
        fn new(context: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("tenure");
            fs::create_dir(&path).unwrap();
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600);
            std::io::Write::write_all(&mut file.open(path.join("context.toml")).unwrap(), context.as_bytes()).unwrap();
            let home = folder.path().display().to_string();
            Self {
                folder,
                variables: BTreeMap::from([("XDG_CONFIG_HOME", home)]),
            }
        }

        fn with(mut self, name: &'static str, value: &str) -> Self {
            self.variables.insert(name, value.to_owned());
            self
        }

        fn target(&self, api: Option<&str>, token: Option<&str>, ca: Option<&str>) -> Result<Target, Failure> {
            let token_file = token.map(|token| {
                let path = self.folder.path().join("token");
                fs::write(&path, format!("{token}\n")).unwrap();
                path
            });
            let arguments = ApiArguments {
                api: api.map(str::to_owned),
                token_file,
                ca: ca.map(PathBuf::from),
                output: Output::Table,
            };
            arguments.target(&|name| self.variables.get(name).cloned())
        }
    }

    const CONTEXT: &str = "api = 'https://context:1'\ntoken = 'of-context'\nca = '/context.pem'\n";

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_context() {
        let world = World::new(CONTEXT);
        let target = world.target(None, None, None).unwrap();
        assert_eq!((&*target.url, &*target.token), ("https://context:1", "of-context"));
        assert_eq!(target.ca, Path::new("/context.pem"));

        let world = world
            .with("TENURE_API", "https://environment:1/")
            .with("TENURE_TOKEN", "of-environment")
            .with("TENURE_CA", "/environment.pem");
        let target = world.target(None, None, None).unwrap();
        assert_eq!(
            (&*target.url, &*target.token),
            ("https://environment:1", "of-environment")
        );
        assert_eq!(target.ca, Path::new("/environment.pem"));

        let flags = (Some("https://flag:1"), Some("of-flag"), Some("/flag.pem"));
        let target = world.target(flags.0, flags.1, flags.2).unwrap();
        assert_eq!((&*target.url, &*target.token), ("https://flag:1", "of-flag"));
        assert_eq!(target.ca, Path::new("/flag.pem"));
    }

    #[test]
    fn the_token_of_the_context_goes_to_no_other_server() {
        let world = World::new(CONTEXT);
        let said = world.target(Some("https://other:1"), None, Some("/a")).unwrap_err();
        assert!(said.to_string().contains("there is no token"), "{said}");
        let said = world.target(Some("https://other:1"), Some("t"), None).unwrap_err();
        assert!(
            said.to_string()
                .contains("which authority signed the certificate of https://other:1"),
            "{said}"
        );
        let target = world.target(Some("https://context:1/"), None, None).unwrap();
        assert_eq!(target.token, "of-context");
    }

    #[test]
    fn what_is_missing_is_exit_code_2_and_says_the_ways_to_give_it() {
        let nothing = World::new("");
        for (failure, way) in [
            (nothing.target(None, Some("t"), Some("/a")).unwrap_err(), "TENURE_API"),
            (
                nothing.target(Some("https://a"), None, Some("/a")).unwrap_err(),
                "TENURE_TOKEN",
            ),
            (
                nothing.target(Some("https://a"), Some("t"), None).unwrap_err(),
                "TENURE_CA",
            ),
        ] {
            assert_eq!(failure.exit(), crate::failure::Exit::Usage);
            assert!(failure.to_string().contains(way), "{failure}");
        }
    }

    #[test]
    fn nothing_but_https_is_spoken() {
        for (url, told) in [
            ("https://127.0.0.1:7400", Some("https://127.0.0.1:7400")),
            ("https://[::1]:7400/", Some("https://[::1]:7400")),
            ("https://control.example", Some("https://control.example")),
            ("http://127.0.0.1:7400", None),
            ("http://localhost", None),
            ("127.0.0.1:7400", None),
            ("ftp://a", None),
            ("https://", None),
            ("https://ann:secret@a", None),
            ("https://a/v1", None),
            ("https://a?b=c", None),
            ("https://a b", None),
            ("", None),
        ] {
            let checked = checked_url(url);
            assert_eq!(checked.ok().as_deref(), told, "{url}");
        }
    }
}
