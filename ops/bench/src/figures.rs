//! Several figures of one thing as one: the median, with the lowest and the highest beside it.

use serde::Serialize;

/// What the rounds said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self {
            median: f64::midpoint(lower, upper),
            min,
            max,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_one_outlier_does_not_move_it() {
        let cases: [(&[f64], f64); 4] = [
            (&[2.0], 2.0),
            (&[1.0, 2.0], 1.5),
            (&[100.0, 2.0, 1.0], 2.0),
            (&[4.0, 1.0, 3.0, 2.0], 2.5),
        ];
        for (figures, median) in cases {
            let spread = Spread::of(figures.iter().copied()).unwrap();
            assert!((spread.median - median).abs() < 1e-9, "{figures:?}: {spread:?}");
        }
        assert_eq!(Spread::of([]), None);
    }
}
