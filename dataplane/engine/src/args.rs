//! The arguments of a command, the name of the command first.
//! Promises: borrowed arguments are read where the socket put them; nothing is copied.

use std::ops::{Index, Range};

/// Arguments that lie in a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    parts: &'a [Range<usize>],
}

impl<'a> Args<'a> {
    /// Arguments at these places of `buffer`. Every place must lie in it.
    pub fn new(buffer: &'a [u8], parts: &'a [Range<usize>]) -> Self {
        Self { buffer, parts }
    }

    /// How many, the command's name included.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is not even a name.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The argument at this place.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.parts.get(index).map(|part| &self.buffer[part.clone()])
    }

    /// All of them from this one on; none if there are not so many.
    pub fn from(&self, index: usize) -> Args<'a> {
        Args {
            buffer: self.buffer,
            parts: self.parts.get(index..).unwrap_or(&[]),
        }
    }

    /// The first so many of them; all if there are not so many.
    pub fn up_to(&self, count: usize) -> Args<'a> {
        Args {
            buffer: self.buffer,
            parts: self.parts.get(..count).unwrap_or(self.parts),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let buffer = self.buffer;
        self.parts.iter().map(move |part| &buffer[part.clone()])
    }

    /// Bytes of all arguments together.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }

    /// A copy that outlives the buffer, as a transaction keeps it.
    pub fn to_owned(&self) -> OwnedArgs {
        self.iter().collect()
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// For places that the command's arity promises.
    fn index(&self, index: usize) -> &[u8] {
        &self.buffer[self.parts[index].clone()]
    }
}

/// Arguments with a buffer of their own.
#[derive(Debug, Clone, Default)]
pub struct OwnedArgs {
    buffer: Vec<u8>,
    parts: Vec<Range<usize>>,
}

impl OwnedArgs {
    /// None, in the room of those that were there.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.parts.clear();
    }

    /// Adds one behind the others.
    pub fn push(&mut self, arg: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(arg);
        self.parts.push(start..self.buffer.len());
    }

    /// To be read.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.parts)
    }
}

impl<A: AsRef<[u8]>> FromIterator<A> for OwnedArgs {
    fn from_iter<I: IntoIterator<Item = A>>(args: I) -> Self {
        let mut owned = Self::default();
        for arg in args {
            owned.push(arg.as_ref());
        }
        owned
    }
}
