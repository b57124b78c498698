//! One turn of a shard: the commands that were read since the one before, executed one after the other.
//! Promises: what the lease allows is looked at once, when the turn begins, after the last read of what it executes; all
//! commands of a turn see one time of day; what they changed goes to the log as one record, with what other turns change before it
//! leaves (see `gather`).

mod plugin_call;

use std::cell::RefMut;

use tenure_engine::command::{Call, Command, Flags, SpecOf};
use tenure_engine::{Args, CommandError, Effect, Image, Lookups, Mode, Random, Reply};
use tenure_log::APPEND_PAYLOAD_BYTES_MAX;
use tenure_types::BootTime;
use tracing::error;

pub(crate) use self::plugin_call::ReplyTo;
#[cfg(test)]
use super::pipeline::Pipeline;
use super::pipeline::TURN_BYTES_MAX;
use super::role::Role;
use super::{Refusal, Replica, Standing, State, Ticket, Watch};
use crate::client::End;
use crate::layout::REQUEST_BYTES_MAX;

/// Most keys that are evicted to make room for one command. The next goes on.
const EVICTED_KEYS_MAX: usize = 256;

/// Bytes of effects past which nothing is executed any more, in a transaction that is one turn whatever it writes. What one
/// command adds is at most the largest request, and the names of its keys once more if their time was over: so a record always
/// fits an append.
const OPEN_BYTES_MAX: usize = 5 << 20;

/// Bytes of all keys that one command which writes may name.
const KEYS_BYTES_MAX: usize = 1 << 20;

// RESTORE names its key three times: it removes, sets, and lets expire. What it sets is bounded by itself, below a request.
const _: () = assert!(OPEN_BYTES_MAX + REQUEST_BYTES_MAX + 2 * KEYS_BYTES_MAX < APPEND_PAYLOAD_BYTES_MAX);

/// See the top of the file. It must be dropped before anything is awaited.
pub(crate) struct Turn<'r> {
    replica: &'r Replica,
    state: RefMut<'r, State>,
    standing: Standing,
    now: BootTime,
    /// Whether there was credit when it began. One turn may overdraw it (DESIGN, section 4), so that a transaction is run
    /// whole or not at all.
    may_write: bool,
    /// Whether a transaction runs, for which room was made when it began.
    in_transaction: bool,
    /// Whether the image is being changed. If it still is when the turn ends, somebody panicked half-way.
    is_changing: bool,
    hold: Option<Ticket>,
    /// Whether a client has changed something.
    has_written: bool,
}

impl<'r> Turn<'r> {
    pub(super) fn begin(replica: &'r Replica) -> Self {
        let mut state = replica.state.borrow_mut();
        let (now, time_of_day) = state.read_clocks(&*replica.clock);
        let standing = state.standing(now);
        let (mode, may_write) = (state.mode(), state.may_write());
        let wall = match mode {
            Mode::Primary | Mode::Starved => time_of_day,
            // Its own clock may be ahead: what it hid by it, the primary might still prolong. Records bring the time.
            Mode::Replica => state.image.now(),
        };
        state.image.begin_turn(wall, mode);
        Self {
            replica,
            state,
            standing,
            now,
            may_write,
            in_transaction: false,
            is_changing: false,
            hold: None,
            has_written: false,
        }
    }

    /// What the replica may do in this turn.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// When it began.
    pub(crate) fn now(&self) -> BootTime {
        self.now
    }

    /// If so much waits for the log that nothing more should be executed: the newest ticket that waits, for
    /// [`Replica::wake_when_released`].
    pub(crate) fn backlog(&self) -> Option<Ticket> {
        let open_bytes = self.state.image.effects_bytes();
        self.state.role.pipeline()?.backlog(open_bytes)
    }

    /// The ticket of what this turn changes.
    #[cfg(test)]
    pub(crate) fn open_ticket(&self) -> Ticket {
        self.state
            .role
            .pipeline()
            .map_or(self.state.begun, Pipeline::open_ticket)
    }

    /// Whether a command on data may run in this turn.
    pub(crate) fn can_run(&self, flags: Flags) -> Result<(), Refusal> {
        let writes = flags.has(Flags::WRITE);
        match self.standing {
            Standing::Primary if writes && !self.may_write => Err(Refusal::NoCredit),
            Standing::Primary => Ok(()),
            Standing::Replica if !writes => Ok(()),
            Standing::Replica => Err(Refusal::ReadOnly),
            Standing::Loading => Err(Refusal::Loading),
            Standing::Lapsed => Err(Refusal::Lapsed),
            Standing::Broken => Err(Refusal::Broken),
        }
    }

    /// Whether a command of sessions with these flags may answer in this turn. Without any: whether something may be told
    /// of data.
    pub(crate) fn can_answer(&self, flags: Flags) -> Result<(), Refusal> {
        match self.standing {
            Standing::Loading if !flags.has(Flags::LOADING) => Err(Refusal::Loading),
            Standing::Lapsed if !flags.has(Flags::STALE) => Err(Refusal::Lapsed),
            Standing::Broken if !flags.has(Flags::STALE) => Err(Refusal::Broken),
            Standing::Loading | Standing::Lapsed | Standing::Broken | Standing::Primary | Standing::Replica => Ok(()),
        }
    }

    /// Begins a transaction: makes room for all of it now, so that none of it fails for memory later.
    pub(crate) fn begin_transaction(&mut self, needs_memory: bool) -> Result<(), Refusal> {
        if needs_memory {
            self.begin_change();
            let State { image, random, .. } = &mut *self.state;
            let made = make_room(image, random);
            self.note();
            made?;
        }
        self.in_transaction = true;
        Ok(())
    }

    /// Its last command has run.
    pub(crate) fn end_transaction(&mut self) {
        self.in_transaction = false;
    }

    /// Executes a command on data. What it answers may leave after [`Turn::take_hold`], also if it failed.
    pub(crate) fn run(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        reply: &mut dyn Reply,
    ) -> Result<(), Refusal> {
        self.can_run(command.spec.flags)?;
        check_keys(&command.spec, args)?;
        self.begin_change();
        let State { image, random, .. } = &mut *self.state;
        let mut outcome = Ok(());
        if command.spec.flags.has(Flags::DENYOOM) && !self.in_transaction {
            outcome = make_room(image, random);
        }
        // Reads too: they delete keys whose time is over.
        let is_full = image.effects_bytes() >= OPEN_BYTES_MAX;
        let outcome = match outcome {
            Ok(()) if is_full => Err(Refusal::TurnFull),
            Ok(()) => (command.run)(&mut Call {
                args,
                image,
                random,
                reply,
            })
            .map_err(Refusal::from),
            Err(error) => Err(error.into()),
        };
        self.note();
        outcome
    }

    /// Whether there is credit to delete expired keys.
    pub(super) fn can_expire(&self) -> bool {
        self.state.mode() == Mode::Primary
    }

    /// Deletes some of the keys whose time has come; how many.
    pub(super) fn expire(&mut self, keys_max: usize) -> usize {
        self.begin_change();
        let mut expired = 0;
        // One by one: names of keys may be long, and what is deleted must fit a record.
        while expired < keys_max && self.state.image.effects_bytes() < TURN_BYTES_MAX {
            if self.state.image.expire_some(1) == 0 {
                break;
            }
            expired += 1;
        }
        self.note();
        // No client is answered for it.
        self.has_written = false;
        expired
    }

    /// Logs that time has passed.
    pub(super) fn tick(&mut self) {
        self.state.image.write(Effect::Tick);
    }

    /// The data, for commands that tell of it. Who answers from it calls [`Turn::look_at_all`].
    pub(crate) fn image(&mut self) -> &mut Image {
        &mut self.state.image
    }

    /// The reply depends on every key.
    pub(crate) fn look_at_all(&mut self) {
        self.state.image.look_at_all();
        let all = Lookups {
            keys: Vec::new(),
            all: true,
        };
        self.hold_for(&all);
    }

    /// After which ticket the replies to what ran since this was last called may leave; `None`: at once.
    pub(crate) fn take_hold(&mut self) -> Option<Ticket> {
        self.hold.take()
    }

    /// Begins to watch a key: the watch is touched once it changes. The reply depends on the key.
    pub(crate) fn watch(&mut self, key: &[u8], watch: &mut Watch) -> Result<(), Refusal> {
        self.can_answer(Flags::NONE)?;
        self.begin_change();
        // An expired key goes now: what changes it later is a change that somebody made.
        let looked = self.state.image.peek(key).map(|_| ());
        self.note();
        looked?;
        watch.add(self.state.image.keyspace().position(key));
        Ok(())
    }

    /// Whether a watched key was changed since, or its time is over by now. The reply depends on the watched keys.
    pub(crate) fn is_changed(&mut self, watch: &Watch) -> bool {
        self.hold_for(watch.keys());
        let mut keys = watch.keys().keys.iter();
        watch.is_touched() || keys.any(|key| self.state.image.is_any_expired(*key))
    }

    /// Before whatever looks at the image or changes it. [`Turn::note`] follows.
    fn begin_change(&mut self) {
        self.is_changing = true;
        self.state.image.forget_lookups();
    }

    /// Notes what was looked at and changed.
    fn note(&mut self) {
        self.is_changing = false;
        let State { image, role, .. } = &mut *self.state;
        let written = image.written();
        let Some(pipeline) = role.pipeline_mut() else {
            return;
        };
        if !written.keys.is_empty() || written.all {
            pipeline.note_written(written);
            self.replica.watches.borrow().touch(written);
            self.hold = self.hold.max(Some(pipeline.open_ticket()));
            self.has_written = true;
        }
        self.hold = self.hold.max(pipeline.hazard(image.lookups()));
    }

    fn hold_for(&mut self, lookups: &Lookups) {
        let hazard = self.state.role.pipeline().and_then(|pipeline| pipeline.hazard(lookups));
        self.hold = self.hold.max(hazard);
    }
}

/// Whether a command that writes names less of keys than a record can hold twice.
fn check_keys(spec: &SpecOf<'_>, args: Args<'_>) -> Result<(), Refusal> {
    // Keys are arguments: nearly every request is too small to be looked at closer.
    if args.bytes() <= KEYS_BYTES_MAX || !spec.flags.has(Flags::WRITE) {
        return Ok(());
    }
    let places = spec.key_places(args).unwrap_or_default();
    let bytes: usize = places
        .iter()
        .filter_map(|place| args.get(*place))
        .map(<[u8]>::len)
        .sum();
    if bytes > KEYS_BYTES_MAX {
        return Err(Refusal::KeysTooLong { max: KEYS_BYTES_MAX });
    }
    Ok(())
}

/// Evicts while memory is over its limit, as much as a turn may write.
fn make_room(image: &mut Image, random: &mut Random) -> Result<(), CommandError> {
    let mut evicted = 0;
    while image.is_over_limit() && evicted < EVICTED_KEYS_MAX && image.effects_bytes() < TURN_BYTES_MAX {
        // One by one: names of keys may be long, and what is evicted must fit a record.
        image.make_room(random, 1)?;
        evicted += 1;
    }
    Ok(())
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_changing {
            // Effects may be encoded and not applied: the image may be another one than the log will have.
            error!(replica = ?self.replica, "a command panicked within the data, the shard cannot go on");
            self.state.role = Role::Broken;
            self.state.image.take_effects();
            self.replica.clients.end_all(End::RoleChanged);
            return self.replica.tell_change();
        }
        if self.has_written
            && let Some(pipeline) = self.state.role.pipeline_mut()
        {
            pipeline.note_turn();
        }
        if self.state.image.effects_bytes() > 0 {
            self.replica.turned.notify_one();
        }
    }
}
