//! ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE: sorted sets put together and kept under a key.
//! Promises: the effect names the keys and weights, not what comes of them: a replica holds the same sorted sets.

use super::combine::{Asked, Input, Options, counted};
use super::{SPEC, command};
use crate::command::{Access, Arity, Call, Command, Flags, KeySpec, Spec};
use crate::{CommandError, Effect, Operation, Score};

const STORED: Spec = Spec {
    arity: Arity::AtLeast(4),
    flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::MOVABLEKEYS),
    keys: &[KeySpec::one(1, Access::Overwrite, &["update"]), counted(2)],
    since: "2.0.0",
    ..SPEC
};

pub(super) const ZUNIONSTORE: Command = command(
    Spec {
        name: "zunionstore",
        summary: "Stores the members that are in any of some sorted sets.",
        complexity: "O(N)+O(M*log(M)) with N members of all, M in the result",
        ..STORED
    },
    |call| store(call, "zunionstore", Operation::Union),
);

pub(super) const ZINTERSTORE: Command = command(
    Spec {
        name: "zinterstore",
        summary: "Stores the members that are in all of some sorted sets.",
        complexity: "O(N*K)+O(M*log(M)) with N members of the smallest of K sorted sets, M in the result",
        ..STORED
    },
    |call| store(call, "zinterstore", Operation::Intersection),
);

pub(super) const ZDIFFSTORE: Command = command(
    Spec {
        name: "zdiffstore",
        since: "6.2.0",
        summary: "Stores the members that are in the first of some sorted sets and in no other.",
        complexity: "O(N*K)+O(M*log(M)) with N members of the first of K sorted sets, M in the result",
        ..STORED
    },
    |call| store(call, "zdiffstore", Operation::Difference),
);

fn store(call: &mut Call<'_>, name: &'static str, operation: Operation) -> Result<(), CommandError> {
    let to = &call.args[1];
    let input = Input::find(call.image, call.args.from(2), name)?;
    let options = Options::parse(input.words, Asked::Stored(operation), input.keys.len())?;
    let combination = options.combination(operation);
    let there = call.image.peek(to)?.is_some();
    let sources = input.sources(call.image, &options.weights, operation)?;
    // What changes nothing is not logged.
    let comes = combination.count(&sources, 1) > 0;
    let stored = if comes {
        let weights = options.weights.iter().copied().chain(std::iter::repeat(Score::ONE));
        let sources = weights.zip(input.keys.iter()).collect();
        let effect = Effect::SortedSetCombine {
            to,
            combination,
            sources,
        };
        call.image.write(effect).added
    } else {
        0
    };
    if !comes && there {
        call.image.write(Effect::Remove { key: to });
    }
    call.reply.integer(stored as i64);
    Ok(())
}
