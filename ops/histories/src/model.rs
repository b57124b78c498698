//! What a model is: the data of one key, and what each operation may do to it.

use std::fmt::Debug;
use std::hash::Hash;

/// The rules of one kind of key, as one copy of the data would keep them.
pub trait Model: Clone + Debug + Send + Sync + 'static {
    /// Names the kind, also in the names of its keys.
    const NAME: &'static str;
    /// What is asked.
    type Input: Clone + Debug + Send + Sync;
    /// What is answered.
    type Answer: Clone + Debug + Send + Sync;
    /// What a key holds. The default is what it holds before anybody wrote.
    type State: Clone + Debug + Default + Eq + Hash + Send + Sync;

    /// Whether it changes nothing, whatever is answered. If nobody knows its answer, it says nothing.
    fn is_read(input: &Self::Input) -> bool;

    /// What the key holds afterwards; `None`: this answer is not possible here. An answer that nobody knows (`None`) may
    /// have been any.
    fn step(state: &Self::State, input: &Self::Input, answer: Option<&Self::Answer>) -> Option<Self::State>;
}
