//! Errors that guests write and clients read.
//! Promises: one line of bounded length that begins with a code in upper case, whatever the guest wrote. None sends a
//! client elsewhere: a redirection is the platform's word.

/// The longest error of a guest that is passed on.
pub const MESSAGE_BYTES_MAX: usize = 256;

/// What clients take for an order to ask another node.
const REDIRECTIONS: [&str; 2] = ["MOVED", "ASK"];

/// What the client reads.
pub(crate) fn message(text: &[u8]) -> Option<String> {
    let line = line(text, MESSAGE_BYTES_MAX);
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    let code = line.split(' ').next().unwrap_or_default();
    if is_code(code) && !REDIRECTIONS.contains(&code) {
        return Some(line.to_owned());
    }
    Some(format!("ERR {line}"))
}

fn is_code(word: &str) -> bool {
    let is_rest = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    word.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase()) && word.bytes().all(is_rest)
}

/// The first so many bytes as one line of text.
pub(crate) fn line(text: &[u8], bytes_max: usize) -> String {
    let is_cut = text.len() > bytes_max;
    let text = text.get(..bytes_max).unwrap_or(text);
    let mut line = String::from_utf8_lossy(text).into_owned();
    // What stands for a broken character may be longer than it was.
    line.truncate(line.floor_char_boundary(bytes_max));
    if is_cut {
        // The cut may have gone through a character.
        line.truncate(line.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
    }
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_begins_with_a_code_and_has_one_line() {
        for (text, read) in [
            ("LIMIT too many", "LIMIT too many"),
            ("too many", "ERR too many"),
            ("Too many", "ERR Too many"),
            ("LIMIT", "LIMIT"),
            ("A1_B x", "A1_B x"),
            ("1A x", "ERR 1A x"),
            ("ERR a\r\n-ERR b", "ERR a  -ERR b"),
            ("\r\n x\0y", "ERR x y"),
            ("MOVED 1 elsewhere:1", "ERR MOVED 1 elsewhere:1"),
            ("ASK 1 elsewhere:1", "ERR ASK 1 elsewhere:1"),
        ] {
            assert_eq!(message(text.as_bytes()).as_deref(), Some(read));
        }
    }

    #[test]
    fn an_empty_error_is_none() {
        for text in ["", " ", "\r\n", "\0"] {
            assert_eq!(message(text.as_bytes()), None);
        }
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let long = "ö".repeat(MESSAGE_BYTES_MAX);
        for text in [long.as_bytes(), &[b"x", long.as_bytes()].concat(), &[0xff; 4096]] {
            let message = message(text).unwrap_or_default();
            assert!(message.len() <= MESSAGE_BYTES_MAX + "ERR ".len(), "{message}");
        }
        assert!(
            !message([b"x", long.as_bytes()].concat().as_slice())
                .unwrap_or_default()
                .contains('\u{fffd}')
        );
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(message(b"ERR \xff\xfe").as_deref(), Some("ERR \u{fffd}\u{fffd}"));
    }
}
