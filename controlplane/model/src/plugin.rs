//! Plugins: modules that tenants pushed, and the clusters that run them.
//! Promises: versions compare as numbers, so the newest is found. Leaves to `plugins/abi`: what a module may be, and what its
//! manifest says.

use std::fmt;
use std::str::FromStr;

use tenure_types::WallTime;

use crate::{ClusterId, PluginId, Revision, TenantKey};

/// Versions of plugins, all together, that one tenant may keep.
pub const PLUGINS_OF_TENANT_MAX: u64 = 100;
/// Bytes of modules that one tenant may keep.
pub const PLUGIN_BYTES_OF_TENANT_MAX: u64 = 64 << 20;
/// Plugins that one cluster may run.
pub const PLUGINS_OF_CLUSTER_MAX: u64 = 16;

/// A version of a plugin. Its module lies beside it, and is read only by who sends it to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Its id.
    pub id: PluginId,
    /// Who pushed it.
    pub tenant: TenantKey,
    /// As its manifest has it. With the version unique within the tenant.
    pub name: String,
    /// As its manifest has it.
    pub version: PluginVersion,
    /// Of the module: the same bytes are the same plugin.
    pub sha256: [u8; 32],
    /// How long the module is.
    pub bytes: u64,
    /// What the module says of itself: JSON, as it was checked.
    pub manifest: String,
    /// When it was pushed.
    pub created_at: WallTime,
}

/// A plugin that a cluster runs. A cluster runs one version of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The cluster.
    pub cluster: ClusterId,
    /// The plugin's name. With the cluster it is the row's key.
    pub name: String,
    /// Which version of it. What follows is that one's: to put an attachment it is looked up, not written.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// Its hash.
    pub sha256: [u8; 32],
    /// How long its module is.
    pub bytes: u64,
    /// When this version was attached.
    pub attached_at: WallTime,
    /// How often it was changed.
    pub revision: Revision,
}

/// Three numbers, as in `1.0.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginVersion {
    /// The first counts most.
    pub numbers: [u32; 3],
}

/// Text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version: three numbers, as in 1.0.2")]
pub struct PluginVersionError {
    /// The text.
    pub text: String,
}

impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for PluginVersion {
    type Err = PluginVersionError;

    /// Takes only what `Display` writes: two spellings of one version would compare as two.
    fn from_str(text: &str) -> Result<Self, PluginVersionError> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers
            .map(|numbers| Self { numbers })
            .filter(|version| version.to_string() == text)
            .ok_or_else(|| PluginVersionError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_have_one_spelling() {
        let version = |text: &str| text.parse::<PluginVersion>().unwrap();
        assert!(version("1.10.0") > version("1.9.99"));
        assert!(version("2.0.0") > version("1.999999.0"));
        assert_eq!(version("1.0.2").to_string(), "1.0.2");
        for bad in [
            "", "1", "1.0", "1.0.0.0", "1.0.x", "01.0.0", "+1.0.0", "1..0", " 1.0.0", "1.0.-1",
        ] {
            assert!(bad.parse::<PluginVersion>().is_err(), "{bad}");
        }
    }
}
