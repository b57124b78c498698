//! Lists, a page at a time.
//! Promises: a page goes on behind the last row of the one before, whatever was added or removed meanwhile. A page token is opaque to callers,
//! and one that we did not write is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tenure_admin::List;
use tenure_control_store::Page;

use super::problem::Fault;
use super::query::Query;

const ROWS_DEFAULT: u32 = 100;

/// More in one page are not given, whatever was asked for.
const ROWS_MAX: u32 = 500;

/// The first byte of a page token: how the rest is to be read.
const TOKEN_VERSION: u8 = 1;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paging {
    rows_max: u32,
    after: Option<String>,
}

impl Paging {
    /// As the query has it. `is_key`: whether a text is the key of a row of this list.
    pub(super) fn read(query: &Query, is_key: impl Fn(&str) -> bool) -> Result<Self, Fault> {
        let rows_max = query.get("page_size").map_or(Ok(ROWS_DEFAULT), page_size)?;
        let after = query.get("page_token").map(|token| key_of(token, is_key)).transpose()?;
        Ok(Self { rows_max, after })
    }

    /// What to ask the store for: one row more than is shown, to know whether there is a next page.
    pub(super) fn page(&self) -> Page {
        Page {
            after: self.after.clone(),
            rows_max: self.rows_max.saturating_add(1),
        }
    }

    /// Where the page before ended.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The page, of rows that were read with [`page`](Self::page) or begin behind [`after`](Self::after).
    pub(super) fn list<R, T>(&self, rows: Vec<R>, key: impl Fn(&R) -> String, show: impl FnMut(R) -> T) -> List<T> {
        let shown = usize::try_from(self.rows_max).unwrap_or(usize::MAX);
        let last = (rows.len() > shown)
            .then(|| shown.checked_sub(1).and_then(|last| rows.get(last)))
            .flatten();
        let next_page_token = last.map(|row| token_of(&key(row)));
        List {
            items: rows.into_iter().take(shown).map(show).collect(),
            next_page_token,
        }
    }
}

fn page_size(text: &str) -> Result<u32, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that are too many for the type are only a larger number still.
    let asked = digits.then(|| text.parse().unwrap_or(u32::MAX));
    asked
        .filter(|rows| *rows > 0)
        .map(|rows: u32| rows.min(ROWS_MAX))
        .ok_or_else(|| {
            Fault::invalid_field(
                "page_size",
                format!("a whole number from 1; more than {ROWS_MAX} are not given at once"),
            )
        })
}

fn token_of(key: &str) -> String {
    let mut bytes = vec![TOKEN_VERSION];
    bytes.extend_from_slice(key.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key_of(token: &str, is_key: impl Fn(&str) -> bool) -> Result<String, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let key = bytes.and_then(|bytes| match bytes.split_first() {
        Some((&TOKEN_VERSION, key)) => String::from_utf8(key.to_vec()).ok(),
        _ => None,
    });
    key.filter(|key| is_key(key))
        .ok_or_else(|| Fault::invalid_field("page_token", "the next_page_token of a page of this list, as it came"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Paging, Fault> {
        let uri = format!("/?{query}").parse().unwrap();
        let query = Query::read(&uri, &["page_size", "page_token"]).unwrap();
        Paging::read(&query, |key| key.len() < 3)
    }

    #[test]
    fn a_page_is_at_most_as_large_as_we_give_and_at_least_one_row() {
        for (asked, given) in [("1", 1), ("500", 500), ("501", 500), ("99999999999999", 500)] {
            assert_eq!(read(&format!("page_size={asked}")).unwrap().rows_max, given);
        }
        for refused in ["0", "-1", "", "x", "1.5", "%2B1"] {
            assert!(read(&format!("page_size={refused}")).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_token_leads_behind_the_last_row_and_the_last_page_has_none() {
        let rows = vec!["a", "b", "c"];
        let list = read("page_size=2")
            .unwrap()
            .list(rows, |row| (*row).to_owned(), |row| row);
        assert_eq!(list.items, ["a", "b"]);
        let token = list.next_page_token.unwrap();
        assert_eq!(read(&format!("page_token={token}")).unwrap().after(), Some("b"));
        let last = read("page_size=2")
            .unwrap()
            .list(vec!["c"], |row| (*row).to_owned(), |row| row);
        assert_eq!(last.next_page_token, None);
    }

    #[test]
    fn a_token_that_we_did_not_write_is_refused() {
        let of_another_version = URL_SAFE_NO_PAD.encode([2, b'b']);
        let no_key_of_this_list = token_of("long");
        for token in ["", "!", "b", &of_another_version, &no_key_of_this_list] {
            assert!(read(&format!("page_token={token}")).is_err(), "{token}");
        }
    }
}
