//! Patterns of keys and channels, as KEYS, SCAN and PSUBSCRIBE read them: `*`, `?`, `[a-z]`, `[^x]`, and a backslash
//! before what is meant as it stands.
//! Promises: at most about as many steps as the pattern's length times the text's, whatever the pattern; no memory.
//!
//! No pattern is an error. As in Redis, a class that is never closed ends with the pattern, `[]` matches nothing, `[^]`
//! any one byte, `[z-a]` is `[a-z]`, and a backslash at the very end stands for itself. Unlike in Redis, `**` matches the
//! empty text just as `*` does.

/// Whether all of the text is as the pattern says.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Behind the last star: the pattern, and the text that is left when the star takes as little as was not tried yet.
    // A star before it need never take more: what it would give the last star, the last star can take by itself.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', behind @ ..] = pattern {
            pattern = behind;
            retry = Some((behind, text));
            continue;
        }
        if let Some((byte, rest)) = text.split_first() {
            if let Some(behind) = match_one(pattern, *byte) {
                (pattern, text) = (behind, rest);
                continue;
            }
        } else if pattern.is_empty() {
            return true;
        }
        // The star takes one byte more, and the text behind it is tried again.
        let Some((behind, [_, rest @ ..])) = retry else {
            return false;
        };
        (pattern, text) = (behind, rest);
        retry = Some((behind, rest));
    }
}

/// What is left of the pattern behind the one thing at its begin, which is no star, if that matches the byte.
fn match_one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (matched, behind) = match pattern {
        [] => return None,
        [b'?', behind @ ..] => (true, behind),
        [b'[', b'^', class @ ..] => {
            let (found, behind) = find_in_class(class, byte);
            (!found, behind)
        }
        [b'[', class @ ..] => find_in_class(class, byte),
        [b'\\', literal, behind @ ..] | [literal, behind @ ..] => (*literal == byte, behind),
    };
    matched.then_some(behind)
}

/// Whether the class has the byte, and what comes behind the class.
fn find_in_class(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut found = false;
    loop {
        class = match class {
            [] => return (found, class),
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', behind @ ..] => return (found, behind),
            [one, b'-', other, rest @ ..] => {
                found |= (*one.min(other)..=*one.max(other)).contains(&byte);
                rest
            }
            [literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KEYS` of redis 7.0.15 says the same of keys with these names.
    #[test]
    fn patterns_mean_what_they_mean_to_redis() {
        let cases: [(&str, &str, bool); 42] = [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("?", "", false),
            ("?", "a", true),
            ("?", "ab", false),
            ("h?llo", "hello", true),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h*llo", "hell", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a***", "a", true),
            ("***b", "ab", true),
            ("*ab", "aab", true),
            ("*ab", "aba", false),
            ("[ab]c", "bc", true),
            ("[ab]c", "cc", false),
            ("[^ab]c", "cc", true),
            ("[^ab]c", "ac", false),
            ("[b-d]", "c", true),
            ("[b-d]", "e", false),
            ("[d-b]", "c", true),
            ("[]", "]", false),
            ("[]", "", false),
            ("[^]", "a", true),
            ("[", "[", false),
            ("[ab", "b", true),
            ("[^", "a", true),
            ("[a-]", "-", false),
            ("[a-]", "_", true),
            ("[-a]", "-", true),
            ("[\\]]", "]", true),
            ("[\\", "\\", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\\", "\\", true),
            ("a\\", "a\\", true),
        ];
        for (pattern, text, expected) in cases {
            let matched = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(matched, expected, "{pattern} against {text}");
        }
    }

    /// With a step for each way to divide the text among the stars this would not end in our lifetime.
    #[test]
    fn many_stars_are_no_more_work_than_pattern_times_text() {
        let (pattern, text) = (b"a*".repeat(50), b"a".repeat(5_000));
        assert!(matches(&pattern, &text));
        assert!(!matches(&[&pattern[..], b"b"].concat(), &text));
    }
}
