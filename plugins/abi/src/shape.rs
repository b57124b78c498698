//! Whether the pieces of a reply make one whole reply.
//! Promises: constant work for each piece; what a guest nests is bounded.

use crate::Piece;

/// How deep replies may nest.
const DEPTH_MAX: usize = 32;

/// Follows a reply as it is built.
#[derive(Debug, Clone, Default)]
pub struct ReplyShape {
    /// How many replies each open header still waits for.
    open: Vec<usize>,
    is_whole: bool,
}

/// The pieces are not one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is more than one.
    #[error("it goes on after its end")]
    PastEnd,
    /// A header waits for more, or nothing was said.
    #[error("it ends before its end")]
    Unfinished,
    /// Headers within headers within headers.
    #[error("it nests deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A header promises more than can be counted.
    #[error("it promises too many elements")]
    TooMany,
}

impl ReplyShape {
    /// Adds a piece.
    pub fn add(&mut self, piece: &Piece<'_>) -> Result<(), ShapeError> {
        if self.is_whole {
            return Err(ShapeError::PastEnd);
        }
        let replies = match piece {
            Piece::Array(replies) | Piece::Set(replies) => *replies,
            Piece::Map(pairs) => pairs.checked_mul(2).ok_or(ShapeError::TooMany)?,
            Piece::Simple(_)
            | Piece::Error(_)
            | Piece::Integer(_)
            | Piece::Bulk(_)
            | Piece::Null
            | Piece::Double(_)
            | Piece::Boolean(_)
            | Piece::Verbatim { .. } => 0,
        };
        if replies > 0 {
            if self.open.len() == DEPTH_MAX {
                return Err(ShapeError::TooDeep);
            }
            self.open.push(replies);
            return Ok(());
        }
        self.close();
        Ok(())
    }

    /// A whole reply ends, and with it every header that waited for it alone.
    fn close(&mut self) {
        while let Some(waits_for) = self.open.last_mut() {
            *waits_for -= 1;
            if *waits_for > 0 {
                return;
            }
            self.open.pop();
        }
        self.is_whole = true;
    }

    /// Whether the pieces so far are one whole reply.
    pub fn finish(&self) -> Result<(), ShapeError> {
        if self.is_whole {
            Ok(())
        } else {
            Err(ShapeError::Unfinished)
        }
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.open.clear();
        self.is_whole = false;
    }
}
