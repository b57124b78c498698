//! Waiting for an operation: `--wait`.
//! Promises: one line on stderr for each change of a step, under the name that the operation's target had when the wait began;
//! an operation that failed is a failure with its error, one that takes too long is one with another exit code, and goes on. A
//! control plane that is away for a moment, or says that it has too much to do or a fault, ends no wait.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use tenure_admin::{Operation, OperationState, Step, calls};

use crate::api_client::{ApiClient, CallError};
use crate::failure::{Exit, Failure};
use crate::output::{printable, say, word};

/// How long one question waits for an answer. Short, so that steps are told soon also by a server that answers only when all
/// is over.
const ASK_FOR: Duration = Duration::from_secs(2);
/// Between two questions that were not waited for.
const ASK_PAUSE: Duration = Duration::from_millis(200);

/// Flags of commands that begin an operation.
#[derive(Args)]
pub(crate) struct Waiting {
    /// Wait until it is done, and tell of its steps on stderr. Exit code 1 if it fails, 6 after the timeout.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) timeout: Timeout,
}

#[derive(Args)]
pub(crate) struct Timeout {
    /// How long to wait, such as 90s, 5m or 1h. The operation goes on after it.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

/// Waits until the operation is over, and gives it as it is then. A timeout or a loss is an error; an operation that failed is
/// none yet, see [`outcome`].
pub(crate) fn to_its_end(client: &ApiClient, first: Operation, timeout: Duration) -> Result<Operation, Failure> {
    let ask = |wait: Duration| client.try_send(calls::get_operation(&first.id, Some(wait)), wait);
    let wait = Wait {
        timeout,
        pause: ASK_PAUSE,
    };
    wait.until_over(first.clone(), ask, &mut |line| say(line), |error| client.failure(error))
}

/// What an operation that is over comes to.
pub(crate) fn outcome(operation: &Operation) -> Result<(), Failure> {
    if operation.state != OperationState::Failed {
        return Ok(());
    }
    let (code, detail) = match &operation.error {
        Some(error) => (error.code.as_str(), error.detail.as_str()),
        None => ("unknown", "the control plane does not say why"),
    };
    let said = format!("{} of {} failed: {detail} ({code})", operation.kind, operation.target);
    let hint = format!(
        "tenure operation show {} has its steps; tenure event list what happened",
        operation.id
    );
    Err(Failure::new(anyhow!(printable(&said)), printable(&hint)))
}

struct Wait {
    timeout: Duration,
    pause: Duration,
}

impl Wait {
    fn until_over(
        &self,
        first: Operation,
        ask: impl Fn(Duration) -> Result<Operation, CallError>,
        tell: &mut dyn FnMut(&str),
        failure: impl Fn(CallError) -> Failure,
    ) -> Result<Operation, Failure> {
        let end = Instant::now() + self.timeout;
        for line in changes(&[], &first) {
            tell(&line);
        }
        let mut known = first;
        let mut is_lost = false;
        while !is_over(&known) {
            let now = Instant::now();
            if now >= end {
                return Err(too_long(&known, self.timeout));
            }
            let mut pause = self.pause;
            match ask(ASK_FOR.min(end - now)) {
                Ok(next) => {
                    // What is deleted loses its name on the way, and would go on as another.
                    let next = Operation {
                        target: known.target,
                        ..next
                    };
                    for line in changes(&known.steps, &next) {
                        tell(&line);
                    }
                    (known, is_lost) = (next, false);
                }
                Err(error) if error.is_momentary() => {
                    if !is_lost {
                        tell(absence(&error));
                    }
                    is_lost = true;
                    pause = pause.max(error.retry_after().unwrap_or_default());
                }
                Err(error) => return Err(failure(error)),
            }
            // A server that does not wait is not asked all the time.
            if !is_over(&known) && now.elapsed() < pause {
                thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            }
        }
        Ok(known)
    }
}

fn absence(error: &CallError) -> &'static str {
    match error {
        CallError::Unreachable { .. } => "the control plane does not answer; asking again",
        CallError::Answered(_) => "the control plane cannot tell now; asking again",
    }
}

fn is_over(operation: &Operation) -> bool {
    match operation.state {
        OperationState::Pending | OperationState::Running => false,
        OperationState::Succeeded | OperationState::Failed => true,
    }
}

fn too_long(operation: &Operation, timeout: Duration) -> Failure {
    let target = &operation.target;
    let said = format!("{} of {target} is not over after {}", operation.kind, shown(timeout));
    let hint = format!("it goes on; wait again with: tenure operation wait {}", operation.id);
    Failure::new(anyhow!(printable(&said)), printable(&hint)).exiting(Exit::TimedOut)
}

/// A line for each step that is not as it was. What is yet to come is not told.
fn changes(known: &[Step], now: &Operation) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, step) in now.steps.iter().enumerate() {
        let is_news = match known.get(at) {
            Some(before) => before != step,
            None => step.state != tenure_admin::StepState::Pending,
        };
        if is_news {
            let state = word(&step.state).to_lowercase();
            let detail = if step.detail.is_empty() {
                String::new()
            } else {
                format!(" ({})", step.detail)
            };
            lines.push(format!("{}: {}: {state}{detail}", now.target, step.name));
        }
    }
    lines
}

/// A time such as `90s`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: expected one such as 90s, 5m or 1h");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    let number = u64::from(number);
    match text.get(digits.len()..) {
        Some("ms") => Ok(Duration::from_millis(number)),
        Some("s") => Ok(Duration::from_secs(number)),
        Some("m") => Ok(Duration::from_secs(number * 60)),
        Some("h") => Ok(Duration::from_secs(number * 3600)),
        Some(_) | None => Err(wrong()),
    }
}

fn shown(duration: Duration) -> String {
    let (secs, millis) = (duration.as_secs(), duration.subsec_millis());
    match secs {
        _ if millis > 0 => format!("{} ms", duration.as_millis()),
        _ if secs >= 60 && secs % 60 == 0 => format!("{} min", secs / 60),
        _ => format!("{secs} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tenure_admin::{ClientError, OperationError, StepState};

    use super::*;

    fn operation(state: OperationState, steps: &[(&str, StepState, &str)]) -> Operation {
        let step = |(name, state, detail): &(&str, StepState, &str)| Step {
            name: (*name).to_owned(),
            state: *state,
            detail: (*detail).to_owned(),
        };
        Operation {
            id: "op_1".to_owned(),
            kind: "create-cluster".to_owned(),
            state,
            tenant: Some("demo".to_owned()),
            cluster: None,
            target: "demo/shop".to_owned(),
            steps: steps.iter().map(step).collect(),
            progress_percent: 0,
            error: None,
            created_at: String::new(),
            finished_at: None,
        }
    }

    fn foreign(status: u16) -> CallError {
        CallError::Answered(ClientError::Foreign {
            status,
            shown: String::new(),
        })
    }

    fn problem(status: u16) -> CallError {
        CallError::Answered(ClientError::Problem(Box::new(tenure_admin::Problem {
            kind: String::new(),
            title: String::new(),
            status,
            detail: String::new(),
            instance: String::new(),
            code: "a-code".to_owned(),
            errors: Vec::new(),
            retry_after: Some(0),
            operation: None,
        })))
    }

    /// Waits for what a server answers in this order, and gives what was told.
    fn waited(
        first: Operation,
        answers: Vec<Result<Operation, CallError>>,
        timeout: Duration,
    ) -> (Result<Operation, Failure>, Vec<String>) {
        let answers = RefCell::new(answers.into_iter());
        let mut told = Vec::new();
        let wait = Wait {
            timeout,
            pause: Duration::ZERO,
        };
        let ask = |_| answers.borrow_mut().next().unwrap_or_else(|| Err(foreign(404)));
        let tell = &mut |line: &str| told.push(line.to_owned());
        let end = wait.until_over(first, ask, tell, |_| Failure::new(anyhow!("not found"), "look"));
        (end, told)
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn each_change_of_a_step_is_one_line() {
        use OperationState::{Running, Succeeded};
        use StepState::{Done, Pending, Running as Begun};
        let first = operation(Running, &[("place shards", Done, ""), ("start replicas", Pending, "")]);
        let answers = vec![
            Ok(operation(
                Running,
                &[("place shards", Done, ""), ("start replicas", Begun, "1 of 2")],
            )),
            Ok(operation(
                Running,
                &[("place shards", Done, ""), ("start replicas", Begun, "1 of 2")],
            )),
            Ok(operation(
                Succeeded,
                &[("place shards", Done, ""), ("start replicas", Done, "")],
            )),
        ];
        let (end, told) = waited(first, answers, LONG);
        assert_eq!(end.unwrap().state, Succeeded);
        assert_eq!(
            told,
            [
                "demo/shop: place shards: done",
                "demo/shop: start replicas: running (1 of 2)",
                "demo/shop: start replicas: done"
            ]
        );
    }

    #[test]
    fn what_is_deleted_keeps_its_name_to_the_end_of_the_wait() {
        use StepState::{Done, Running as Begun};
        let first = operation(OperationState::Running, &[("stop replicas", Begun, "")]);
        let mut last = operation(OperationState::Failed, &[("stop replicas", Done, "")]);
        last.target = "demo/clu_1".to_owned();
        let (end, told) = waited(first, vec![Ok(last)], LONG);
        assert_eq!(
            told,
            ["demo/shop: stop replicas: running", "demo/shop: stop replicas: done"]
        );
        let end = end.unwrap();
        assert_eq!(end.target, "demo/shop");
        let said = outcome(&end).unwrap_err().to_string();
        assert!(
            said.starts_with("error: create-cluster of demo/shop failed: "),
            "{said}"
        );
    }

    #[test]
    fn an_operation_that_failed_is_exit_code_1_with_its_error_and_a_hint() {
        let mut failed = operation(OperationState::Failed, &[]);
        failed.error = Some(OperationError {
            code: "no-capacity".to_owned(),
            detail: "no node has 1 GiB left".to_owned(),
        });
        let (end, _) = waited(operation(OperationState::Running, &[]), vec![Ok(failed)], LONG);
        let failure = outcome(&end.unwrap()).unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
        assert_eq!(
            failure.to_string(),
            "error: create-cluster of demo/shop failed: no node has 1 GiB left (no-capacity)\n\
             hint: tenure operation show op_1 has its steps; tenure event list what happened\n"
        );
        assert!(outcome(&operation(OperationState::Succeeded, &[])).is_ok());
    }

    #[test]
    fn what_takes_too_long_is_exit_code_6_and_says_how_to_wait_again() {
        let (end, _) = waited(operation(OperationState::Running, &[]), vec![], Duration::ZERO);
        let failure = end.unwrap_err();
        assert_eq!(failure.exit(), Exit::TimedOut);
        assert_eq!(
            failure.to_string(),
            "error: create-cluster of demo/shop is not over after 0 s\n\
             hint: it goes on; wait again with: tenure operation wait op_1\n"
        );
        // Over is over, however little time there was.
        let (end, _) = waited(operation(OperationState::Succeeded, &[]), vec![], Duration::ZERO);
        assert!(end.is_ok());
    }

    #[test]
    fn a_control_plane_that_is_away_for_a_moment_ends_no_wait_and_a_refusal_does() {
        let away = || Err(CallError::unreachable_in_tests());
        let done = operation(OperationState::Succeeded, &[]);
        let (end, told) = waited(
            operation(OperationState::Running, &[]),
            vec![away(), away(), Ok(done)],
            LONG,
        );
        assert!(end.is_ok());
        assert_eq!(told, ["the control plane does not answer; asking again"]);
        for refusal in [foreign(404), problem(404), problem(401), problem(409), foreign(302)] {
            let shown = format!("{refusal:?}");
            let (end, _) = waited(operation(OperationState::Running, &[]), vec![Err(refusal)], LONG);
            let said = end.unwrap_err().to_string();
            assert!(said.starts_with("error: not found\n"), "{shown}: {said}");
        }
    }

    #[test]
    fn a_control_plane_with_too_much_to_do_or_a_fault_ends_no_wait() {
        for status in [429, 500, 502, 503, 504] {
            for error in [problem, foreign] {
                let done = operation(OperationState::Succeeded, &[]);
                let answers = vec![Err(error(status)), Err(error(status)), Ok(done)];
                let (end, told) = waited(operation(OperationState::Running, &[]), answers, LONG);
                assert!(end.is_ok(), "{status}");
                assert_eq!(told, ["the control plane cannot tell now; asking again"]);
            }
        }
    }

    #[test]
    fn a_control_plane_that_asks_for_time_is_not_asked_before_and_not_after_the_timeout() {
        let mut busy = problem(503);
        if let CallError::Answered(ClientError::Problem(problem)) = &mut busy {
            problem.retry_after = Some(3600);
        }
        let timeout = Duration::from_millis(20);
        // A second question would be refused for good.
        let (end, _) = waited(operation(OperationState::Running, &[]), vec![Err(busy)], timeout);
        assert_eq!(end.unwrap_err().exit(), Exit::TimedOut);
    }

    #[test]
    fn what_a_server_says_of_an_operation_stays_on_its_line() {
        let mut strange = operation(OperationState::Failed, &[]);
        (strange.id, strange.target) = ("op_1\nb".to_owned(), "demo/\x1b[2J\nhint: a".to_owned());
        strange.error = Some(OperationError {
            code: "c\nd".to_owned(),
            detail: "e\nf".to_owned(),
        });
        assert_eq!(
            outcome(&strange).unwrap_err().to_string(),
            "error: create-cluster of demo/ [2J hint: a failed: e f (c d)\n\
             hint: tenure operation show op_1 b has its steps; tenure event list what happened\n"
        );
        assert_eq!(
            too_long(&strange, Duration::from_secs(1)).to_string(),
            "error: create-cluster of demo/ [2J hint: a is not over after 1 s\n\
             hint: it goes on; wait again with: tenure operation wait op_1 b\n"
        );
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, secs) in [("90s", 90), ("5m", 300), ("1h", 3600), ("0s", 0), ("3000ms", 3)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "5", "m", "-1s", "1.5m", "5 m", "1d", "99999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for (secs, text) in [(90, "90 s"), (300, "5 min"), (3600, "60 min"), (0, "0 s")] {
            assert_eq!(shown(Duration::from_secs(secs)), text);
        }
    }
}
