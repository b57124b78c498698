//! One client at work: which operations it asks for, and that each of them is recorded.

use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use tenure_histories::{
    Key, ListAnswer, ListInput, Outcome, PairInput, Recorder, Register, RegisterAnswer, RegisterInput,
};

use super::client::Client;
use super::load::Shared;
use super::spoken::Spoken;

/// Between two operations. Enough of them overlap without taking the whole machine.
const THINKS_FOR: Duration = Duration::from_millis(2);

/// See the top of the file.
pub(crate) struct Actor {
    pub(crate) number: u32,
    pub(crate) client: Client,
    /// Whether it does not only read.
    pub(crate) writes: bool,
    pub(crate) shared: Rc<Shared>,
}

impl Actor {
    /// Until the load is stopped.
    pub(crate) async fn work(mut self, mut random: StdRng) {
        let shared = Rc::clone(&self.shared);
        while !shared.stop.get() {
            if self.client.is_ready().await {
                self.operate(&shared, &mut random).await;
            }
            tokio::time::sleep(THINKS_FOR).await;
        }
    }

    /// One operation, or two that belong together.
    async fn operate(&mut self, shared: &Shared, random: &mut StdRng) {
        let Shared {
            registers,
            lists,
            pairs,
            ..
        } = shared;
        let writes = self.writes && random.random_bool(0.7);
        match (random.random_range(0..3), writes) {
            (0, false) => _ = self.perform(registers, registers.current(), RegisterInput::Read).await,
            (0, true) if random.random_bool(0.5) => self.swap(registers).await,
            (0, true) => {
                let write = RegisterInput::Write(registers.fresh_value());
                _ = self.perform(registers, registers.current(), write).await;
            }
            (1, false) => _ = self.perform(lists, lists.current(), ListInput::Read).await,
            (1, true) => {
                let append = ListInput::Append(lists.fresh_value());
                _ = self.perform(lists, lists.current(), append).await;
            }
            (_, false) => _ = self.perform(pairs, pairs.current(), PairInput::Read).await,
            (_, true) => {
                let write = PairInput::Write(pairs.fresh_value());
                _ = self.perform(pairs, pairs.current(), write).await;
            }
        }
    }

    /// Reads a register and swaps what it has read.
    async fn swap(&mut self, registers: &Recorder<Register>) {
        let key = registers.current();
        let read = self.perform(registers, key, RegisterInput::Read).await;
        if let Some(RegisterAnswer::Value(Some(old))) = read
            && self.client.is_ready().await
        {
            let new = registers.fresh_value();
            _ = self.perform(registers, key, RegisterInput::Swap { old, new }).await;
        }
    }

    /// Reads the key that was used last, or one before it. Tells whether it was answered.
    pub(crate) async fn looks_back<M: Spoken>(&mut self, recorder: &Recorder<M>, back: usize, read: M::Input) -> bool {
        let key = recorder.keys().into_iter().rev().nth(back);
        match key {
            Some(key) => self.perform(recorder, key, read).await.is_some(),
            None => false,
        }
    }

    /// Reads every key once more; tells what is in each list.
    pub(crate) async fn read_everything(&mut self) -> Vec<(Key, Vec<u64>)> {
        let shared = Rc::clone(&self.shared);
        for key in shared.registers.keys() {
            self.reads(&shared.registers, key, RegisterInput::Read).await;
        }
        for key in shared.pairs.keys() {
            self.reads(&shared.pairs, key, PairInput::Read).await;
        }
        let mut lists = Vec::new();
        for key in shared.lists.keys() {
            match self.reads(&shared.lists, key, ListInput::Read).await {
                ListAnswer::Elements(elements) => lists.push((key, elements)),
                ListAnswer::Length(_) => unreachable!("a read has no length"),
            }
        }
        lists
    }

    /// Asks until it is answered.
    async fn reads<M: Spoken>(&mut self, recorder: &Recorder<M>, key: Key, read: M::Input) -> M::Answer {
        loop {
            if self.client.is_ready().await
                && let Some(answer) = self.perform(recorder, key, read.clone()).await
            {
                return answer;
            }
        }
    }

    /// One operation of a client that is ready; `None`: refused, or nobody knows.
    async fn perform<M: Spoken>(&mut self, recorder: &Recorder<M>, key: Key, input: M::Input) -> Option<M::Answer> {
        let requests = M::requests(key, &input, self.number);
        let called = Instant::now();
        let call = recorder.call(self.number, key, input.clone());
        let outcome = match self.client.ask(&requests).await {
            Outcome::Ok(replies) => Outcome::Ok(M::answer(&input, &replies)),
            Outcome::Refused => Outcome::Refused,
            Outcome::Unknown => Outcome::Unknown,
        };
        call.end(outcome.clone());
        match outcome {
            Outcome::Ok(answer) => {
                self.shared.note_answer(called, !M::is_read(&input));
                Some(answer)
            }
            Outcome::Refused | Outcome::Unknown => None,
        }
    }
}
