//! Whether a call is sent again, and after how long.
//! Promises: at most [`TRIES_MAX`] times, and only if the call may be repeated. Reads no clock.

use std::time::Duration;

use super::transport::{Answer, Unreachable};

const TRIES_MAX: u32 = 3;
/// Before the second try of a call that had no answer; before the third, four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longer than that nobody waits for a server that asks for it: the error says how long it asked for.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The pause before the next try, if there is one. `tries` are those that were made.
pub(super) fn pause_before_next(
    outcome: &Result<Answer, Unreachable>,
    may_be_repeated: bool,
    tries: u32,
) -> Option<Duration> {
    if !may_be_repeated || tries >= TRIES_MAX {
        return None;
    }
    match outcome {
        Ok(answer) if matches!(answer.status, 429 | 503) => answer.retry_after.filter(|pause| *pause <= PAUSE_MAX),
        Ok(_) => None,
        Err(cause) if cause.is_final => None,
        Err(_) => Some(FIRST_PAUSE * 4_u32.pow(tries - 1)),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn answer(status: u16, retry_after_secs: Option<u64>) -> Result<Answer, Unreachable> {
        Ok(Answer {
            status,
            retry_after: retry_after_secs.map(Duration::from_secs),
            body: Vec::new(),
        })
    }

    fn unreachable(is_final: bool) -> Result<Answer, Unreachable> {
        Err(Unreachable {
            error: anyhow!("cut"),
            hint: String::new(),
            is_final,
            may_have_arrived: true,
        })
    }

    #[test]
    fn only_what_may_be_repeated_is_and_only_twice() {
        let millis = Duration::from_millis;
        for (outcome, may_be_repeated, tries, pause) in [
            (answer(200, Some(1)), true, 1, None),
            (answer(503, Some(2)), true, 1, Some(millis(2000))),
            (answer(429, Some(0)), true, 2, Some(millis(0))),
            (answer(503, Some(2)), true, 3, None),
            (answer(503, Some(2)), false, 1, None),
            (answer(503, Some(11)), true, 1, None),
            (answer(503, None), true, 1, None),
            (answer(500, Some(1)), true, 1, None),
            (answer(409, Some(1)), true, 1, None),
            (unreachable(false), true, 1, Some(millis(250))),
            (unreachable(false), true, 2, Some(millis(1000))),
            (unreachable(false), true, 3, None),
            (unreachable(false), false, 1, None),
            (unreachable(true), true, 1, None),
        ] {
            let told = pause_before_next(&outcome, may_be_repeated, tries);
            assert_eq!(told, pause, "{outcome:?} {may_be_repeated} {tries}");
        }
    }
}
