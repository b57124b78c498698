//! RATELIMIT.TAKE and RATELIMIT.PEEK: a counter for each window of fixed length.
//! Promises: at most `limit` are taken between the first of a window and its end. The key holds what was taken and when
//! the window ends, as text that `GET` shows, and expires with the window.
#![no_std]

#[path = "../sdk/tenure.rs"]
mod tenure;

use tenure::{Fetched, Refused, refuse, refuse_with, reply};

plugin!(manifest: "ratelimit.json", commands: [take, peek]);

/// The largest limit, and the longest window in milliseconds: some 31 years.
const NUMBER_MAX: u64 = 1_000_000_000_000;

const KEY_BYTES_MAX: usize = 1024;

struct Window {
    taken: u64,
    ends_at: u64,
}

fn take() -> Result<(), Refused> {
    decide(true)
}

fn peek() -> Result<(), Refused> {
    decide(false)
}

fn decide(takes: bool) -> Result<(), Refused> {
    let mut key = [0; KEY_BYTES_MAX];
    let Some(key) = tenure::argument(1, &mut key) else {
        return refuse("ERR the key is too long");
    };
    let limit = number(2)?;
    let window_millis = number(3)?;
    let now = tenure::now_millis();
    let mut window = read(key)?.filter(|window| window.ends_at > now).unwrap_or(Window {
        taken: 0,
        ends_at: now + window_millis,
    });
    let is_there = window.taken < limit;
    if is_there && takes {
        window.taken += 1;
        write(key, &window)?;
    }
    reply::array(3);
    reply::integer(is_there.into());
    reply::integer(limit.saturating_sub(window.taken) as i64);
    reply::integer((window.ends_at - now) as i64);
    Ok(())
}

fn number(argument: u32) -> Result<u64, Refused> {
    let mut buffer = [0; 16];
    let text = tenure::argument(argument, &mut buffer);
    match text.and_then(parse).filter(|number| (1..=NUMBER_MAX).contains(number)) {
        Some(number) => Ok(number),
        None => refuse("ERR limit and window_millis must be whole numbers from 1 to 1000000000000"),
    }
}

fn parse(text: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!text.is_empty()).then_some(number)
}

fn read(key: &[u8]) -> Result<Option<Window>, Refused> {
    let mut buffer = [0; 256];
    match tenure::get(key) {
        Fetched::Missing => Ok(None),
        Fetched::Error => refuse_with(tenure::result(&mut buffer)),
        Fetched::Found => match parse_window(tenure::result(&mut buffer)) {
            Some(window) => Ok(Some(window)),
            None => refuse("ERR the key holds something else than a rate limit"),
        },
    }
}

fn parse_window(text: &[u8]) -> Option<Window> {
    let mut parts = text.split(|byte| *byte == b' ');
    let (taken, ends_at) = (parse(parts.next()?)?, parse(parts.next()?)?);
    parts.next().is_none().then_some(Window { taken, ends_at })
}

fn write(key: &[u8], window: &Window) -> Result<(), Refused> {
    let mut text = Text {
        bytes: [0; 41],
        begin: 41,
    };
    text.put_number(window.ends_at);
    text.put(b' ');
    text.put_number(window.taken);
    match tenure::set(key, text.bytes.get(text.begin..).unwrap_or_default(), window.ends_at) {
        Ok(()) => Ok(()),
        Err(_) => refuse_with(tenure::result(&mut [0; 256])),
    }
}

/// Text that is written from its end.
struct Text {
    bytes: [u8; 41],
    begin: usize,
}

impl Text {
    fn put(&mut self, byte: u8) {
        self.begin = self.begin.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.begin) {
            *place = byte;
        }
    }

    fn put_number(&mut self, mut number: u64) {
        loop {
            self.put(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }
}
