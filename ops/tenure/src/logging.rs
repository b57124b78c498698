//! Where logs go: to stderr, as text for people or JSON for machines.
//! Promises: stdout stays free for what a command answers. What is logged is chosen by TENURE_LOG, such as `info` or
//! `info,tenure_log_node=debug`; default `info`, of openraft warnings only.

use std::env;
use std::io;

use anyhow::anyhow;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::failure::{DEFECT, Failure, OrHint};

const FILTER_VARIABLE: &str = "TENURE_LOG";
/// openraft writes its whole state at info, with every vote.
const FILTER_DEFAULT: &str = "info,openraft=warn";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Sets up logging for this process. Once: a process has one log.
pub(crate) fn start(format: LogFormat) -> Result<(), Failure> {
    let filter = filter(env::var(FILTER_VARIABLE).ok().as_deref())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started
        .map_err(|error| anyhow!("could not start logging: {error}"))
        .or_hint(DEFECT)
}

fn filter(text: Option<&str>) -> Result<EnvFilter, Failure> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or(FILTER_DEFAULT);
    EnvFilter::try_new(text)
        .map_err(|error| anyhow!("{FILTER_VARIABLE}={text:?} is not a filter: {error}"))
        .or_hint(format!(
            "write {FILTER_VARIABLE}=info, or {FILTER_VARIABLE}=info,tenure_log_node=debug"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_filter_everything_from_info_is_logged_but_of_openraft_only_warnings() {
        for text in [None, Some(""), Some(" ")] {
            assert_eq!(filter(text).unwrap().to_string(), "openraft=warn,info");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        let said = filter(Some("info,tenure=loud")).unwrap_err().to_string();
        assert!(
            said.contains("TENURE_LOG=\"info,tenure=loud\" is not a filter"),
            "{said}"
        );
    }
}
