//! Why a request was not run, as its client reads it.
//! Promises: the text is what Redis 7.0 says where Redis has such an error; whatever a client sent, one line comes out.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use tenure_engine::{Args, Slot};

use crate::commands::SessionError;
use crate::replica::Refusal;
use crate::table::CommandName;

/// Bytes of an unknown word that are repeated to the client, as in Redis.
const SHOWN_BYTES_MAX: usize = 128;

/// A request that was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("{}", String::from_utf8_lossy(&unknown_command(name, args)))]
    UnknownCommand {
        /// Cut.
        name: Vec<u8>,
        /// Those behind it, quoted and cut.
        args: Vec<u8>,
    },
    #[error("{}", String::from_utf8_lossy(&unknown_subcommand(command.as_str(), name)))]
    UnknownSubcommand {
        command: CommandName,
        /// Cut.
        name: Vec<u8>,
    },
    #[error("ERR wrong number of arguments for '{command}' command")]
    WrongArity { command: CommandName },
    #[error("NOAUTH Authentication required.")]
    NotAuthenticated,
    #[error("ERR Command not allowed inside a transaction")]
    NotInTransaction,
    #[error("ERR the transaction is larger than the {bytes_max} bytes of request_bytes_max")]
    TransactionTooLarge { bytes_max: usize },
    #[error("CROSSSLOT Keys in request don't hash to the same slot")]
    CrossSlot,
    #[error("MOVED {} {}:{}", slot.get(), address.ip(), address.port())]
    Moved { slot: Slot, address: SocketAddr },
    #[error("CLUSTERDOWN Hash slot not served")]
    SlotNotServed,
    /// What EXEC answers when it was rejected itself.
    #[error("EXECABORT Transaction discarded because of: {}", without_code(because))]
    Exec { because: Box<Rejection> },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Rejection {
    pub(super) fn unknown_command(args: Args<'_>) -> Self {
        let name = args.get(0).map(cut).unwrap_or_default().to_vec();
        let mut shown = Vec::new();
        for arg in args.from(1).iter() {
            if shown.len() >= SHOWN_BYTES_MAX {
                break;
            }
            let room = SHOWN_BYTES_MAX - shown.len();
            shown.push(b'\'');
            shown.extend_from_slice(arg.get(..room).unwrap_or(arg));
            shown.extend_from_slice(b"' ");
        }
        Self::UnknownCommand { name, args: shown }
    }

    pub(super) fn unknown_subcommand(command: CommandName, args: Args<'_>) -> Self {
        let name = args.get(1).map(cut).unwrap_or_default().to_vec();
        Self::UnknownSubcommand { command, name }
    }

    /// Whether it sends the client to another node, so that EXEC passes it on as it is.
    pub(super) fn is_redirection(&self) -> bool {
        matches!(self, Self::CrossSlot | Self::Moved { .. } | Self::SlotNotServed)
    }

    /// Adds it to the output as an error.
    pub(crate) fn write(&self, output: &mut BytesMut) {
        let text: Cow<'_, [u8]> = match self {
            Self::UnknownCommand { name, args } => unknown_command(name, args).into(),
            Self::UnknownSubcommand { command, name } => unknown_subcommand(command.as_str(), name).into(),
            Self::WrongArity { .. }
            | Self::NotAuthenticated
            | Self::NotInTransaction
            | Self::TransactionTooLarge { .. }
            | Self::CrossSlot
            | Self::Moved { .. }
            | Self::SlotNotServed
            | Self::Exec { .. }
            | Self::Refused(_)
            | Self::Session(_) => self.to_string().into_bytes().into(),
        };
        write_error_line(output, &text);
    }
}

/// Adds an error reply: one line, whatever the text is.
pub(crate) fn write_error_line(output: &mut BytesMut, text: &[u8]) {
    output.reserve(text.len() + 3);
    output.put_u8(b'-');
    let start = output.len();
    output.put_slice(text);
    let line = output.get_mut(start..).unwrap_or_default();
    for byte in line.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')) {
        *byte = b' ';
    }
    output.put_slice(b"\r\n");
}

fn unknown_command(name: &[u8], args: &[u8]) -> Vec<u8> {
    let (before, between) = (
        b"ERR unknown command '".as_slice(),
        b"', with args beginning with: ".as_slice(),
    );
    [before, name, between, args].concat()
}

fn unknown_subcommand(command: &str, name: &[u8]) -> Vec<u8> {
    let help = format!("'. Try {} HELP.", command.to_ascii_uppercase());
    [b"ERR unknown subcommand '".as_slice(), name, help.as_bytes()].concat()
}

fn cut(word: &[u8]) -> &[u8] {
    word.get(..SHOWN_BYTES_MAX).unwrap_or(word)
}

/// The generic code says nothing behind another code; every other one does.
fn without_code(because: &Rejection) -> String {
    let text = because.to_string();
    text.strip_prefix("ERR ").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_engine::OwnedArgs;

    fn line(rejection: &Rejection) -> String {
        let mut output = BytesMut::new();
        rejection.write(&mut output);
        String::from_utf8(output.to_vec()).unwrap()
    }

    fn unknown(words: &[&str]) -> String {
        let args: OwnedArgs = words.iter().collect();
        line(&Rejection::unknown_command(args.as_args()))
    }

    /// As redis 7.0.15 answers.
    #[test]
    fn an_unknown_command_is_repeated_and_cut_as_redis_does() {
        assert_eq!(
            unknown(&["foo"]),
            "-ERR unknown command 'foo', with args beginning with: \r\n"
        );
        assert_eq!(
            unknown(&["fo\r\no", "a"]),
            "-ERR unknown command 'fo  o', with args beginning with: 'a' \r\n"
        );
        assert_eq!(
            unknown(&["foo", &"x".repeat(120), &"y".repeat(10), "z"]),
            format!(
                "-ERR unknown command 'foo', with args beginning with: '{}' 'yyyyy' \r\n",
                "x".repeat(120)
            )
        );
        let long = unknown(&[&"f".repeat(200), "a"]);
        let expected = "f".repeat(128);
        assert_eq!(
            long,
            format!("-ERR unknown command '{expected}', with args beginning with: 'a' \r\n")
        );
    }

    #[test]
    fn an_unknown_subcommand_points_to_help() {
        let args: OwnedArgs = ["config", "NOPE", "x"].iter().collect();
        let rejection = Rejection::unknown_subcommand(CommandName::Native("config"), args.as_args());
        assert_eq!(line(&rejection), "-ERR unknown subcommand 'NOPE'. Try CONFIG HELP.\r\n");
    }

    #[test]
    fn exec_names_the_reason_that_it_was_rejected_for() {
        let because = |rejection| Rejection::Exec {
            because: Box::new(rejection),
        };
        assert_eq!(
            line(&because(Rejection::WrongArity {
                command: CommandName::Native("exec")
            })),
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
        );
        assert_eq!(
            line(&because(Rejection::NotAuthenticated)),
            "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n"
        );
    }
}
