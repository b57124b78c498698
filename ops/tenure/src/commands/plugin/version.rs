//! Plugins as they are named on the command line.

use std::str::FromStr;

use tenure_control_model::PluginVersion;

/// `NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) version: PluginVersion,
}

/// `NAME`, or `NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MaybeNamed {
    pub(super) name: String,
    pub(super) version: Option<PluginVersion>,
}

/// A text that names no version.
#[derive(Debug, thiserror::Error)]
#[error("expected NAME@VERSION, such as ratelimit@1.0.2")]
pub(super) struct NotNamed;

impl FromStr for Named {
    type Err = NotNamed;

    fn from_str(text: &str) -> Result<Self, NotNamed> {
        let MaybeNamed { name, version } = text.parse()?;
        let version = version.ok_or(NotNamed)?;
        Ok(Self { name, version })
    }
}

impl FromStr for MaybeNamed {
    type Err = NotNamed;

    fn from_str(text: &str) -> Result<Self, NotNamed> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().map_err(|_| NotNamed)?)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(NotNamed);
        }
        Ok(Self {
            name: name.to_owned(),
            version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_behind_an_at() {
        let named: Named = "ratelimit@1.0.2".parse().unwrap();
        assert_eq!(
            (named.name.as_str(), named.version.to_string().as_str()),
            ("ratelimit", "1.0.2")
        );
        assert_eq!("ratelimit".parse::<MaybeNamed>().unwrap().version, None);
        for bad in ["", "@1.0.0", "a@", "a@1", "a@1.0.0@2.0.0", "a@latest"] {
            assert!(
                bad.parse::<Named>().is_err() && bad.parse::<MaybeNamed>().is_err(),
                "{bad}"
            );
        }
        assert!("a".parse::<Named>().is_err());
    }
}
