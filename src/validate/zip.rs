//! The names in a zip archive, read from its central directory (APPNOTE.TXT, 4.3.12 and 4.3.16).
//!
//! The archive comes from a stranger, and `usize` has 32 bits in the component: every position in it is computed with
//! checks, and each step moves forward by at least the length of an entry's header.

/// How every archive that contains a file starts: a local file header.
pub(super) const LOCAL_HEADER: &[u8] = b"PK\x03\x04";

/// How an entry of the central directory starts, and its minimum length in bytes.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);

/// How the end of the central directory starts, and its length in bytes without the comment.
const END: (&[u8], usize) = (b"PK\x05\x06", 22);

/// The longest comment, and so the greatest distance from the end of the central directory to that of the file.
const MAX_COMMENT_BYTES: usize = u16::MAX as usize;

/// The names of all entries, as they are written; `None` if the archive has no directory, a broken one, or one in the
/// zip64 format, which only archives of more than 4 GiB or 65,535 entries need.
pub(super) fn names(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    if !bytes.starts_with(LOCAL_HEADER) {
        return None;
    }
    let end = end(bytes)?;
    let count = u16_at(bytes, end.checked_add(10)?)?;
    let size = u32_at(bytes, end.checked_add(12)?)?;
    let start = u32_at(bytes, end.checked_add(16)?)?;
    // With nothing between the directory and its end, no program can find another directory than this one.
    if start.checked_add(size)? != end {
        return None;
    }
    let mut rest = bytes.get(start..end)?;
    let mut names = Vec::new();
    for _ in 0..count {
        let (name, further) = entry(rest)?;
        names.push(name);
        rest = further;
    }
    rest.is_empty().then_some(names)
}

/// Where the end of the central directory starts: at the last match whose comment ends with the file.
fn end(bytes: &[u8]) -> Option<usize> {
    let (signature, length) = END;
    let last = bytes.len().checked_sub(length)?;
    let first = last.saturating_sub(MAX_COMMENT_BYTES);
    let found = bytes.get(first..)?.windows(signature.len()).rposition(|window| window == signature)?;
    let end = first.checked_add(found)?;
    let comment = u16_at(bytes, end.checked_add(20)?)?;
    (end.checked_add(length)?.checked_add(comment)? == bytes.len()).then_some(end)
}

/// The name of the first entry of a directory, and the rest of the directory.
fn entry(directory: &[u8]) -> Option<(&[u8], &[u8])> {
    let (signature, length) = ENTRY;
    if !directory.starts_with(signature) {
        return None;
    }
    let name_end = length.checked_add(u16_at(directory, 28)?)?;
    let entry_end = name_end.checked_add(u16_at(directory, 30)?)?.checked_add(u16_at(directory, 32)?)?;
    Some((directory.get(length..name_end)?, directory.get(entry_end..)?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*two).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*four)).ok()
}

/// The content of the first entry, if it has this name and is not compressed (APPNOTE.TXT, 4.3.7), and whatever follows
/// it.
pub(super) fn first_stored<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    const STORED: usize = 0;
    const HEADER_BYTES: usize = 30;
    let stored = bytes.starts_with(LOCAL_HEADER) && u16_at(bytes, 8)? == STORED;
    let name_end = HEADER_BYTES.checked_add(u16_at(bytes, 26)?)?;
    let content = name_end.checked_add(u16_at(bytes, 28)?)?;
    (stored && bytes.get(HEADER_BYTES..name_end)? == name).then(|| bytes.get(content..)).flatten()
}
