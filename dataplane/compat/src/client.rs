//! A connection to a server under comparison.
//! Promises: what goes wrong with a connection is an outcome to be compared, and the next command gets a new one.

use std::fmt;
use std::io::{BufReader, Error, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::frame::Frame;
use crate::report::Protocol;
use crate::script::Rule;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A server to be compared. It is spoken to without TLS.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who logs in; `None`: the default user.
    pub user: Option<String>,
    /// The password; `None`: nobody logs in.
    pub password: Option<String>,
}

impl Target {
    /// A server that asks for no password.
    pub fn open(address: SocketAddr) -> Self {
        Self {
            address,
            user: None,
            password: None,
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Reply(Frame),
    /// It was sent, and no reply was waited for.
    Sent,
    /// The server closed the connection before or instead of an answer.
    Closed,
    /// There was no answer in time.
    Nothing,
    /// What came is no reply.
    Malformed(String),
}

impl Outcome {
    fn of(error: &Error) -> Self {
        const CLOSED: [ErrorKind; 4] = [
            ErrorKind::UnexpectedEof,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
            ErrorKind::BrokenPipe,
        ];
        let kind = error.kind();
        if CLOSED.contains(&kind) {
            Self::Closed
        } else if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&kind) {
            Self::Nothing
        } else {
            Self::Malformed(error.to_string())
        }
    }

    pub(crate) fn agrees(&self, other: &Self, rule: Rule) -> bool {
        match (self, other) {
            (Self::Reply(one), Self::Reply(other)) => one.agrees(other, rule),
            (Self::Sent, Self::Sent) | (Self::Closed, Self::Closed) => true,
            // Two servers that do not answer prove nothing.
            _ => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(frame) => frame.fmt(f),
            Self::Sent => f.write_str("sent without waiting for a reply"),
            Self::Closed => f.write_str("the connection was closed"),
            Self::Nothing => write!(f, "nothing within {REPLY_TIMEOUT:?}"),
            Self::Malformed(error) => f.write_str(error),
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects, logs in and chooses the protocol.
    pub(crate) fn connect(target: &Target, protocol: Protocol) -> Result<Self> {
        let address = target.address;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        if let Some(password) = &target.password {
            let mut login = vec!["AUTH"];
            login.extend(target.user.as_deref());
            login.push(password);
            client
                .must(&login)
                .with_context(|| format!("cannot log in at {address}"))?;
        }
        if protocol == Protocol::Resp3 {
            client
                .must(&["HELLO", "3"])
                .with_context(|| format!("no RESP3 at {address}"))?;
        }
        Ok(client)
    }

    /// Runs a command that has to succeed. Its arguments are not in the error: they may be secret.
    pub(crate) fn must(&mut self, args: &[&str]) -> Result<Frame> {
        let words: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        self.send(&words)?;
        let reply = Frame::read(&mut self.stream)?;
        ensure!(
            !reply.is_error(),
            "{} was answered: {reply}",
            args.first().unwrap_or(&"")
        );
        Ok(reply)
    }

    /// Sends a command and waits for what becomes of it.
    pub(crate) fn call(&mut self, args: &[Vec<u8>]) -> Outcome {
        match self.send(args).and_then(|()| Frame::read(&mut self.stream)) {
            Ok(frame) => Outcome::Reply(frame),
            Err(error) => Outcome::of(&error),
        }
    }

    /// Sends a command whose reply, if there is one after all, is found in the place of the next.
    pub(crate) fn call_silently(&mut self, args: &[Vec<u8>]) -> Outcome {
        match self.send(args) {
            Ok(()) => Outcome::Sent,
            Err(error) => Outcome::of(&error),
        }
    }

    fn send(&mut self, args: &[Vec<u8>]) -> std::io::Result<()> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request)
    }
}
