//! A control plane that answers what a test says, over TLS on loopback, and remembers what it was asked.
//! One request a connection. It ends with its handle.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tenure_devcluster::Authority;

/// No socket of a test is waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const TOKEN: &str = "tnr_1_of_a_test";

#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Such as `GET /v1/whoami`.
    pub(crate) line: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(crate) enum Answer {
    /// Status and body.
    Json(u16, String),
    /// Asks to come back after so many seconds.
    Later(u16, u32),
    /// These bytes.
    Raw(&'static str),
    /// The connection ends without a word.
    Nothing,
}

pub(crate) struct Scripted {
    address: SocketAddr,
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Answers by the request, and by how many came before it.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Answer + Send + 'static) -> Self {
        let authority = Authority::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.certificate_pem()).unwrap();
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let config = server_config(&authority);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (remembered, stop) = (Arc::clone(&asked), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // A client that hangs up, or does not trust us, is its own test's business.
                let _ = serve(socket.unwrap(), &config, &remembered, &answer);
            }
        });
        Self {
            address,
            folder,
            asked,
            is_over,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What it was asked until now.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.line).collect()
    }

    /// A command line that finds this server by its environment, and nothing of the machine's user.
    pub(crate) fn tenure(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TENURE_API", self.url())
            .env("TENURE_CA", self.ca())
            .env("TENURE_TOKEN", TOKEN)
            .stdin(std::process::Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.tenure(arguments).output().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the scripted server panicked");
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn server_config(authority: &Authority) -> Arc<ServerConfig> {
    let shown = authority.loopback_server().unwrap();
    let chain = CertificateDer::pem_slice_iter(shown.certificate_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(shown.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

fn serve(
    socket: TcpStream,
    config: &Arc<ServerConfig>,
    asked: &Mutex<Vec<Request>>,
    answer: &impl Fn(&Request, usize) -> Answer,
) -> std::io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let session = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(session, socket));
    let request = read(&mut stream)?;
    let before = {
        let mut asked = asked.lock().unwrap();
        asked.push(request.clone());
        asked.len() - 1
    };
    let text = match answer(&request, before) {
        Answer::Json(status, body) => http(status, "", &body),
        Answer::Later(status, secs) => http(status, &format!("Retry-After: {secs}\r\n"), &problem(status, "busy")),
        Answer::Raw(text) => text.to_owned(),
        Answer::Nothing => return Ok(()),
    };
    let stream = stream.get_mut();
    stream.write_all(text.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn read(stream: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok::<_, std::io::Error>(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        line: first.strip_suffix(" HTTP/1.1").unwrap_or(&first).to_owned(),
        headers,
        body: String::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.body = String::from_utf8(body).unwrap();
    Ok(request)
}

fn http(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A problem of this status and code.
pub(crate) fn problem(status: u16, code: &str) -> String {
    format!(
        "{{\"type\":\"urn:tenure:problem:{code}\",\"title\":\"T\",\"status\":{status},\"detail\":\"it is so\",\
         \"instance\":\"7f\",\"code\":\"{code}\"}}"
    )
}
