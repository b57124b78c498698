//! Calls of the control plane's REST API over TLS.
//! Promises: nothing waits without a bound; a call is sent again only if that cannot do it twice; the token goes to no other
//! server than the one it is for, and never into a message. Leaves to `tenure_admin`: what is sent and what answers mean.

mod arguments;
mod context_file;
mod doubt;
mod refusal;
mod retry;
mod tenant;
#[cfg(test)]
mod tests;
mod transport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rand::RngExt;
use serde::de::DeserializeOwned;
use tenure_admin::calls::Page;
use tenure_admin::{Call, ClientError, List, Method};

pub(crate) use self::arguments::ApiArguments;
use self::arguments::Target;
pub(crate) use self::tenant::TenantArgument;
use self::transport::{Transport, Unreachable};
use crate::failure::Failure;
use crate::output::Output;

/// Elements that are asked for at once: what a server gives at most.
const PAGE_SIZE: u16 = 500;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A connection, its TLS apart. 5 s: an operator is waiting.
    pub(crate) connect: Duration,
    /// A call with all its tries, beside what it asks the server to wait. 30 s.
    pub(crate) whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            whole: Duration::from_secs(30),
        }
    }
}

/// See the top of the file.
pub(crate) struct ApiClient {
    transport: Transport,
    limits: Limits,
    /// For whom the command's output is.
    pub(crate) output: Output,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// There is no answer. What was to change may have changed.
    Unreachable {
        /// Why.
        cause: Unreachable,
        /// Whether the call was to change something, and one of its tries may have reached the server.
        may_be_made: bool,
    },
    /// There is one, and it is no success.
    Answered(ClientError),
}

impl ApiClient {
    /// A client of a control plane that this process has started. Nothing is sent yet.
    pub(crate) fn of_own(address: SocketAddr, token: String, ca: PathBuf) -> Result<Self, Failure> {
        let target = Target {
            url: format!("https://{address}"),
            token,
            token_from: "operator.token".to_owned(),
            ca,
        };
        Self::new(&target, Limits::default(), Output::Table)
    }

    fn new(target: &Target, limits: Limits, output: Output) -> Result<Self, Failure> {
        Ok(Self {
            transport: Transport::new(target, limits.connect)?,
            limits,
            output,
        })
    }

    /// Sends a call and gives what the server answers.
    pub(crate) fn send<T: DeserializeOwned>(&self, call: Call<T>) -> Result<T, Failure> {
        self.try_send(call, Duration::ZERO).map_err(|error| self.failure(error))
    }

    /// The same for a change. If the change may have been made although this fails, `in_doubt` is called first.
    pub(crate) fn send_change<T: DeserializeOwned>(
        &self,
        call: Call<T>,
        in_doubt: impl FnOnce(),
    ) -> Result<T, Failure> {
        let (outcome, may_be_made) = self.tries(call, Duration::ZERO);
        outcome.map_err(|error| {
            if may_be_made {
                in_doubt();
            }
            self.failure(error)
        })
    }

    /// The same for a call that asks the server to wait, and with an error that its caller can look at.
    pub(crate) fn try_send<T: DeserializeOwned>(&self, call: Call<T>, wait: Duration) -> Result<T, CallError> {
        self.tries(call, wait).0
    }

    /// All tries of a call, and whether a change may be made although they came to nothing.
    fn tries<T: DeserializeOwned>(&self, call: Call<T>, wait: Duration) -> (Result<T, CallError>, bool) {
        // One key for all tries: this is what makes a second one safe.
        let call = if matches!(call.method, Method::Post | Method::Put) && call.idempotency_key().is_none() {
            call.with_idempotency_key(draw_key())
        } else {
            call
        };
        let end = Instant::now() + self.limits.whole + wait;
        let is_change = call.method != Method::Get;
        let mut tries = 1;
        let mut may_be_made = false;
        loop {
            let outcome = self
                .transport
                .send(&call, end.saturating_duration_since(Instant::now()));
            may_be_made = is_change && doubt::may_be_made(may_be_made, &outcome);
            let pause = retry::pause_before_next(&outcome, call.may_be_repeated(), tries);
            let pause = pause.filter(|pause| Instant::now() + *pause < end);
            let Some(pause) = pause else {
                let outcome = match outcome {
                    Ok(answer) => call.decode(answer.status, &answer.body).map_err(CallError::Answered),
                    Err(cause) => Err(CallError::Unreachable { cause, may_be_made }),
                };
                return (outcome, may_be_made);
            };
            thread::sleep(pause);
            tries += 1;
        }
    }

    /// Reads a list to its end, or to `limit` elements.
    pub(crate) fn all<T: DeserializeOwned>(
        &self,
        limit: usize,
        page: impl Fn(&Page) -> Call<List<T>>,
    ) -> Result<List<T>, Failure> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let missing = u16::try_from(limit - items.len()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
            let asked = Page {
                size: Some(missing),
                token: token.clone(),
            };
            let list = self.send(page(&asked))?;
            items.extend(list.items);
            items.truncate(limit);
            match list.next_page_token {
                Some(next) if items.len() < limit => {
                    if token.as_ref() == Some(&next) {
                        let error = anyhow!("the control plane answers the same page of a list again and again");
                        return Err(Failure::new(
                            error,
                            "this is a defect of the control plane: please report it",
                        ));
                    }
                    token = Some(next);
                }
                next_page_token => {
                    return Ok(List { items, next_page_token });
                }
            }
        }
    }

    /// As the person at the terminal reads it, or a program.
    pub(crate) fn failure(&self, error: CallError) -> Failure {
        refusal::failure(error, &self.transport.url, self.output)
    }
}

impl CallError {
    /// Whether the same call may have another answer soon.
    pub(crate) fn is_momentary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Answered(ClientError::Problem(problem)) => is_momentary(problem.status),
            Self::Answered(ClientError::Foreign { status, .. }) => is_momentary(*status),
        }
    }

    /// What the server asks for before another try.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered(ClientError::Problem(problem)) => {
                problem.retry_after.map(|secs| Duration::from_secs(secs.into()))
            }
            Self::Answered(ClientError::Foreign { .. }) | Self::Unreachable { .. } => None,
        }
    }
}

/// Of a server that has too much to do, or a fault that may pass.
fn is_momentary(status: u16) -> bool {
    matches!(status, 429 | 500..=599)
}

/// 128 random bits.
fn draw_key() -> String {
    format!("cli-{:032x}", rand::rng().random::<u128>())
}

#[cfg(test)]
impl CallError {
    /// A call without an answer.
    pub(crate) fn unreachable_in_tests() -> Self {
        Self::Unreachable {
            cause: Unreachable {
                error: anyhow!("cut"),
                hint: String::new(),
                is_final: false,
                may_have_arrived: false,
            },
            may_be_made: false,
        }
    }
}
