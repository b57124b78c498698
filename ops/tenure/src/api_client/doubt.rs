//! Whether a change may have been made although no answer says so.
//! Promises: in doubt it may have been. Reads no clock.

use tenure_admin::Problem;

use super::transport::{Answer, Unreachable};

/// The one fault that the control plane finds before it changes anything: it asks the log first.
const FOUND_BEFORE: &str = "log-unavailable";

/// After one more try of a change. `before` is what is known of the tries before it, which had the same `Idempotency-Key`.
pub(super) fn may_be_made(before: bool, outcome: &Result<Answer, Unreachable>) -> bool {
    match outcome {
        Err(cause) => before || cause.may_have_arrived,
        Ok(answer) => match answer.status {
            // Refused, but an earlier try may be what is in the way, or may be remembered when there is time to look.
            409 | 429 | 507 => before,
            // What is wrong with this try was wrong with those before.
            400..=499 => false,
            503 if is_found_before(&answer.body) => before,
            // A fault may have come after the change. A success says so itself, if it can be read.
            _ => true,
        },
    }
}

fn is_found_before(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|problem: Problem| problem.code == FOUND_BEFORE)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn answer(status: u16) -> Result<Answer, Unreachable> {
        Ok(Answer {
            status,
            retry_after: None,
            body: Vec::new(),
        })
    }

    fn without_log() -> Result<Answer, Unreachable> {
        let body = br#"{"type":"","title":"","status":503,"detail":"","instance":"","code":"log-unavailable"}"#;
        answer(503).map(|answer| Answer {
            body: body.to_vec(),
            ..answer
        })
    }

    fn lost(may_have_arrived: bool) -> Result<Answer, Unreachable> {
        Err(Unreachable {
            error: anyhow!("cut"),
            hint: String::new(),
            is_final: false,
            may_have_arrived,
        })
    }

    #[test]
    fn what_was_refused_was_not_made_and_what_had_no_answer_may_be() {
        for (outcome, at_first, after_a_loss) in [
            (lost(true), true, true),
            (lost(false), false, true),
            (answer(202), true, true),
            (answer(302), true, true),
            (answer(400), false, false),
            (answer(401), false, false),
            (answer(404), false, false),
            (answer(409), false, true),
            (answer(429), false, true),
            (answer(500), true, true),
            (answer(502), true, true),
            (answer(503), true, true),
            (without_log(), false, true),
            (answer(507), false, true),
        ] {
            assert_eq!(may_be_made(false, &outcome), at_first, "{outcome:?}");
            assert_eq!(may_be_made(true, &outcome), after_a_loss, "{outcome:?} after a loss");
        }
    }
}
