//! How the operations of each model are asked of a shard, and what its replies say.

use redis::{Pipeline, Value, pipe};
use tenure_histories::{
    Key, List, ListAnswer, ListInput, Model, Pair, PairAnswer, PairInput, Register, RegisterAnswer, RegisterInput,
};

/// Digits of a list's element, and the comma behind it.
const ELEMENT_BYTES: usize = 7;

/// A model whose operations are commands.
pub(crate) trait Spoken: Model {
    /// The commands of an operation. Clients may have different ways to ask for the same.
    fn requests(key: Key, input: &Self::Input, client: u32) -> Pipeline;

    /// The answer in their replies, none of which is an error.
    fn answer(input: &Self::Input, replies: &[Value]) -> Self::Answer;
}

impl Spoken for Register {
    fn requests(key: Key, input: &RegisterInput, _client: u32) -> Pipeline {
        let mut requests = pipe();
        let key = key.to_string();
        match input {
            RegisterInput::Write(value) => requests.cmd("SET").arg(key).arg(*value),
            RegisterInput::Read => requests.cmd("GET").arg(key),
            RegisterInput::Swap { old, new } => requests.cmd("SET").arg(key).arg(*new).arg("IFEQ").arg(*old),
        };
        requests
    }

    fn answer(input: &RegisterInput, replies: &[Value]) -> RegisterAnswer {
        match (input, replies) {
            (RegisterInput::Write(_), [Value::Okay]) => RegisterAnswer::Written,
            (RegisterInput::Read, [value]) => RegisterAnswer::Value(number(value)),
            (RegisterInput::Swap { .. }, [Value::Okay]) => RegisterAnswer::Swapped(true),
            (RegisterInput::Swap { .. }, [Value::Nil]) => RegisterAnswer::Swapped(false),
            _ => panic!("{input:?} was answered {replies:?}"),
        }
    }
}

/// A list in a string: there are no lists yet. All elements have one length, so the length tells how many there are.
impl Spoken for List {
    fn requests(key: Key, input: &ListInput, _client: u32) -> Pipeline {
        let mut requests = pipe();
        let key = key.to_string();
        match input {
            ListInput::Append(element) => requests.cmd("APPEND").arg(key).arg(format!("{element:06},")),
            ListInput::Read => requests.cmd("GET").arg(key),
        };
        requests
    }

    fn answer(input: &ListInput, replies: &[Value]) -> ListAnswer {
        match (input, replies) {
            (ListInput::Append(_), [Value::Int(bytes)]) => {
                let bytes = usize::try_from(*bytes).expect("a length");
                assert_eq!(bytes % ELEMENT_BYTES, 0, "{input:?} left a torn list of {bytes} bytes");
                ListAnswer::Length(bytes / ELEMENT_BYTES)
            }
            (ListInput::Read, [Value::Nil]) => ListAnswer::Elements(Vec::new()),
            (ListInput::Read, [Value::BulkString(bytes)]) => {
                let text = std::str::from_utf8(bytes).expect("digits and commas");
                let elements = text
                    .split_terminator(',')
                    .map(|element| element.parse().expect("a number"));
                ListAnswer::Elements(elements.collect())
            }
            _ => panic!("{input:?} was answered {replies:?}"),
        }
    }
}

impl Spoken for Pair {
    fn requests(key: Key, input: &PairInput, client: u32) -> Pipeline {
        // One slot for both.
        let [first, second] = ["first", "second"].map(|name| format!("{{{key}}} {name}"));
        let mut requests = pipe();
        match input {
            PairInput::Write(value) => {
                requests.cmd("MULTI");
                requests.cmd("SET").arg(first).arg(*value);
                requests.cmd("SET").arg(second).arg(*value);
                requests.cmd("EXEC");
            }
            PairInput::Read if (client / 2).is_multiple_of(2) => {
                requests.cmd("MGET").arg(first).arg(second);
            }
            PairInput::Read => {
                requests.cmd("MULTI");
                requests.cmd("GET").arg(first);
                requests.cmd("GET").arg(second);
                requests.cmd("EXEC");
            }
        }
        requests
    }

    fn answer(input: &PairInput, replies: &[Value]) -> PairAnswer {
        match (input, replies.last()) {
            (PairInput::Write(_), Some(Value::Array(done))) if *done == [Value::Okay, Value::Okay] => {
                PairAnswer::Written
            }
            (PairInput::Read, Some(Value::Array(values))) if values.len() == 2 => {
                PairAnswer::Values(number(&values[0]), number(&values[1]))
            }
            _ => panic!("{input:?} was answered {replies:?}"),
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    redis::from_redis_value_ref(value).expect("a number, or nothing")
}
