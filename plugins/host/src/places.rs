//! A guest's memory, as its host reads and writes it.
//! Promises: nothing outside of it is touched, whatever places a guest names; that is a misuse of the function it called.

use tenure_plugin_abi::Fault;

/// The most arguments of one native command.
const ARGUMENTS_MAX: u32 = 4096;

/// Bytes of a place and a length, as [`Places::list`] reads them.
const ENTRY_BYTES: u32 = 8;

pub(crate) struct Places<'a> {
    pub(crate) bytes: &'a mut [u8],
    /// Who asks, for the fault.
    pub(crate) function: &'static str,
}

impl Places<'_> {
    pub(crate) fn misuse(&self) -> Fault {
        Fault::Misuse {
            function: self.function,
        }
    }

    pub(crate) fn read(&self, at: u32, len: u32) -> Result<&[u8], Fault> {
        let (at, len) = (index(at), index(len));
        let end = at.checked_add(len).ok_or_else(|| self.misuse())?;
        self.bytes.get(at..end).ok_or_else(|| self.misuse())
    }

    pub(crate) fn read_u32(&self, at: u32) -> Result<u32, Fault> {
        let bytes = self.read(at, 4)?;
        let bytes = bytes.try_into().map_err(|_| self.misuse())?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(crate) fn place(&mut self, at: u32, len: u32) -> Result<&mut [u8], Fault> {
        let function = self.function;
        let misuse = || Fault::Misuse { function };
        let (at, len) = (index(at), index(len));
        let end = at.checked_add(len).ok_or_else(misuse)?;
        self.bytes.get_mut(at..end).ok_or_else(misuse)
    }

    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault> {
        let len = u32::try_from(bytes.len()).map_err(|_| self.misuse())?;
        self.place(at, len)?.copy_from_slice(bytes);
        Ok(())
    }

    /// As much of it as fits into the guest's buffer, and how much that was. The whole buffer must be the guest's.
    pub(crate) fn copy(&mut self, bytes: &[u8], at: u32, capacity: u32) -> Result<i32, Fault> {
        let misuse = self.misuse();
        let buffer = self.place(at, capacity)?;
        let len = buffer.len().min(bytes.len());
        let (Some(to), Some(from)) = (buffer.get_mut(..len), bytes.get(..len)) else {
            return Err(misuse);
        };
        to.copy_from_slice(from);
        i32::try_from(len).map_err(|_| misuse)
    }

    pub(crate) fn text(&self, at: u32, len: u32) -> Result<&str, Fault> {
        std::str::from_utf8(self.read(at, len)?).map_err(|_| self.misuse())
    }

    /// The byte strings whose places and lengths stand one after the other.
    pub(crate) fn list(&self, at: u32, count: u32) -> Result<Vec<&[u8]>, Fault> {
        if count == 0 || count > ARGUMENTS_MAX {
            return Err(self.misuse());
        }
        let entries = self.read(at, count * ENTRY_BYTES)?;
        let mut list = Vec::with_capacity(index(count));
        let (entries, _) = entries.as_chunks::<4>();
        let (entries, _) = entries.as_chunks::<2>();
        for [at, len] in entries {
            list.push(self.read(u32::from_le_bytes(*at), u32::from_le_bytes(*len))?);
        }
        Ok(list)
    }
}

/// No machine that runs this has narrower addresses than a guest.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
