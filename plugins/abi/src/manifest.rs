//! What a plugin says of itself, as JSON in a custom section of its module.
//! Promises: names, numbers and texts are within their bounds, every command is under the plugin's own prefix, and no
//! command is there twice. Whatever is not known is refused by its name.

use serde::{Deserialize, Serialize};

/// The largest manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 << 10;
/// The longest name of a plugin.
pub const NAME_BYTES_MAX: usize = 16;
/// The longest name of a command, its prefix included.
pub const COMMAND_NAME_BYTES_MAX: usize = 32;
/// The longest text.
pub const TEXT_BYTES_MAX: usize = 256;
/// Commands of one plugin.
pub const COMMANDS_MAX: usize = 64;
/// Key specs of one command.
const KEYS_MAX: usize = 4;
/// The largest number of an argument in a manifest.
const ARGUMENT_MAX: u32 = 1000;
/// Memory of an instance, if its manifest does not say.
pub const MEMORY_BYTES_DEFAULT: u64 = 1 << 20;
/// The most memory of an instance.
pub const MEMORY_BYTES_MAX: u64 = 16 << 20;
/// The longest that a command may run, and how long it may if its manifest does not say.
pub const CALL_MILLIS_MAX: u32 = 10;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, unique within the tenant: a lower-case letter, then such letters, digits and `_`.
    pub name: String,
    /// Its version: three numbers, as in `1.0.2`.
    pub version: String,
    /// What it adds.
    pub kind: Kind,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Its commands. Their place in this list is the number by which the guest is called.
    pub commands: Vec<CommandManifest>,
    /// What it asks for.
    #[serde(default)]
    pub limits: Limits,
}

/// What a plugin adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Commands.
    Command,
}

/// A command of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandManifest {
    /// The plugin's name, a dot, and a word, in any case: `RATELIMIT.TAKE`.
    pub name: String,
    /// How many arguments, its name included; negative: so many or more.
    pub arity: i32,
    /// What it is like. Exactly one of `write` and `readonly`.
    pub flags: Vec<Flag>,
    /// Where its keys are. Only those may be read and written.
    pub keys: Vec<KeyManifest>,
    /// One sentence for people.
    #[serde(default)]
    pub summary: String,
    /// Such as `O(1)`.
    #[serde(default)]
    pub complexity: String,
}

/// What a command is like: as COMMAND shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "they are the flags of COMMAND")]
pub enum Flag {
    Write,
    Readonly,
    Denyoom,
    Fast,
}

/// Where some keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyManifest {
    /// The argument of the first; the name is 0.
    pub begin: u32,
    /// From there to the last: 0: the first only; -1: to the end of the arguments; -2: to the one before.
    #[serde(default)]
    pub last: i32,
    /// Each so manyth argument is a key.
    #[serde(default = "one")]
    pub step: u32,
    /// What is done to them.
    pub access: KeyAccess,
}

fn one() -> u32 {
    1
}

/// What is done to a key: as COMMAND shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAccess {
    /// It is read.
    #[serde(rename = "RO")]
    Read,
    /// It is read and written.
    #[serde(rename = "RW")]
    ReadWrite,
    /// It is overwritten.
    #[serde(rename = "OW")]
    Overwrite,
    /// It is removed.
    #[serde(rename = "RM")]
    Remove,
}

/// What a plugin asks for, within what a node gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of an instance. Default 1 MiB, at most 16 MiB.
    pub memory_bytes: u64,
    /// Processor time of one call in milliseconds. Default and at most 10.
    pub call_millis: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES_DEFAULT,
            call_millis: CALL_MILLIS_MAX,
        }
    }
}

/// A manifest that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Longer than is read.
    #[error("the manifest has {bytes} bytes, and at most {MANIFEST_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not the JSON of a manifest.
    #[error("the manifest cannot be read: {reason}")]
    Syntax {
        /// What is wrong, and where.
        reason: String,
    },
    /// A name that is none.
    #[error(
        "the plugin's name {name:?} is none: at most {NAME_BYTES_MAX} lower-case letters, digits and _, a letter first"
    )]
    Name {
        /// What it is.
        name: String,
    },
    /// A version that is none.
    #[error("the version {version:?} is none: three numbers, as in 1.0.2")]
    Version {
        /// What it is.
        version: String,
    },
    /// It adds nothing, or too much.
    #[error("the plugin has {commands} commands: 1 to {COMMANDS_MAX} are allowed")]
    Commands {
        /// How many.
        commands: usize,
    },
    /// A command under another's prefix.
    #[error(
        "the command {command:?} must be named {prefix}.WORD: at most {COMMAND_NAME_BYTES_MAX} letters, digits and _ together"
    )]
    CommandName {
        /// What it is.
        command: String,
        /// What it must begin with.
        prefix: String,
    },
    /// Twice the same.
    #[error("the command {command:?} is there twice")]
    Twice {
        /// Which.
        command: String,
    },
    /// An arity that allows nothing.
    #[error("the command {command:?} has arity {arity}: the name counts, so at least 1 or at most -1")]
    Arity {
        /// Which.
        command: String,
        /// What it is.
        arity: i32,
    },
    /// Neither of two flags, or both.
    #[error("the command {command:?} must have exactly one of the flags write and readonly")]
    WriteOrReadonly {
        /// Which.
        command: String,
    },
    /// Keys that are nowhere.
    #[error(
        "the command {command:?} has keys that cannot be: at most {KEYS_MAX} entries, begin and step 1 to {ARGUMENT_MAX}, begin within the arguments of the shortest call, last at least -2"
    )]
    Keys {
        /// Which.
        command: String,
    },
    /// A command that only reads says that it changes a key.
    #[error("the command {command:?} is readonly, so the access of its keys must be RO")]
    ReadonlyChanges {
        /// Which.
        command: String,
    },
    /// A text that is too long, or has line ends or other control characters.
    #[error("{field} must be at most {TEXT_BYTES_MAX} bytes without control characters")]
    Text {
        /// Which.
        field: String,
    },
    /// More memory than is given, or none.
    #[error("limits.memory_bytes is {bytes}: 65536 to {MEMORY_BYTES_MAX} are allowed")]
    Memory {
        /// What is asked for.
        bytes: u64,
    },
    /// More time than is given, or none.
    #[error("limits.call_millis is {millis}: 1 to {CALL_MILLIS_MAX} are allowed")]
    CallMillis {
        /// What is asked for.
        millis: u32,
    },
}

impl Manifest {
    /// Reads and checks one.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLong { bytes: json.len() });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|error| ManifestError::Syntax {
            reason: error.to_string(),
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        check_name(&self.name)?;
        check_version(&self.version)?;
        check_text("description", &self.description)?;
        if self.commands.is_empty() || self.commands.len() > COMMANDS_MAX {
            return Err(ManifestError::Commands {
                commands: self.commands.len(),
            });
        }
        for (number, command) in self.commands.iter().enumerate() {
            command.check(&self.name)?;
            let mut before = self.commands.iter().take(number);
            if before.any(|other| other.name.eq_ignore_ascii_case(&command.name)) {
                return Err(ManifestError::Twice {
                    command: command.name.clone(),
                });
            }
        }
        self.limits.check()
    }
}

impl CommandManifest {
    fn check(&self, plugin: &str) -> Result<(), ManifestError> {
        let command = || self.name.clone();
        if !is_command_name(&self.name, plugin) {
            return Err(ManifestError::CommandName {
                command: command(),
                prefix: plugin.to_ascii_uppercase(),
            });
        }
        let arguments_min = self.arity.unsigned_abs();
        if arguments_min == 0 || arguments_min > ARGUMENT_MAX {
            return Err(ManifestError::Arity {
                command: command(),
                arity: self.arity,
            });
        }
        let has = |flag| self.flags.contains(&flag);
        if has(Flag::Write) == has(Flag::Readonly) {
            return Err(ManifestError::WriteOrReadonly { command: command() });
        }
        if self.keys.len() > KEYS_MAX || !self.keys.iter().all(|key| key.is_within(arguments_min)) {
            return Err(ManifestError::Keys { command: command() });
        }
        let changes = |key: &KeyManifest| key.access != KeyAccess::Read;
        if has(Flag::Readonly) && self.keys.iter().any(changes) {
            return Err(ManifestError::ReadonlyChanges { command: command() });
        }
        check_text(&format!("the summary of {}", self.name), &self.summary)?;
        check_text(&format!("the complexity of {}", self.name), &self.complexity)
    }
}

impl KeyManifest {
    fn is_within(&self, arguments_min: u32) -> bool {
        let is_number = |number: u32| (1..=ARGUMENT_MAX).contains(&number);
        let last_max = i32::try_from(ARGUMENT_MAX).unwrap_or(i32::MAX);
        is_number(self.begin)
            && is_number(self.step)
            && self.begin < arguments_min
            && (-2..=last_max).contains(&self.last)
    }
}

impl Limits {
    fn check(self) -> Result<(), ManifestError> {
        let Self {
            memory_bytes: bytes,
            call_millis: millis,
        } = self;
        if !(65_536..=MEMORY_BYTES_MAX).contains(&bytes) {
            return Err(ManifestError::Memory { bytes });
        }
        if !(1..=CALL_MILLIS_MAX).contains(&millis) {
            return Err(ManifestError::CallMillis { millis });
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), ManifestError> {
    let is_rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !begins || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_rest) {
        return Err(ManifestError::Name { name: name.to_owned() });
    }
    Ok(())
}

fn check_version(version: &str) -> Result<(), ManifestError> {
    let is_number = |part: &str| {
        let is_plain = part == "0" || !part.starts_with('0');
        is_plain && !part.is_empty() && part.len() <= 6 && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if version.split('.').count() != 3 || !version.split('.').all(is_number) {
        return Err(ManifestError::Version {
            version: version.to_owned(),
        });
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Result<(), ManifestError> {
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(ManifestError::Text {
            field: field.to_owned(),
        });
    }
    Ok(())
}

fn is_command_name(name: &str, plugin: &str) -> bool {
    let Some((prefix, word)) = name.split_once('.') else {
        return false;
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    prefix.eq_ignore_ascii_case(plugin)
        && !word.is_empty()
        && word.bytes().all(is_part)
        && name.len() <= COMMAND_NAME_BYTES_MAX
}
