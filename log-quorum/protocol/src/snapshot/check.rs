//! What a table and a stream can be: the states that calls lead to.
//! Promises: no state that calls lead to is refused; a refused one would break a promise of the package, such as a
//! wait-out that is too short, or chains that make one node refuse what another accepts.
//! Damage never comes here, its block's checksum finds it: what this refuses was written by a defect.

use std::collections::{BTreeMap, BTreeSet};

use tenure_types::{Epoch, LeaseLength, Lsn, StreamId};

use super::{DecodeError, StreamFlaw};
use crate::delete::Tombstones;
use crate::limits::{APPEND_PAYLOAD_BYTES_MAX, OWNERSHIPS_MAX, RECENT_RECORDS_MAX, RECORD_OVERHEAD_BYTES};
use crate::ownership::Ownerships;
use crate::recent::RecentChains;
use crate::{Chain, Ownership, Stream, WaitOut};

/// Streams come by id, each once: `next` comes after all of `streams`.
pub(super) fn order(streams: &BTreeMap<StreamId, Stream>, next: StreamId) -> Result<(), DecodeError> {
    match streams.last_key_value() {
        Some((&before, _)) if before >= next => Err(DecodeError::StreamsOutOfOrder { stream: next, before }),
        Some(_) | None => Ok(()),
    }
}

/// An id is deleted once, and is no stream's then.
pub(super) fn tombstones(tombstones: &Tombstones, streams: &BTreeMap<StreamId, Stream>) -> Result<(), DecodeError> {
    let mut seen = BTreeSet::new();
    for &stream in tombstones.ids() {
        if !seen.insert(stream) {
            return Err(DecodeError::DeletedTwice { stream });
        }
        if streams.contains_key(&stream) {
            return Err(DecodeError::DeletedAndThere { stream });
        }
    }
    Ok(())
}

/// All that holds of one stream in a quorum whose longest lease is `lease_max`.
pub(super) fn stream(stream: &Stream, lease_max: LeaseLength) -> Result<(), StreamFlaw> {
    let tail = stream.tail();
    recent(&stream.recent, stream.id)?;
    epochs(&stream.ownerships)?;
    begins(&stream.ownerships, tail)?;
    leases(&stream.ownerships, lease_max)?;
    // Two snapshots that differ keep it even below the tail, but that is a rule of the call, not of the state.
    if stream.trim > tail {
        return Err(StreamFlaw::TrimPastTail {
            trim: stream.trim,
            tail,
        });
    }
    appended_bytes(stream.appended_bytes, tail)
}

/// The newest chains are all remembered, and lead back to where the stream begins.
fn recent(recent: &RecentChains, stream: StreamId) -> Result<(), StreamFlaw> {
    let tail = recent.tail();
    let chains = recent.earlier().len();
    if chains as u64 != Lsn::count(tail).min(RECENT_RECORDS_MAX as u64) {
        return Err(StreamFlaw::Chains { chains, tail });
    }
    match recent.chain_at(None) {
        Some(chain) if chain != Chain::start_of(stream) => Err(StreamFlaw::Start { chain }),
        Some(_) | None => Ok(()),
    }
}

/// Epochs begin at 1, follow each other, and the newest are all remembered.
fn epochs(ownerships: &Ownerships) -> Result<(), StreamFlaw> {
    for (before, next) in pairs(ownerships) {
        if before.epoch.next() != Some(next.epoch) {
            return Err(StreamFlaw::Epochs {
                epoch: next.epoch,
                before: before.epoch,
            });
        }
    }
    let epoch = ownerships.epoch();
    let owners = ownerships.remembered().len();
    if owners as u64 != epoch.get().min(OWNERSHIPS_MAX as u64) {
        return Err(StreamFlaw::Owners { owners, epoch });
    }
    Ok(())
}

/// Nobody appends before the first epoch, and each begins at the tail there was.
fn begins(ownerships: &Ownerships, tail: Option<Lsn>) -> Result<(), StreamFlaw> {
    if ownerships.current().is_none() && tail.is_some() {
        return Err(StreamFlaw::RecordsOfNobody { tail });
    }
    let mut before = None;
    for &Ownership { epoch, began_at, .. } in ownerships.remembered() {
        let last = if is_first(epoch) { None } else { tail };
        if began_at < before || began_at > last {
            return Err(StreamFlaw::BeganAt { epoch, began_at });
        }
        before = began_at;
    }
    Ok(())
}

/// Leases are ones this quorum grants, and every wait-out is the longest of all epochs before its own.
fn leases(ownerships: &Ownerships, lease_max: LeaseLength) -> Result<(), StreamFlaw> {
    let oldest = ownerships.remembered().front();
    let mut longest = Longest {
        known: None,
        is_exact: oldest.is_none_or(|oldest| is_first(oldest.epoch)),
    };
    let mut before: Option<&Ownership> = None;
    for ownership in ownerships.remembered() {
        let &Ownership {
            epoch, lease, wait_out, ..
        } = ownership;
        if lease > lease_max {
            return Err(StreamFlaw::LeaseTooLong {
                epoch,
                lease,
                lease_max,
            });
        }
        // Whether the forgotten owner before the oldest one here released is unknown.
        let waits = match before {
            Some(before) => Some(!before.released),
            None if is_first(epoch) => Some(false),
            None => None,
        };
        let fits = match wait_out {
            WaitOut::Nothing => waits != Some(true),
            WaitOut::For(waited) => waits != Some(false) && longest.may_be(Some(waited)),
        };
        if !fits {
            return Err(StreamFlaw::WaitOut { epoch, wait_out });
        }
        if let WaitOut::For(waited) = wait_out {
            longest = Longest {
                known: Some(waited),
                is_exact: true,
            };
        }
        longest.known = longest.known.max(Some(lease));
        before = Some(ownership);
    }
    let longest_lease = ownerships.longest_lease();
    if !longest.may_be(longest_lease) || longest_lease > Some(lease_max) {
        return Err(StreamFlaw::LongestLease { longest_lease });
    }
    Ok(())
}

/// The longest lease up to some epoch, as far as the remembered owners tell.
struct Longest {
    known: Option<LeaseLength>,
    /// False while a forgotten epoch may have had a longer one. A wait-out tells.
    is_exact: bool,
}

impl Longest {
    fn may_be(&self, claimed: Option<LeaseLength>) -> bool {
        if self.is_exact {
            claimed == self.known
        } else {
            claimed >= self.known
        }
    }
}

/// Every record was charged for its overhead, and for no more payload than one append may have.
fn appended_bytes(appended_bytes: u64, tail: Option<Lsn>) -> Result<(), StreamFlaw> {
    let least = Lsn::count(tail).saturating_mul(RECORD_OVERHEAD_BYTES);
    let most = Lsn::count(tail).saturating_mul(RECORD_OVERHEAD_BYTES + APPEND_PAYLOAD_BYTES_MAX as u64);
    if (least..=most).contains(&appended_bytes) {
        Ok(())
    } else {
        Err(StreamFlaw::AppendedBytes { appended_bytes, tail })
    }
}

fn is_first(epoch: Epoch) -> bool {
    Epoch::NONE.next() == Some(epoch)
}

fn pairs(ownerships: &Ownerships) -> impl Iterator<Item = (&Ownership, &Ownership)> {
    let remembered = ownerships.remembered();
    remembered.iter().zip(remembered.iter().skip(1))
}
