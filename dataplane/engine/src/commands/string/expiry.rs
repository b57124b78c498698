//! EX, PX, EXAT and PXAT: how long a string lives.
//! Promises: what becomes of it is an absolute time, so that an effect means the same whenever it is applied.

use tenure_types::WallTime;

use crate::{CommandError, number};

/// An expiry as it was asked for. Its number is judged by [`Asked::resolve`] only, for syntax errors come before errors of
/// numbers, and GETEX looks the key up in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) measure: Measure,
    pub(super) number: &'a [u8],
}

/// What the number of an expiry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// EX.
    SecondsFromNow,
    /// PX.
    MillisFromNow,
    /// EXAT.
    UnixSeconds,
    /// PXAT.
    UnixMillis,
}

impl Measure {
    /// The measure that an option names, in capitals or not.
    pub(super) fn named(option: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Measure); 4] = [
            (b"ex", Measure::SecondsFromNow),
            (b"px", Measure::MillisFromNow),
            (b"exat", Measure::UnixSeconds),
            (b"pxat", Measure::UnixMillis),
        ];
        let named = NAMES.into_iter().find(|(name, _)| option.eq_ignore_ascii_case(name));
        named.map(|(_, measure)| measure)
    }

    fn millis_per_unit(self) -> i64 {
        match self {
            Self::SecondsFromNow | Self::UnixSeconds => 1000,
            Self::MillisFromNow | Self::UnixMillis => 1,
        }
    }

    fn base(self, now: WallTime) -> Option<i64> {
        match self {
            Self::SecondsFromNow | Self::MillisFromNow => i64::try_from(now.as_unix_millis()).ok(),
            Self::UnixSeconds | Self::UnixMillis => Some(0),
        }
    }
}

impl<'a> Asked<'a> {
    /// An option of this measure, if no other measure came before it. The same one may come twice; the last counts.
    pub(super) fn after(
        earlier: Option<Self>,
        measure: Measure,
        number: Option<&'a [u8]>,
    ) -> Result<Self, CommandError> {
        if earlier.is_some_and(|earlier| earlier.measure != measure) {
            return Err(CommandError::Syntax);
        }
        let number = number.ok_or(CommandError::Syntax)?;
        Ok(Self { measure, number })
    }

    /// The time it means. It may be past if it was named as a time.
    pub(super) fn resolve(self, now: WallTime, command: &'static str) -> Result<WallTime, CommandError> {
        let number = number::integer(self.number)?;
        let after = Some(number).filter(|number| *number > 0);
        let after = after.and_then(|number| number.checked_mul(self.measure.millis_per_unit()));
        let at = after
            .zip(self.measure.base(now))
            .and_then(|(after, base)| base.checked_add(after));
        let at = at.and_then(|at| u64::try_from(at).ok());
        at.map(WallTime::from_unix_millis)
            .ok_or(CommandError::InvalidExpireTime { command })
    }
}
