//! A plugin's command within a turn.
//! Promises: a call that fails leaves the data, the effects, the hazards and the watches as if it had never been; its error is
//! held by the keys that it looked up, like every reply. What the guest finds expired was deleted, and logged, before it began.
//! A panic below leaves the shard broken, as with native commands.

use bytes::BytesMut;
use tenure_engine::command::Flags;
use tenure_engine::{Args, Protocol};

use super::{OPEN_BYTES_MAX, Turn, check_keys, make_room};
use crate::plugin::{EFFECTS_BYTES_MAX, PluginCommand, PluginError, Terms};
use crate::replica::{Refusal, State};

/// Where the reply of a plugin's command goes, and how.
pub(crate) struct ReplyTo<'o> {
    pub(crate) output: &'o mut BytesMut,
    pub(crate) protocol: Protocol,
    pub(crate) output_bytes_max: usize,
}

/// What is left of a host that a guest's runtime did not give back.
struct Lost;

impl Turn<'_> {
    /// Whether a plugin's command may run in this turn.
    pub(crate) fn can_run_plugin(&self, command: &PluginCommand) -> Result<(), Refusal> {
        self.can_run(command.spec().flags)?;
        command.plugin()?.check(self.now)?;
        Ok(())
    }

    /// Executes a plugin's command. What it answers may leave after [`Turn::take_hold`], also if it failed; what it wrote to
    /// the output by then is to be dropped.
    pub(crate) fn run_plugin(
        &mut self,
        command: &PluginCommand,
        args: Args<'_>,
        to: ReplyTo<'_>,
    ) -> Result<(), Refusal> {
        self.can_run_plugin(command)?;
        check_keys(&command.spec(), args)?;
        self.begin_change();
        let outcome = match self.prepare(command, args) {
            Ok(keys) => self.call(command, args, &keys, to),
            Err(refusal) => Ok(Err(refusal)),
        };
        match outcome {
            Ok(outcome) => {
                self.note();
                outcome
            }
            // The data is gone with the host: the turn ends as after a panic.
            Err(Lost) => Err(Refusal::Broken),
        }
    }

    /// What must not be undone if the call fails: makes room, and deletes what is expired. The places of the keys.
    fn prepare(&mut self, command: &PluginCommand, args: Args<'_>) -> Result<Vec<usize>, Refusal> {
        let spec = command.spec();
        let State { image, random, .. } = &mut *self.state;
        if spec.flags.has(Flags::DENYOOM) && !self.in_transaction {
            make_room(image, random)?;
        }
        if image.effects_bytes() >= OPEN_BYTES_MAX {
            return Err(Refusal::TurnFull);
        }
        let keys = spec.key_places(args).unwrap_or_default();
        for place in &keys {
            image.peek(&args[*place])?;
        }
        Ok(keys)
    }

    fn call(
        &mut self,
        command: &PluginCommand,
        args: Args<'_>,
        keys: &[usize],
        to: ReplyTo<'_>,
    ) -> Result<Result<(), Refusal>, Lost> {
        let plugin = match command.plugin() {
            Ok(plugin) => plugin,
            Err(gone) => return Ok(Err(gone.into())),
        };
        let State { image, random, .. } = &mut *self.state;
        let terms = Terms {
            protocol: to.protocol,
            output_bytes_max: to.output_bytes_max,
            seed: random.next(),
            now: self.now,
            flags: command.spec().flags,
            effects_bytes_max: image.effects_bytes().saturating_add(EFFECTS_BYTES_MAX),
        };
        let mut host = plugin.take_host();
        host.begin(args, keys, terms);
        image.begin_undoable();
        host.swap(image, to.output);
        let clock = &self.replica.clock;
        let (host, outcome) = plugin.call(command.number(), host, || clock.boot());
        let mut host = host.ok_or(Lost)?;
        host.swap(image, to.output);
        let broken = host.end();
        if let Some(excess) = broken.as_ref().and_then(PluginError::as_excess) {
            plugin.note_excess(clock.boot(), excess);
        }
        let outcome = settled(broken, outcome);
        plugin.give_back(host);
        match outcome {
            Ok(()) => image.settle(),
            Err(_) => image.roll_back(),
        }
        Ok(outcome.map_err(Refusal::from))
    }
}

/// What the host saw goes before what the guest says; that the guest broke goes before both.
fn settled(broken: Option<PluginError>, outcome: Result<(), PluginError>) -> Result<(), PluginError> {
    match (broken, outcome) {
        (_, Err(failed @ PluginError::Failed { .. })) => Err(failed),
        (Some(broken), _) => Err(broken),
        (None, outcome) => outcome,
    }
}
