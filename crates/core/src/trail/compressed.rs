//! The text of a segment, whether its file is compressed or not, from any place in it on.
//!
//! A compressed file is gzip (RFC 1952), a sequence of members of whole lines each. The last member holds no text: in its
//! extra field stands how long the members before it are, compressed and not, so that a place in the text is found without
//! reading what comes before.

use std::io::{self, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::files::{SegmentFile, SegmentFiles};
use super::segment_id::SegmentId;

/// Text of a member, in bytes; more where a segment is so large that the table could not hold all.
const MEMBER_BYTES: u64 = 128 * 1024;
/// Members that the table can hold: an extra field is shorter than 64 KiB.
const MEMBERS_MAX: u64 = 8000;
/// Ends the table.
const MAGIC: &[u8; 8] = b"SRTRAIL1";
/// A table's entry, in bytes: two lengths.
const ENTRY_BYTES: u64 = 8;
/// What follows the entries in the table: their count, and the magic.
const TABLE_END_BYTES: u64 = 12;
/// What follows the table: an empty block of deflate, the checksum and the length of no text.
const MEMBER_END: &[u8; 10] = &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// How a member with an extra field begins: gzip, deflate, the flag of that field, no time, no level, no system.
const MEMBER_START: &[u8; 10] = &[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff];
/// The kind of our extra field.
const FIELD: &[u8; 2] = b"SR";

/// A member: how long it is, and how long its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    compressed: u32,
    text: u32,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Bytes of text.
    pub(super) text: u64,
    /// Bytes of the file.
    pub(super) file: u64,
}

/// Writes `text`, of about `length` bytes, into a new file. It is not synced. Each member is unpacked and held against its
/// text before it is written.
///
/// # Errors
/// When the text cannot be read, the file not written, or a member holds something else than its text.
pub(super) fn write(file: &dyn SegmentFile, text: Box<dyn Read + Send>, length: u64) -> io::Result<Written> {
    let size = MEMBER_BYTES.max(length / MEMBERS_MAX * 2);
    let mut lines = BufReader::with_capacity(64 * 1024, text);
    let (mut members, mut total) = (Vec::new(), Written::default());
    let (mut buffer, mut unpacked) = (Vec::new(), Vec::new());
    loop {
        buffer.clear();
        lines.by_ref().take(size).read_to_end(&mut buffer)?;
        if buffer.is_empty() {
            break;
        }
        if buffer.last() != Some(&b'\n') {
            io::BufRead::read_until(&mut lines, b'\n', &mut buffer)?;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&buffer)?;
        let compressed = encoder.finish()?;
        unpacked.clear();
        let mut member = GzDecoder::new(compressed.as_slice());
        member.read_to_end(&mut unpacked)?;
        if unpacked != buffer || !member.into_inner().is_empty() {
            return Err(io::Error::other("what was compressed does not unpack to the same"));
        }
        write_all(file, &compressed)?;
        let member = Member { compressed: length_of(&compressed)?, text: length_of(&buffer)? };
        total.text += u64::from(member.text);
        total.file += u64::from(member.compressed);
        members.push(member);
    }
    let table = table(&members)?;
    write_all(file, &table)?;
    total.file += u64::from(length_of(&table)?);
    Ok(total)
}

fn length_of(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(io::Error::other)
}

/// The last member.
fn table(members: &[Member]) -> io::Result<Vec<u8>> {
    let mut entries = Vec::new();
    for member in members {
        entries.extend_from_slice(&member.compressed.to_le_bytes());
        entries.extend_from_slice(&member.text.to_le_bytes());
    }
    entries.extend_from_slice(&u32::try_from(members.len()).map_err(io::Error::other)?.to_le_bytes());
    entries.extend_from_slice(MAGIC);
    let field = u16::try_from(entries.len()).map_err(io::Error::other)?;
    let extra = field.checked_add(4).ok_or_else(|| io::Error::other("the table of a segment is too long"))?;
    let mut member = MEMBER_START.to_vec();
    member.extend_from_slice(&extra.to_le_bytes());
    member.extend_from_slice(FIELD);
    member.extend_from_slice(&field.to_le_bytes());
    member.extend_from_slice(&entries);
    member.extend_from_slice(MEMBER_END);
    Ok(member)
}

/// How long the table of a compressed file says that the text is; none when it has no table.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn told_length(files: &dyn SegmentFiles, name: &str) -> io::Result<Option<u64>> {
    Ok(members(files, name)?.map(|members| members.iter().map(|member| u64::from(member.text)).sum()))
}

/// The members with text of a compressed file; none when it has no table.
fn members(files: &dyn SegmentFiles, name: &str) -> io::Result<Option<Vec<Member>>> {
    let length = files.length(name)?;
    let end = u64::try_from(MEMBER_END.len()).unwrap_or(0);
    let Some(at) = length.checked_sub(end + TABLE_END_BYTES) else { return Ok(None) };
    let mut tail = Vec::new();
    files.read(name, at)?.take(TABLE_END_BYTES).read_to_end(&mut tail)?;
    let Some((count, magic)) = tail.split_first_chunk::<4>().map(|(count, magic)| (u32::from_le_bytes(*count), magic))
    else {
        return Ok(None);
    };
    if magic != MAGIC {
        return Ok(None);
    }
    let bytes = u64::from(count).saturating_mul(ENTRY_BYTES);
    let Some(start) = at.checked_sub(bytes) else { return Ok(None) };
    let mut entries = Vec::new();
    files.read(name, start)?.take(bytes).read_to_end(&mut entries)?;
    let (entries, _) = entries.as_chunks::<8>();
    let whole = |entry: &[u8; 8]| {
        let [a, b, c, d, e, f, g, h] = *entry;
        Member { compressed: u32::from_le_bytes([a, b, c, d]), text: u32::from_le_bytes([e, f, g, h]) }
    };
    Ok(Some(entries.iter().map(whole).collect()))
}

/// The text of a segment, beginning `from` bytes after its start; nothing when it is shorter. Of a segment that has both
/// files, the one that is not compressed counts: the other may not be whole.
///
/// # Errors
/// `NotFound` when the segment is not there; others when it cannot be read.
pub(super) fn read(files: &dyn SegmentFiles, id: SegmentId, from: u64) -> io::Result<Box<dyn Read + Send>> {
    match files.read(&id.file(), from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let name = id.compressed_file();
    let (mut at, mut skip) = (0, from);
    if from > 0 {
        for member in members(files, &name)?.unwrap_or_default() {
            let text = u64::from(member.text);
            if skip < text {
                break;
            }
            skip -= text;
            at += u64::from(member.compressed);
        }
    }
    let file = BufReader::with_capacity(64 * 1024, files.read(&name, at)?);
    let mut text = MultiGzDecoder::new(file);
    io::copy(&mut text.by_ref().take(skip), &mut io::sink())?;
    Ok(Box::new(text))
}

/// The text of a compressed file.
///
/// # Errors
/// `NotFound` when it is not there; others when it cannot be read.
pub(super) fn decoded(files: &dyn SegmentFiles, name: &str) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, files.read(name, 0)?))))
}

/// Whether an error of reading says that a compressed file is not as it was written.
pub(super) fn is_damage(error: &io::Error) -> bool {
    [io::ErrorKind::InvalidInput, io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof].contains(&error.kind())
}

/// How long the text of a segment is, in bytes.
///
/// # Errors
/// `NotFound` when the segment is not there; others when it cannot be read.
pub(super) fn length(files: &dyn SegmentFiles, id: SegmentId) -> io::Result<u64> {
    match files.length(&id.file()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        length => return length,
    }
    let name = id.compressed_file();
    match told_length(files, &name)? {
        Some(length) => Ok(length),
        None => io::copy(&mut decoded(files, &name)?, &mut io::sink()),
    }
}

/// Whether what the table of a compressed segment of `bytes` bytes of text says is so: by it places in the text are found.
/// A segment that is not compressed, or has no table, is read without.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_as_told(files: &dyn SegmentFiles, id: SegmentId, bytes: u64) -> io::Result<bool> {
    match files.length(&id.file()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        length => return length.map(|_| true),
    }
    let name = id.compressed_file();
    let Some(members) = members(files, &name)? else { return Ok(true) };
    let (mut at, mut total) = (0, 0);
    for Member { compressed, text } in members {
        let (compressed, text) = (u64::from(compressed), u64::from(text));
        let file = BufReader::with_capacity(64 * 1024, files.read(&name, at)?.take(compressed));
        let mut member = GzDecoder::new(file);
        match io::copy(&mut member.by_ref().take(text.saturating_add(1)), &mut io::sink()) {
            Ok(length) if length == text => {}
            Err(error) if !is_damage(&error) => return Err(error),
            _ => return Ok(false),
        }
        if member.into_inner().bytes().next().transpose()?.is_some() {
            return Ok(false);
        }
        at += compressed;
        total += text;
    }
    Ok(total == bytes)
}

/// Where in the text of a compressed segment the member behind the one at `from` begins: from there it can be read on
/// when that one is damaged. None when it is not compressed, or there is no such place.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn next_member(files: &dyn SegmentFiles, id: SegmentId, from: u64) -> io::Result<Option<u64>> {
    match files.length(&id.file()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(_) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut behind = 0;
    for member in members(files, &id.compressed_file())?.unwrap_or_default() {
        behind += u64::from(member.text);
        if behind > from {
            return Ok(Some(behind));
        }
    }
    Ok(None)
}

pub(super) fn write_all(file: &dyn SegmentFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use strongroom_types::Timestamp;

    use super::*;
    use crate::trail::Hour;
    use crate::trail::memory::MemoryFiles;

    #[test]
    fn a_compressed_text_is_read_from_any_place_as_the_plain_one_is() {
        let files = MemoryFiles::default();
        let id = SegmentId::first(Hour::of(Timestamp::from_seconds(1_525_369_862)));
        let text: String = (0..40_000).map(|n| format!("record {n} {}\n", n * n)).collect();
        let compress = |text: &str| {
            let file = files.append(&id.compressed_file()).unwrap();
            file.truncate(0).unwrap();
            let text = text.as_bytes().to_vec();
            let (length, text) = (text.len() as u64, Box::new(io::Cursor::new(text)));
            let written = write(file.as_ref(), text, length).unwrap();
            assert_eq!(written.file, files.length(&id.compressed_file()).unwrap());
            written.text
        };
        assert_eq!(compress(&text), text.len() as u64);
        assert!(members(&files, &id.compressed_file()).unwrap().unwrap().len() > 2);
        assert_eq!(length(&files, id).unwrap(), text.len() as u64);
        let from = |at: usize| io::read_to_string(read(&files, id, at as u64).unwrap()).unwrap();
        for at in [0, 1, 262_143, 262_144, 262_160, 400_000, text.len() - 1, text.len(), text.len() + 5] {
            assert!(from(at) == text.get(at..).unwrap_or_default(), "from {at}");
        }
        assert_eq!(compress(""), 0);
        assert_eq!((from(0), length(&files, id).unwrap()), (String::new(), 0));
        // The plain file counts as long as it is there.
        files.put(&id.file(), b"plain\n");
        assert_eq!((from(0).as_str(), length(&files, id).unwrap()), ("plain\n", 6));
    }
}
