//! Whole numbers of any length: what exact conversions between binary and decimal digits need.
//! Leaves to the caller: bounding the length. No operation here is faster than school arithmetic.

use std::cmp::Ordering;

/// A whole number that is not negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Big {
    /// The lowest first; the last is not 0.
    limbs: Vec<u32>,
}

/// Decimal digits that fit into a limb.
const LIMB_DIGITS: usize = 9;
/// Ten to the power of that many.
const LIMB_TENS: u32 = 1_000_000_000;

impl Big {
    /// Reads digits, which must all be digits.
    pub(super) fn from_decimal(digits: &[u8]) -> Self {
        let mut number = Self { limbs: Vec::new() };
        for digits in digits.chunks(LIMB_DIGITS) {
            let (value, scale) = digits.iter().fold((0, 1), |(value, scale), digit| {
                (value * 10 + u32::from(digit.wrapping_sub(b'0') % 10), scale * 10)
            });
            number.multiply_add(scale, value);
        }
        number
    }

    /// How many bits it takes.
    pub(super) fn bits(&self) -> u32 {
        let highest = self.limbs.last().map_or(0, |limb| limb.leading_zeros());
        u32::try_from(self.limbs.len()).unwrap_or(u32::MAX >> 5) * u32::BITS - highest
    }

    /// Times two to this power.
    pub(super) fn shifted(mut self, bits: u32) -> Self {
        self.multiply_add(1 << (bits % u32::BITS), 0);
        if !self.limbs.is_empty() {
            let whole = std::iter::repeat_n(0, (bits / u32::BITS) as usize);
            self.limbs.splice(0..0, whole);
        }
        self
    }

    /// Times ten to this power.
    pub(super) fn multiply_by_ten(&mut self, mut power: u32) {
        while let Some(rest) = power.checked_sub(9) {
            self.multiply_add(LIMB_TENS, 0);
            power = rest;
        }
        self.multiply_add(10_u32.pow(power), 0);
    }

    /// Takes a number from it that is not larger.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        let others = other.limbs.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in self.limbs.iter_mut().zip(others) {
            let (difference, first) = limb.overflowing_sub(other);
            let (difference, second) = difference.overflowing_sub(u32::from(borrow));
            (*limb, borrow) = (difference, first | second);
        }
        self.trim();
    }

    /// Its decimal digits.
    pub(super) fn into_decimal(mut self) -> String {
        let mut parts = Vec::new();
        while !self.limbs.is_empty() {
            parts.push(self.divide_by(LIMB_TENS));
        }
        let mut digits = parts.pop().unwrap_or(0).to_string();
        for part in parts.iter().rev() {
            digits.push_str(&format!("{part:0LIMB_DIGITS$}"));
        }
        digits
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.limbs {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = low(carry);
            carry >>= u32::BITS;
        }
        self.limbs.push(low(carry));
        self.trim();
    }

    /// Divides it, and tells the remainder.
    fn divide_by(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.limbs.iter_mut().rev() {
            let number = rest << u32::BITS | u64::from(*limb);
            *limb = low(number / u64::from(divisor));
            rest = number % u64::from(divisor);
        }
        self.trim();
        low(rest)
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the rest is carried")]
fn low(number: u64) -> u32 {
    number as u32
}

impl From<u64> for Big {
    fn from(number: u64) -> Self {
        let limbs = vec![low(number), low(number >> u32::BITS)];
        let mut number = Self { limbs };
        number.trim();
        number
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }
}
