//! An instance, and its calls.
//! Promises: a call gives its host back, whatever becomes of the guest. What broke once runs no more.

use std::sync::Arc;

use tenure_plugin_abi::{COMMAND_INTERFACE, Failure, Fault, Host, Instance, Manifest};
use wasmtime::{InstancePre, PoolConcurrencyLimitError, Store, StoreContextMut, Trap, TypedFunc, UpdateDeadline};

use crate::guest::Guest;
use crate::ticker::Ticker;

/// Processor time that the start of an instance may take, in milliseconds: start function and `_initialize` together.
pub const START_MILLIS_MAX: u32 = 50;

/// How many ticks pass from one look at the clock to the next.
const TICKS: u64 = 1;

pub(crate) struct Running {
    store: Store<Guest>,
    command: TypedFunc<i32, i32>,
    ticker: Arc<Ticker>,
    call_millis: u32,
    is_broken: bool,
}

impl Running {
    pub(crate) fn start(
        instance: &InstancePre<Guest>,
        ticker: Arc<Ticker>,
        name: &Arc<str>,
        manifest: &Manifest,
    ) -> Result<Self, Fault> {
        let guest = Guest::new(Arc::clone(name), manifest, START_MILLIS_MAX);
        let mut store = Store::new(instance.module().engine(), guest);
        store.limiter(|guest| &mut guest.room);
        store.epoch_deadline_callback(look_at_clock);
        store.set_epoch_deadline(TICKS);
        let call = ticker.begin();
        let command = begin(&mut store, instance);
        drop(call);
        let command = command.map_err(|error| fault(error, store.data()))?;
        Ok(Self {
            store,
            command,
            ticker,
            call_millis: manifest.limits.call_millis,
            is_broken: false,
        })
    }

    fn run(&mut self, command: i32) -> Result<(), Failure> {
        self.store.set_epoch_deadline(TICKS);
        let call = self.ticker.begin();
        let returned = self.command.call(&mut self.store, command);
        drop(call);
        match returned {
            Ok(returned) => self.store.data_mut().outcome(returned),
            Err(error) => Err(fault(error, self.store.data()).into()),
        }
    }
}

impl Instance for Running {
    fn call(&mut self, command: usize, host: Box<dyn Host>) -> (Box<dyn Host>, Result<(), Failure>) {
        if self.is_broken {
            let trap = "it broke in an earlier call".to_owned();
            return (host, Err(Fault::Trap { trap }.into()));
        }
        self.store.data_mut().begin(host, self.call_millis);
        // A number that no manifest has is the guest's to refuse.
        let outcome = self.run(i32::try_from(command).unwrap_or(i32::MAX));
        self.is_broken = matches!(outcome, Err(Failure::Fault(_)));
        (self.store.data_mut().end(), outcome)
    }

    fn memory_bytes(&self) -> usize {
        let memory = self.store.data().memory;
        memory.map_or(0, |memory| memory.data_size(&self.store))
    }
}

/// Makes the instance, and lets it do what it does first.
fn begin(store: &mut Store<Guest>, instance: &InstancePre<Guest>) -> wasmtime::Result<TypedFunc<i32, i32>> {
    let instance = instance.instantiate(&mut *store)?;
    store.data_mut().memory = instance.get_memory(&mut *store, "memory");
    if let Some(initialize) = instance.get_func(&mut *store, "_initialize") {
        initialize.typed::<(), ()>(&*store)?.call(&mut *store, ())?;
    }
    instance.get_typed_func(store, COMMAND_INTERFACE)
}

#[allow(clippy::needless_pass_by_value, reason = "as the store calls it")]
fn look_at_clock(mut store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    store.data_mut().clock.look()?;
    Ok(UpdateDeadline::Continue(TICKS))
}

/// What an error of the runtime says about the guest.
fn fault(error: wasmtime::Error, guest: &Guest) -> Fault {
    let fault = match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) if error.is::<PoolConcurrencyLimitError>() => Fault::NoRoom,
        Err(error) => match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Fault::StackOverflow,
            Some(trap) => Fault::Trap {
                trap: trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
            },
            None => Fault::Trap {
                trap: error.root_cause().to_string(),
            },
        },
    };
    // What a guest does whose allocator got nothing: it stops itself, or goes on where there is no memory.
    if matches!(fault, Fault::Trap { .. }) {
        return guest.room.fault().unwrap_or(fault);
    }
    fault
}
