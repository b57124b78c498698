//! Effects: the deterministic changes that a record carries from the primary to its replicas.
//! Promises: an encoded effect is read back as it was; bytes that are none are an error, never a panic and never another
//! effect. An effect says what becomes of a key, not what was asked: times are absolute, chance is decided.
//! The encoding is stored in the log under the engine's version, and changes only with it.
//!
//! ```text
//!   effect = tag (1 byte), fields in the order of the variant
//!   bytes  = length (varint, LEB128), that many bytes        time = milliseconds since 1970 (varint); 0: none
//!   pairs, fields, members = their number (varint), then bytes for each
//!   score = one byte: 9 and above are whole numbers from 0 on; below, so many high bytes of the 64 bits follow
//!   elements, sources = their number (varint), then for each a score (of a source its weight) and bytes
//!   ranks = the first (varint), how many (varint)            combination = operation, aggregate (1 byte each)
//! ```

use std::ops::Range;

use tenure_types::WallTime;

use crate::{Aggregate, Combination, Operation, Score};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<'a> {
    /// The key holds this string and nothing else.
    Set {
        /// The key.
        key: &'a [u8],
        /// The whole value.
        value: &'a [u8],
        /// When it goes; `None`: it stays.
        expires_at: Option<WallTime>,
    },
    /// The string at the key is longer by this; it is begun if there is none. Its expiry stays.
    Append {
        /// The key.
        key: &'a [u8],
        /// What comes behind.
        suffix: &'a [u8],
    },
    /// Part of the string at the key is this, zeros before it if the string was shorter. Its expiry stays.
    SetRange {
        /// The key.
        key: &'a [u8],
        /// Where the part begins.
        offset: u64,
        /// The part.
        bytes: &'a [u8],
    },
    /// The key is gone.
    Remove {
        /// The key.
        key: &'a [u8],
    },
    /// The key goes at this time.
    ExpireAt {
        /// The key.
        key: &'a [u8],
        /// When.
        at: WallTime,
    },
    /// The key stays.
    Persist {
        /// The key.
        key: &'a [u8],
    },
    /// The value and expiry of one key are those of another, which is gone. What `to` held is gone too.
    Rename {
        /// The key that goes.
        from: &'a [u8],
        /// The key that comes.
        to: &'a [u8],
    },
    /// The value and expiry of one key are those of another. What `to` held is gone.
    Copy {
        /// The key that stays.
        from: &'a [u8],
        /// The key that comes.
        to: &'a [u8],
    },
    /// The hash at the key has these fields with these values, among others. It is begun if there is none.
    HashSet {
        /// The key.
        key: &'a [u8],
        /// Fields and values, one after the other: an even number.
        pairs: Vec<&'a [u8]>,
    },
    /// The hash at the key has these fields no more. A hash without fields is gone.
    HashRemove {
        /// The key.
        key: &'a [u8],
        /// The fields.
        fields: Vec<&'a [u8]>,
    },
    /// The sorted set at the key has these members with these scores, among others. It is begun if there is none.
    SortedSetAdd {
        /// The key.
        key: &'a [u8],
        /// Scores and members.
        elements: Vec<(Score, &'a [u8])>,
    },
    /// The sorted set at the key has these members no more. A sorted set without members is gone.
    SortedSetRemove {
        /// The key.
        key: &'a [u8],
        /// The members.
        members: Vec<&'a [u8]>,
    },
    /// The sorted set at the key has the elements of these ranks no more. What is removed may be far more than was asked
    /// for in a few words, so it is named by where it stands, which is the same everywhere.
    SortedSetRemoveRange {
        /// The key.
        key: &'a [u8],
        /// Counted from 0.
        ranks: Range<u64>,
    },
    /// One key holds the elements of these ranks of the sorted set at another, and nothing else. Without any, it is gone.
    SortedSetStoreRange {
        /// The key of the sorted set that is read.
        from: &'a [u8],
        /// The key that is written; may be the same.
        to: &'a [u8],
        /// Counted from 0.
        ranks: Range<u64>,
    },
    /// A key holds what comes of sorted sets that are put together, and nothing else. If nothing comes, it is gone.
    SortedSetCombine {
        /// The key that is written; may be one of the sources.
        to: &'a [u8],
        /// How.
        combination: Combination,
        /// Weights and keys of the sorted sets that are read.
        sources: Vec<(Score, &'a [u8])>,
    },
    /// Nothing is left of the shard's data.
    Clear,
    /// Time has passed; see the record's time.
    Tick,
}

/// What applying an effect did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// How many things are new that were not there: fields of a hash, members of a sorted set, or the key.
    pub added: usize,
    /// How many things are gone that were there: fields of a hash, members of a sorted set, keys.
    pub removed: usize,
}

/// Bytes that are no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// They end within an effect.
    #[error("the effects end within one, at byte {at}")]
    Truncated {
        /// Where more was expected.
        at: usize,
    },
    /// An effect of another engine.
    #[error("tag {tag} at byte {at} is no effect that this engine knows")]
    UnknownTag {
        /// The tag.
        tag: u8,
        /// Where.
        at: usize,
    },
    /// A number longer than 64 bits.
    #[error("the number at byte {at} is too long")]
    NumberTooLong {
        /// Where.
        at: usize,
    },
    /// A score that is no number, or no score at all.
    #[error("the score at byte {at} is none")]
    NotAScore {
        /// Where.
        at: usize,
    },
    /// A way to put sorted sets together that there is not.
    #[error("byte {at} names no way to combine sorted sets")]
    UnknownCombination {
        /// Where.
        at: usize,
    },
    /// A field without a value.
    #[error("the hash at byte {at} has a field without a value")]
    OddPairs {
        /// Where.
        at: usize,
    },
}

const SET: u8 = 1;
const APPEND: u8 = 2;
const SET_RANGE: u8 = 3;
const REMOVE: u8 = 4;
const EXPIRE_AT: u8 = 5;
const PERSIST: u8 = 6;
const RENAME: u8 = 7;
const COPY: u8 = 8;
const HASH_SET: u8 = 9;
const HASH_REMOVE: u8 = 10;
const CLEAR: u8 = 11;
const TICK: u8 = 12;
const SORTED_SET_ADD: u8 = 13;
const SORTED_SET_REMOVE: u8 = 14;
const SORTED_SET_REMOVE_RANGE: u8 = 15;
const SORTED_SET_STORE_RANGE: u8 = 16;
const SORTED_SET_COMBINE: u8 = 17;

/// Their places are what is stored.
const OPERATIONS: [Operation; 3] = [Operation::Union, Operation::Intersection, Operation::Difference];
const AGGREGATES: [Aggregate; 3] = [Aggregate::Sum, Aggregate::Min, Aggregate::Max];

impl<'a> Effect<'a> {
    /// Adds the effect to what is encoded already.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Set { key, value, expires_at } => {
                put_tagged(out, SET, key);
                put_bytes(out, value);
                put_number(out, expires_at.map_or(0, WallTime::as_unix_millis));
            }
            Self::Append { key, suffix } => {
                put_tagged(out, APPEND, key);
                put_bytes(out, suffix);
            }
            Self::SetRange { key, offset, bytes } => {
                put_tagged(out, SET_RANGE, key);
                put_number(out, *offset);
                put_bytes(out, bytes);
            }
            Self::Remove { key } => put_tagged(out, REMOVE, key),
            Self::ExpireAt { key, at } => {
                put_tagged(out, EXPIRE_AT, key);
                put_number(out, at.as_unix_millis());
            }
            Self::Persist { key } => put_tagged(out, PERSIST, key),
            Self::Rename { from, to } => {
                put_tagged(out, RENAME, from);
                put_bytes(out, to);
            }
            Self::Copy { from, to } => {
                put_tagged(out, COPY, from);
                put_bytes(out, to);
            }
            Self::HashSet { key, pairs } => {
                put_tagged(out, HASH_SET, key);
                put_all(out, pairs);
            }
            Self::HashRemove { key, fields } => {
                put_tagged(out, HASH_REMOVE, key);
                put_all(out, fields);
            }
            Self::SortedSetAdd { key, elements } => {
                put_tagged(out, SORTED_SET_ADD, key);
                put_scored(out, elements);
            }
            Self::SortedSetRemove { key, members } => {
                put_tagged(out, SORTED_SET_REMOVE, key);
                put_all(out, members);
            }
            Self::SortedSetRemoveRange { key, ranks } => {
                put_tagged(out, SORTED_SET_REMOVE_RANGE, key);
                put_ranks(out, ranks);
            }
            Self::SortedSetStoreRange { from, to, ranks } => {
                put_tagged(out, SORTED_SET_STORE_RANGE, from);
                put_bytes(out, to);
                put_ranks(out, ranks);
            }
            Self::SortedSetCombine {
                to,
                combination,
                sources,
            } => {
                put_tagged(out, SORTED_SET_COMBINE, to);
                put_place(out, &OPERATIONS, combination.operation);
                put_place(out, &AGGREGATES, combination.aggregate);
                put_scored(out, sources);
            }
            Self::Clear => out.push(CLEAR),
            Self::Tick => out.push(TICK),
        }
    }
}

fn put_tagged(out: &mut Vec<u8>, tag: u8, key: &[u8]) {
    out.push(tag);
    put_bytes(out, key);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_all(out: &mut Vec<u8>, all: &[&[u8]]) {
    put_number(out, all.len() as u64);
    for bytes in all {
        put_bytes(out, bytes);
    }
}

fn put_scored(out: &mut Vec<u8>, all: &[(Score, &[u8])]) {
    put_number(out, all.len() as u64);
    for (score, bytes) in all {
        score.put(out);
        put_bytes(out, bytes);
    }
}

fn put_ranks(out: &mut Vec<u8>, ranks: &Range<u64>) {
    put_number(out, ranks.start);
    put_number(out, ranks.end.saturating_sub(ranks.start));
}

fn put_place<T: PartialEq>(out: &mut Vec<u8>, all: &[T], one: T) {
    let place = all.iter().position(|other| *other == one).unwrap_or_default();
    put_number(out, place as u64);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Encoded effects, read one after the other. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Effects<'a> {
    encoded: &'a [u8],
    at: usize,
}

impl<'a> Effects<'a> {
    /// Begins at the first.
    pub fn of(encoded: &'a [u8]) -> Self {
        Self { encoded, at: 0 }
    }

    fn read(&mut self) -> Result<Effect<'a>, EffectError> {
        let at = self.at;
        let tag = *self.encoded.get(at).ok_or(EffectError::Truncated { at })?;
        self.at += 1;
        Ok(match tag {
            SET => Effect::Set {
                key: self.bytes()?,
                value: self.bytes()?,
                expires_at: Some(self.number()?)
                    .filter(|millis| *millis > 0)
                    .map(WallTime::from_unix_millis),
            },
            APPEND => Effect::Append {
                key: self.bytes()?,
                suffix: self.bytes()?,
            },
            SET_RANGE => Effect::SetRange {
                key: self.bytes()?,
                offset: self.number()?,
                bytes: self.bytes()?,
            },
            REMOVE => Effect::Remove { key: self.bytes()? },
            EXPIRE_AT => Effect::ExpireAt {
                key: self.bytes()?,
                at: WallTime::from_unix_millis(self.number()?),
            },
            PERSIST => Effect::Persist { key: self.bytes()? },
            RENAME => Effect::Rename {
                from: self.bytes()?,
                to: self.bytes()?,
            },
            COPY => Effect::Copy {
                from: self.bytes()?,
                to: self.bytes()?,
            },
            HASH_SET => {
                let (key, pairs) = (self.bytes()?, self.all()?);
                if pairs.len() % 2 != 0 {
                    return Err(EffectError::OddPairs { at });
                }
                Effect::HashSet { key, pairs }
            }
            HASH_REMOVE => Effect::HashRemove {
                key: self.bytes()?,
                fields: self.all()?,
            },
            SORTED_SET_ADD => Effect::SortedSetAdd {
                key: self.bytes()?,
                elements: self.scored()?,
            },
            SORTED_SET_REMOVE => Effect::SortedSetRemove {
                key: self.bytes()?,
                members: self.all()?,
            },
            SORTED_SET_REMOVE_RANGE => Effect::SortedSetRemoveRange {
                key: self.bytes()?,
                ranks: self.ranks()?,
            },
            SORTED_SET_STORE_RANGE => Effect::SortedSetStoreRange {
                from: self.bytes()?,
                to: self.bytes()?,
                ranks: self.ranks()?,
            },
            SORTED_SET_COMBINE => Effect::SortedSetCombine {
                to: self.bytes()?,
                combination: Combination {
                    operation: self.one_of(&OPERATIONS)?,
                    aggregate: self.one_of(&AGGREGATES)?,
                },
                sources: self.scored()?,
            },
            CLEAR => Effect::Clear,
            TICK => Effect::Tick,
            tag => return Err(EffectError::UnknownTag { tag, at }),
        })
    }

    fn number(&mut self) -> Result<u64, EffectError> {
        let at = self.at;
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self
                .encoded
                .get(self.at)
                .ok_or(EffectError::Truncated { at: self.at })?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(EffectError::NumberTooLong { at });
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(EffectError::NumberTooLong { at })
    }

    fn bytes(&mut self) -> Result<&'a [u8], EffectError> {
        let length = self.number()?;
        let rest = &self.encoded[self.at..];
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
        let length = length.ok_or(EffectError::Truncated { at: self.encoded.len() })?;
        self.at += length;
        Ok(&rest[..length])
    }

    fn all(&mut self) -> Result<Vec<&'a [u8]>, EffectError> {
        let count = self.count()?;
        (0..count).map(|_| self.bytes()).collect()
    }

    fn scored(&mut self) -> Result<Vec<(Score, &'a [u8])>, EffectError> {
        let count = self.count()?;
        (0..count).map(|_| Ok((self.score()?, self.bytes()?))).collect()
    }

    fn count(&mut self) -> Result<usize, EffectError> {
        let count = self.number()?;
        // Each takes a byte at least, so a count that lies cannot make us ask for much memory.
        let possible = self.encoded.len() - self.at;
        let count = usize::try_from(count).ok().filter(|count| *count <= possible);
        count.ok_or(EffectError::Truncated { at: self.encoded.len() })
    }

    fn score(&mut self) -> Result<Score, EffectError> {
        let at = self.at;
        let truncated = EffectError::Truncated { at: self.encoded.len() };
        let rest = &self.encoded[at..];
        let bytes = rest.first().map(|first| Score::stored_bytes(*first));
        let stored = bytes.and_then(|bytes| rest.get(..bytes)).ok_or(truncated)?;
        self.at += stored.len();
        Score::read(stored).ok_or(EffectError::NotAScore { at })
    }

    fn ranks(&mut self) -> Result<Range<u64>, EffectError> {
        let (start, count) = (self.number()?, self.number()?);
        Ok(start..start.saturating_add(count))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, EffectError> {
        let at = self.at;
        let place = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        all.get(place).copied().ok_or(EffectError::UnknownCombination { at })
    }
}

impl<'a> Iterator for Effects<'a> {
    type Item = Result<Effect<'a>, EffectError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.encoded.len() {
            return None;
        }
        let effect = self.read();
        if effect.is_err() {
            self.at = self.encoded.len();
        }
        Some(effect)
    }
}
