//! COMMAND LIST.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};
use tenure_engine::glob;

use super::SPEC;
use crate::commands::acl::find_category;
use crate::commands::argument::is;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::table::Registered;

pub(super) const LIST: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|list",
        arity: Arity::AtLeast(2),
        since: "7.0.0",
        summary: "The names of all commands, or of those in a category or like a pattern.",
        complexity: "O(N) of N commands",
        tips: &["nondeterministic_output_order"],
        ..SPEC
    },
    list,
);

fn list(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let mut all = call.all(true);
    match (call.args.len(), call.args.get(2), call.args.get(3), call.args.get(4)) {
        (2, ..) => {}
        (5, Some(filter), Some(by), Some(value)) if is(filter, "filterby") => retain(&mut all, by, value)?,
        _ => return Err(CommandError::Syntax.into()),
    }
    call.reply.array(all.len());
    all.iter()
        .for_each(|command| call.reply.bulk(command.name().as_str().as_bytes()));
    Ok(Then::GoOn)
}

fn retain(all: &mut Vec<Registered>, by: &[u8], value: &[u8]) -> Result<(), CommandError> {
    if is(by, "aclcat") {
        let category = find_category(value);
        all.retain(|command| command.spec().all_categories().any(|own| Some(own) == category));
    } else if is(by, "pattern") {
        let pattern = value.to_ascii_lowercase();
        all.retain(|command| glob::matches(&pattern, command.name().as_str().as_bytes()));
    } else if is(by, "module") {
        all.retain(|command| match command {
            Registered::Plugin(command) => command.plugin_name().as_bytes() == value,
            Registered::Engine(_) | Registered::Session(_) => false,
        });
    } else {
        return Err(CommandError::Syntax);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn commands_are_listed_by_category_and_pattern() {
        let syntax = "(error) ERR syntax error";
        let mut server = Server::new();
        server.check(&[
            (
                "COMMAND LIST FILTERBY PATTERN Config*",
                r#"["config" "config|get" "config|resetstat" "config|help"]"#,
            ),
            (
                "COMMAND LIST FILTERBY pattern slowlog|*e*",
                r#"["slowlog|get" "slowlog|len" "slowlog|reset" "slowlog|help"]"#,
            ),
            ("COMMAND LIST FILTERBY ACLCAT nope", "[]"),
            ("COMMAND LIST FILTERBY MODULE x", "[]"),
            ("COMMAND LIST FILTERBY nope x", syntax),
            ("COMMAND LIST FILTERBY pattern", syntax),
            ("COMMAND LIST nope", syntax),
        ]);
        assert_eq!(
            server.run("COMMAND LIST FILTERBY ACLCAT Blocking"),
            server.run("ACL CAT blocking")
        );
        let all = server.run("COMMAND LIST");
        assert!(all.contains("\"get\"") && all.contains("\"client|id\""));
    }
}
