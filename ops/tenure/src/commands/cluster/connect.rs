//! `tenure cluster connect`: redis-cli or valkey-cli on a cluster.
//! Promises: the password is in the client's environment and never in its `argv`; the client becomes this process, so signals
//! and the exit code are its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};
use clap::Args;
use tenure_admin::{Cluster, ReplicaRole, Shard};

use super::{password, picture};
use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::{Failure, OrHint};

/// In the order in which they are looked for.
const CLIENTS: [&str; 2] = ["redis-cli", "valkey-cli"];
/// What is ours and none of the client's business.
const HIDDEN: [&str; 2] = ["TENURE_TOKEN", "TENURE_PASSWORD"];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// File with the password of the user in it. Default TENURE_PASSWORD, which is the password itself.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Who logs in.
    #[arg(long, value_name = "USER", default_value = "default")]
    user: String,
    /// For the client as they are, such as a command to run: -- GET key
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let program = find(&env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
        let error = anyhow!("there is neither {} in PATH", CLIENTS.join(" nor "));
        Failure::new(
            error,
            "install one of them; tenure cluster show names the endpoints for any other client",
        )
    })?;
    let password = password::given(arguments.password_file.as_deref())?;
    let tenant = arguments.tenant.resolve(&client)?;
    let now = picture::read(&client, &tenant, &arguments.name, None)?;
    let address = primary(&now.shards).ok_or_else(|| {
        let error = anyhow!("no shard of {tenant}/{} has a primary that answers", now.cluster.name);
        let hint = format!("tenure cluster show {} says why", now.cluster.name);
        Failure::new(error, hint)
    })?;
    let ca = match &now.cluster.ca_pem {
        Some(pem) if now.cluster.spec.tls => Some(keep_authority(&cache_folder()?, &now.cluster, pem)?),
        Some(_) | None => None,
    };
    let mut command = Command::new(&program);
    command
        .args(client_arguments(address, &arguments.user, ca.as_deref())?)
        .args(&arguments.arguments)
        .env("REDISCLI_AUTH", password);
    for name in HIDDEN {
        command.env_remove(name);
    }
    // It comes back only if it could not begin.
    let error = command.exec();
    Err(Failure::new(
        anyhow!("could not run {}: {error}", program.display()),
        "may this user run it?",
    ))
}

/// Where the first shard is served that is.
fn primary(shards: &[Shard]) -> Option<&str> {
    let mut replicas = shards.iter().flat_map(|shard| &shard.replicas);
    let primary = replicas.find(|replica| replica.role == ReplicaRole::Primary)?;
    Some(&primary.address)
}

fn client_arguments(address: &str, user: &str, ca: Option<&Path>) -> Result<Vec<OsString>, Failure> {
    let (host, port) = address
        .rsplit_once(':')
        .with_context(|| format!("{address:?} is no address of a replica"))
        .or_hint("this is a defect of the control plane: please report it")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut all: Vec<OsString> = ["-c", "-h", host, "-p", port, "--user", user]
        .map(OsString::from)
        .to_vec();
    if let Some(ca) = ca {
        all.extend(["--tls", "--cacert"].map(OsString::from));
        all.push(ca.into());
    }
    Ok(all)
}

/// The first client in a `PATH`.
fn find(path: &std::ffi::OsStr) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        let found = fs::metadata(file);
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let in_path = |name: &&str| env::split_paths(path).map(|folder| folder.join(name)).find(runs);
    CLIENTS.iter().find_map(in_path)
}

/// This user's, for what can be fetched again.
fn cache_folder() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    };
    let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let folder = folder.context("there is no folder to keep the cluster's authority in");
    Ok(folder.or_hint("set HOME or XDG_CACHE_HOME")?.join("tenure"))
}

/// Writes the authority's certificate where the client reads it. The client outlives this program, so the file stays.
fn keep_authority(folder: &Path, cluster: &Cluster, pem: &str) -> Result<PathBuf, Failure> {
    // Ids are what the server says; a name with a slash in it would be another folder's.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let name: String = cluster.id.chars().filter(|letter| is_plain(*letter)).collect();
    let path = folder.join(format!("{name}.pem"));
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // As a whole: another connect may read the file at this moment.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(pem.as_bytes())?;
        file.persist(&path)?;
        Ok::<_, std::io::Error>(())
    };
    let written = write().with_context(|| format!("could not write {}", path.display()));
    written.or_hint("check the disk, and that the folder is yours; XDG_CACHE_HOME names another")?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::picture::samples;
    use super::*;

    fn words(address: &str, ca: Option<&str>) -> Vec<String> {
        let words = client_arguments(address, "default", ca.map(Path::new)).unwrap();
        words.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_client_is_told_where_and_whom_to_trust() {
        assert_eq!(
            words("127.0.0.1:7501", Some("/a/clu_1.pem")).join(" "),
            "-c -h 127.0.0.1 -p 7501 --user default --tls --cacert /a/clu_1.pem"
        );
        assert_eq!(words("[::1]:7501", None).join(" "), "-c -h ::1 -p 7501 --user default");
        assert!(client_arguments("nowhere", "default", None).is_err());
    }

    #[test]
    fn the_first_primary_that_answers_is_taken() {
        let (mut lost, mut served) = (samples::shard(), samples::shard());
        lost.replicas[0].role = ReplicaRole::Lost;
        lost.replicas[1].role = ReplicaRole::Lapsed;
        served.replicas.reverse();
        served.replicas[1].address = "127.0.0.1:7601".to_owned();
        assert_eq!(primary(&[lost.clone(), served]), Some("127.0.0.1:7601"));
        assert_eq!(primary(&[lost]), None);
    }

    #[test]
    fn the_client_is_the_first_in_the_path_that_can_be_run() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = env::join_paths([one.path(), other.path()]).unwrap();
        assert_eq!(find(&path), None);
        let make = |folder: &Path, name: &str, mode| {
            let file = folder.join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        make(one.path(), "redis-cli", 0o644);
        let valkey = make(one.path(), "valkey-cli", 0o755);
        assert_eq!(find(&path), Some(valkey));
        let redis = make(other.path(), "redis-cli", 0o755);
        assert_eq!(find(&path), Some(redis));
    }

    #[test]
    fn the_authority_is_kept_in_a_folder_of_this_user() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache/tenure");
        let mut cluster = samples::cluster();
        for pem in ["first", "second"] {
            let path = keep_authority(&cache, &cluster, pem).unwrap();
            assert_eq!(path, cache.join("clu_1.pem"));
            assert_eq!(fs::read_to_string(&path).unwrap(), pem);
        }
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        cluster.id = "../../etc/passwd".to_owned();
        let path = keep_authority(&cache, &cluster, "x").unwrap();
        assert_eq!(path, cache.join("etcpasswd.pem"));
    }
}
