//! A ZIP archive of one stored file, which CreateFunction wants even where the code is built in.

/// When no date is known: 1980-01-01, the format's first day.
const DATE: u16 = 0x0021;
/// The least version of the format that stored files need.
const VERSION: u16 = 10;

/// An archive with one file.
///
/// # Errors
/// When the file is longer than the format's fields.
pub fn of_one_file(name: &str, content: &[u8]) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let length = u32::try_from(content.len())?;
    let name_length = u16::try_from(name.len())?;
    // What the local header and the directory have in common: from the version needed to the length of the extra field.
    let mut common = Vec::new();
    for field in [VERSION, 0, 0, 0, DATE] {
        common.extend_from_slice(&field.to_le_bytes());
    }
    for field in [crc32(content), length, length] {
        common.extend_from_slice(&field.to_le_bytes());
    }
    for field in [name_length, 0] {
        common.extend_from_slice(&field.to_le_bytes());
    }
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend_from_slice(&common);
    archive.extend_from_slice(name.as_bytes());
    archive.extend_from_slice(content);
    let directory_at = u32::try_from(archive.len())?;
    archive.extend_from_slice(b"PK\x01\x02");
    archive.extend_from_slice(&VERSION.to_le_bytes());
    archive.extend_from_slice(&common);
    // No comment, first disk, no attributes, and the local header at the archive's beginning.
    archive.extend_from_slice(&[0; 14]);
    archive.extend_from_slice(name.as_bytes());
    let directory_length = u32::try_from(archive.len())? - directory_at;
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend_from_slice(&directory_length.to_le_bytes());
    archive.extend_from_slice(&directory_at.to_le_bytes());
    archive.extend_from_slice(&[0; 2]);
    Ok(archive)
}

/// The checksum of the format (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_has_the_formats_parts_where_they_belong() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let archive = of_one_file("README", b"text").expect("an archive");
        assert_eq!(archive.len(), 30 + 6 + 4 + 46 + 6 + 22);
        assert_eq!(&archive[30..40], b"READMEtext");
        assert_eq!(&archive[40..44], b"PK\x01\x02");
        let end = &archive[archive.len() - 22..];
        assert_eq!((&end[..4], &end[12..20]), (b"PK\x05\x06".as_slice(), [52, 0, 0, 0, 40, 0, 0, 0].as_slice()));
    }
}
