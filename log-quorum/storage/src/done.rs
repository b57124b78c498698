//! What a caller wants to hear when its submission is durable.
//! Promises: a callback is called at most once, after the sync that made its submission durable, in order.
//! Leaves to the caller: being quick. Callbacks run on the thread of the writer, between two syncs.

use std::fmt;

/// How the caller of a submission learns that it is durable. One that is dropped uncalled never became durable as
/// far as this process knows: the log was closed or has failed.
pub enum Done {
    /// Nobody waits.
    Nothing,
    /// Called when this submission and all earlier ones of its group are durable. If several of one group become
    /// durable in one batch, only the last is called: it speaks for the others.
    Watermark(Box<dyn FnOnce() + Send>),
    /// Called when this submission is durable, in any case.
    Each(Box<dyn FnOnce() + Send>),
}

impl Done {
    /// A [`Done::Watermark`] without the box at the call site.
    pub fn watermark(call: impl FnOnce() + Send + 'static) -> Self {
        Self::Watermark(Box::new(call))
    }

    /// A [`Done::Each`] without the box at the call site.
    pub fn each(call: impl FnOnce() + Send + 'static) -> Self {
        Self::Each(Box::new(call))
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Watermark(_) => "Watermark",
            Self::Each(_) => "Each",
        })
    }
}
