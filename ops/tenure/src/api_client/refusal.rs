//! What a call that came to nothing means to the person at the terminal: exit code, lines, hint.
//! Promises: every problem has an exit code by its status and a hint by its code, also one that is not known here.

use anyhow::anyhow;
use tenure_admin::{ClientError, FieldError, Problem};

use super::CallError;
use crate::failure::{Exit, Failure};
use crate::output::{self, Output};

/// The whole failure.
pub(super) fn failure(error: CallError, url: &str, output: Output) -> Failure {
    match error {
        CallError::Unreachable { cause, may_be_made } => {
            let failure = Failure::new(cause.error, cause.hint);
            if may_be_made {
                failure.noting("it is not known whether the change was made: look before you try again")
            } else {
                failure
            }
        }
        CallError::Answered(ClientError::Problem(problem)) => of_problem(&problem, output),
        CallError::Answered(error @ ClientError::Foreign { .. }) => Failure::new(
            error,
            format!("is {url} a control plane, and this tenure of its version? See tenure --version"),
        ),
    }
}

fn of_problem(problem: &Problem, output: Output) -> Failure {
    // A detail that only repeats the fields is told by them.
    let repeats = |field: &FieldError| problem.detail.contains(&field.rule);
    let has_said_all = !problem.errors.is_empty() && problem.errors.iter().all(repeats);
    let said = if has_said_all { &problem.title } else { &problem.detail };
    let error = anyhow!("{}", output::printable(said));
    let mut failure = Failure::new(error, output::printable(&hint(problem))).exiting(exit(problem.status));
    for field in &problem.errors {
        failure = failure.noting(output::printable(&format!("  {}: {}", field.field, field.rule)));
    }
    if !problem.instance.is_empty() {
        failure = failure.noting(output::printable(&format!("request: {}", problem.instance)));
    }
    match output {
        Output::Table => failure,
        Output::Json => match output::json(problem) {
            Ok(document) => failure.told_as(document),
            Err(_) => failure,
        },
    }
}

/// By status: it is the part of the contract that scripts know.
fn exit(status: u16) -> Exit {
    match status {
        404 => Exit::NotFound,
        401 | 403 => Exit::Auth,
        409 | 412 | 422 => Exit::Conflict,
        _ => Exit::Failed,
    }
}

/// The nearest thing to do.
fn hint(problem: &Problem) -> String {
    if let Some(operation) = &problem.operation {
        return format!("wait for what is in the way: tenure operation wait {operation}");
    }
    if let Some(secs) = problem.retry_after {
        return format!("try again after {secs} s");
    }
    let text = match (problem.code.as_str(), problem.status) {
        ("already-exists", _) => "choose another name, or look at what is there with the list command",
        ("in-use", _) => {
            "take away what is below it first: tenure cluster list shows clusters, tenure plugin list who runs what"
        }
        ("unfit", _) => "mend the module: ops/docs/plugins.md says what a plugin has to be",
        ("too-many-plugins", _) => {
            "tenure plugin list shows which versions no cluster runs; tenure plugin delete makes room"
        }
        (_, 413) => "make it smaller: a module without debug sections is at most 4 MiB",
        ("not-active", _) => "wait until it is: tenure cluster show NAME says what it is doing",
        ("own-key", _) => "revoke it with another key of at least its role",
        ("not-a-replica", _) => "tenure cluster show NAME lists the replicas of each shard",
        ("already-primary", _) => "nothing is to be done: tenure cluster show NAME names the primary of each shard",
        (_, 400) => "correct what is named above; --help of this command says what is allowed",
        (_, 401) => "is the token whole, and its key not expired or revoked? See TENURE_TOKEN, --token-file",
        (_, 403) => "use a key of a higher role; tenure api-key list shows keys and their roles",
        (_, 404) => "the list command shows what is there; --tenant says whose",
        (_, 412) => "it was changed meanwhile: look at it again, then repeat",
        (_, 409 | 422) => "look at it with the show command, then repeat",
        (_, 429 | 503) => "try again in a moment",
        (_, 507) => "add data nodes or ask for less; tenure node list shows what is promised",
        _ => "the control plane's log has more under the request's number",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::transport::Unreachable;
    use super::*;

    fn problem(status: u16, code: &str) -> Problem {
        Problem {
            kind: format!("urn:tenure:problem:{code}"),
            title: "Title".to_owned(),
            status,
            detail: "it is so".to_owned(),
            instance: "7f".to_owned(),
            code: code.to_owned(),
            errors: Vec::new(),
            retry_after: None,
            operation: None,
        }
    }

    #[test]
    fn the_exit_code_tells_the_kind() {
        for (status, code) in [
            (400, Exit::Failed),
            (401, Exit::Auth),
            (403, Exit::Auth),
            (404, Exit::NotFound),
            (405, Exit::Failed),
            (409, Exit::Conflict),
            (412, Exit::Conflict),
            (422, Exit::Conflict),
            (429, Exit::Failed),
            (500, Exit::Failed),
            (503, Exit::Failed),
            (507, Exit::Failed),
        ] {
            let failure = of_problem(&problem(status, "a-code"), Output::Table);
            assert_eq!(failure.exit(), code, "{status}");
        }
    }

    #[test]
    fn people_read_the_fields_the_request_and_what_to_do() {
        let mut wrong = problem(400, "invalid-request");
        wrong.errors = vec![
            FieldError {
                field: "/name".to_owned(),
                rule: "1 to 63 letters\x1b[2J".to_owned(),
            },
            FieldError {
                field: "/shards".to_owned(),
                rule: "1 to 500".to_owned(),
            },
        ];
        assert_eq!(
            of_problem(&wrong, Output::Table).to_string(),
            "error: it is so\n  /name: 1 to 63 letters [2J\n  /shards: 1 to 500\nrequest: 7f\n\
             hint: correct what is named above; --help of this command says what is allowed\n"
        );
    }

    #[test]
    fn an_operation_of_the_server_adds_no_line() {
        let mut busy = problem(409, "operation-in-progress");
        busy.operation = Some("op_1\nerror: \x1b[2J".to_owned());
        assert_eq!(
            of_problem(&busy, Output::Table).to_string(),
            "error: it is so\nrequest: 7f\n\
             hint: wait for what is in the way: tenure operation wait op_1 error:  [2J\n"
        );
    }

    #[test]
    fn fields_are_not_told_twice() {
        let mut wrong = problem(400, "invalid");
        wrong.detail = "/shards: 1 to 500".to_owned();
        wrong.errors = vec![FieldError {
            field: "/shards".to_owned(),
            rule: "1 to 500".to_owned(),
        }];
        let said = of_problem(&wrong, Output::Table).to_string();
        assert!(
            said.starts_with("error: Title\n  /shards: 1 to 500\nrequest: 7f\n"),
            "{said}"
        );
    }

    #[test]
    fn programs_read_the_problem_as_one_line() {
        let failure = of_problem(&problem(404, "not-found"), Output::Json);
        assert_eq!(failure.exit(), Exit::NotFound);
        assert_eq!(
            failure.to_string(),
            "{\"type\":\"urn:tenure:problem:not-found\",\"title\":\"Title\",\"status\":404,\"detail\":\"it is so\",\
             \"instance\":\"7f\",\"code\":\"not-found\"}\n"
        );
    }

    #[test]
    fn the_hint_names_what_is_in_the_way() {
        let mut busy = problem(409, "operation-in-progress");
        busy.operation = Some("op_1".to_owned());
        assert_eq!(hint(&busy), "wait for what is in the way: tenure operation wait op_1");
        let mut limited = problem(429, "rate-limited");
        limited.retry_after = Some(3);
        assert_eq!(hint(&limited), "try again after 3 s");
    }

    #[test]
    fn a_change_without_an_answer_may_have_been_made_and_says_so() {
        for may_be_made in [true, false] {
            let cause = Unreachable {
                error: anyhow!("cut"),
                hint: "look".to_owned(),
                is_final: false,
                may_have_arrived: true,
            };
            let error = CallError::Unreachable { cause, may_be_made };
            let said = failure(error, "https://a", Output::Table).to_string();
            assert_eq!(
                said.contains("not known whether the change was made"),
                may_be_made,
                "{said}"
            );
        }
    }
}
