//! A string as it is stored: with its expiry, for those that write it anew and let it go when it would have.

use tenure_types::WallTime;

use crate::keyspace::ValueRef;
use crate::{CommandError, Image};

/// The string at a key.
pub(super) struct Stored<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) expires_at: Option<WallTime>,
}

impl<'a> Stored<'a> {
    /// Looks it up. Another type is an error.
    pub(super) fn find(image: &'a mut Image, key: &[u8]) -> Result<Option<Self>, CommandError> {
        let Some(entry) = image.entry(key)? else {
            return Ok(None);
        };
        let ValueRef::String(bytes) = entry.value() else {
            return Err(CommandError::WrongType);
        };
        let expires_at = entry.expires_at();
        Ok(Some(Self { bytes, expires_at }))
    }
}
