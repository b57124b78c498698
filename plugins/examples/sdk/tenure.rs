//! Guest side of `tenure_command_1_0` for Rust: without `std`, without an allocator. Copy it beside your source.
//! Promises: no call of it can read or write outside of the buffers that it is given. It is no part of Tenure's own
//! packages, whose code is free of `unsafe`: a guest cannot import its host without.

#![allow(dead_code, reason = "a plugin uses what it needs")]

/// Makes a crate a plugin: its manifest, a file beside the source, and its commands in the order of the manifest, each a
/// `fn() -> Result<(), Refused>`.
#[macro_export]
macro_rules! plugin {
    (manifest: $manifest:literal, commands: [$($command:path),+ $(,)?]) => {
        // `#[used]` would say the same, and keep a second copy in the guest's memory.
        #[allow(dead_code, reason = "the linker takes it into the module's section")]
        #[unsafe(link_section = "tenure_manifest")]
        static MANIFEST: [u8; include_bytes!($manifest).len()] = *include_bytes!($manifest);

        #[unsafe(no_mangle)]
        extern "C" fn tenure_command_1_0(command: u32) -> i32 {
            let commands: &[fn() -> Result<(), $crate::tenure::Refused>] = &[$($command),+];
            match commands.get(command as usize) {
                Some(command) => command().is_err().into(),
                None => 1,
            }
        }
    };
}

mod host {
    #[link(wasm_import_module = "tenure_command_1_0")]
    unsafe extern "C" {
        pub(super) safe fn arg_count() -> u32;
        pub(super) safe fn arg_len(index: u32) -> i32;
        pub(super) fn arg_read(index: u32, at: *mut u8, capacity: usize) -> i32;
        pub(super) fn call(list: *const [usize; 2], list_len: usize) -> i32;
        pub(super) fn get(key: *const u8, key_len: usize) -> i32;
        pub(super) fn set(key: *const u8, key_len: usize, value: *const u8, value_len: usize, expires_at: i64) -> i32;
        pub(super) safe fn result_len() -> u32;
        pub(super) fn result_read(offset: usize, at: *mut u8, capacity: usize) -> usize;
        pub(super) fn reply_simple(text: *const u8, text_len: usize);
        pub(super) safe fn reply_integer(number: i64);
        pub(super) fn reply_bulk(bytes: *const u8, bytes_len: usize);
        pub(super) safe fn reply_null();
        pub(super) safe fn reply_array(replies: u32);
        pub(super) safe fn reply_map(pairs: u32);
        pub(super) safe fn reply_set(replies: u32);
        pub(super) safe fn reply_double(number: f64);
        pub(super) safe fn reply_boolean(is_true: i32);
        pub(super) fn fail(text: *const u8, text_len: usize);
        pub(super) safe fn now_millis() -> u64;
        pub(super) safe fn random() -> u64;
        pub(super) fn log(level: i32, text: *const u8, text_len: usize);
    }
}

/// A command that has said why it refuses.
pub struct Refused;

/// Refuses: the client reads this, and nothing that the command wrote is kept.
pub fn refuse<T>(message: &str) -> Result<T, Refused> {
    refuse_with(message.as_bytes())
}

/// The same, with bytes that the host gave.
pub fn refuse_with<T>(message: &[u8]) -> Result<T, Refused> {
    unsafe { host::fail(message.as_ptr(), message.len()) };
    Err(Refused)
}

/// How many arguments, the command's name included.
pub fn arguments() -> u32 {
    host::arg_count()
}

/// An argument, if there is one and it fits.
pub fn argument(index: u32, buffer: &mut [u8]) -> Option<&[u8]> {
    let len = usize::try_from(host::arg_len(index)).ok()?;
    let buffer = buffer.get_mut(..len)?;
    unsafe { host::arg_read(index, buffer.as_mut_ptr(), buffer.len()) };
    Some(buffer)
}

/// What is at a key.
pub enum Fetched {
    /// A string: [`result`] reads it.
    Found,
    /// Nothing.
    Missing,
    /// What cannot be read as a string: [`result`] reads why.
    Error,
}

/// Reads a declared key.
pub fn get(key: &[u8]) -> Fetched {
    match unsafe { host::get(key.as_ptr(), key.len()) } {
        0 => Fetched::Found,
        1 => Fetched::Missing,
        _ => Fetched::Error,
    }
}

/// Sets a declared key; `expires_at` in milliseconds since 1970, 0 for never. If it fails, [`result`] reads why.
pub fn set(key: &[u8], value: &[u8], expires_at: u64) -> Result<(), Failed> {
    let expires_at = expires_at as i64;
    match unsafe { host::set(key.as_ptr(), key.len(), value.as_ptr(), value.len(), expires_at) } {
        0 => Ok(()),
        _ => Err(Failed),
    }
}

/// The host did not do it.
pub struct Failed;

/// Runs a native command on declared keys: its name and its arguments. [`result`] reads its reply as RESP3.
pub fn call<const N: usize>(command: [&[u8]; N]) -> Result<(), Failed> {
    let list = command.map(|argument| [argument.as_ptr() as usize, argument.len()]);
    match unsafe { host::call(list.as_ptr(), N) } {
        0 => Ok(()),
        _ => Err(Failed),
    }
}

/// How long the newest result is.
pub fn result_len() -> u32 {
    host::result_len()
}

/// As much of the newest result as fits.
pub fn result(buffer: &mut [u8]) -> &[u8] {
    let len = unsafe { host::result_read(0, buffer.as_mut_ptr(), buffer.len()) };
    buffer.get(..len).unwrap_or_default()
}

/// Pieces of the reply. A header is followed by as many whole replies as it says.
pub mod reply {
    use super::host;

    pub fn simple(text: &str) {
        unsafe { host::reply_simple(text.as_ptr(), text.len()) }
    }

    pub fn bulk(bytes: &[u8]) {
        unsafe { host::reply_bulk(bytes.as_ptr(), bytes.len()) }
    }

    pub fn integer(number: i64) {
        host::reply_integer(number);
    }

    pub fn null() {
        host::reply_null();
    }

    pub fn array(replies: u32) {
        host::reply_array(replies);
    }

    pub fn map(pairs: u32) {
        host::reply_map(pairs);
    }

    pub fn set(replies: u32) {
        host::reply_set(replies);
    }

    pub fn double(number: f64) {
        host::reply_double(number);
    }

    pub fn boolean(is_true: bool) {
        host::reply_boolean(is_true.into());
    }
}

/// Milliseconds since 1970, the same throughout a call.
pub fn now_millis() -> u64 {
    host::now_millis()
}

/// The next of a series that is drawn anew for every call.
pub fn random() -> u64 {
    host::random()
}

/// A line for whoever watches the plugin.
pub fn log(text: &str) {
    unsafe { host::log(1, text.as_ptr(), text.len()) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
