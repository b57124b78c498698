//! COMMAND LIST.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};
use tenure_engine::glob;

use super::SPEC;
use crate::commands::acl::find_category;
use crate::commands::argument::is;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

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
    let mut specs = call.table.specs();
    match (call.args.len(), call.args.get(2), call.args.get(3), call.args.get(4)) {
        (2, ..) => {}
        (5, Some(filter), Some(by), Some(value)) if is(filter, "filterby") => retain(&mut specs, by, value)?,
        _ => return Err(CommandError::Syntax.into()),
    }
    call.reply.array(specs.len());
    specs.iter().for_each(|spec| call.reply.bulk(spec.name.as_bytes()));
    Ok(Then::GoOn)
}

fn retain(specs: &mut Vec<&'static Spec>, by: &[u8], value: &[u8]) -> Result<(), CommandError> {
    if is(by, "aclcat") {
        let category = find_category(value);
        specs.retain(|spec| spec.all_categories().any(|own| Some(own) == category));
    } else if is(by, "pattern") {
        let pattern = value.to_ascii_lowercase();
        specs.retain(|spec| glob::matches(&pattern, spec.name.as_bytes()));
    } else if is(by, "module") {
        // No command comes from a module.
        specs.clear();
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
