//! QR codes as PNG images (ISO/IEC 18004, RFC 2083), for the seeds of virtual MFA devices.

use qrcode::{Color, QrCode};
use strongroom_types::SecretBytes;
use strongroom_types::secret::SecretBuffer;
use zeroize::Zeroizing;

use crate::error::Error;

/// Pixels of a module's side.
const SCALE: usize = 4;
/// White modules around the code, as its standard demands.
const QUIET: usize = 4;
/// How every PNG begins.
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Bytes of a block that is stored as it is, at most (RFC 1951, section 3.2.4).
const STORED_MAX: usize = 65_535;

/// The QR code of a text, in black and white.
///
/// # Errors
/// When the text is too long for a code.
pub(super) fn png(text: &str) -> Result<SecretBytes, Error> {
    let code = QrCode::new(text).map_err(|_| Error::internal("a text is too long for a QR code"))?;
    let width = code.width();
    let modules: Zeroizing<Vec<bool>> =
        Zeroizing::new(code.into_colors().into_iter().map(|color| color == Color::Dark).collect());
    let side = (width + 2 * QUIET) * SCALE;
    let mut rows = Zeroizing::new(Vec::with_capacity(side * (side.div_ceil(8) + 1)));
    for y in 0..side {
        // No filter.
        rows.push(0);
        for byte_at in 0..side.div_ceil(8) {
            let bit = |bit: usize| u8::from(is_white(&modules, width, byte_at * 8 + bit, y)) << (7 - bit);
            rows.push((0..8).map(bit).fold(0, |byte, bit| byte | bit));
        }
    }
    let mut image = SecretBuffer::with_capacity(rows.len() + 256);
    image.extend_from_slice(&SIGNATURE);
    let side = u32::try_from(side).unwrap_or_default().to_be_bytes();
    // One bit a pixel, grey; deflate; no interlacing.
    let header = [side.as_slice(), &side, &[1, 0, 0, 0, 0]].concat();
    chunk(&mut image, *b"IHDR", &header);
    chunk(&mut image, *b"IDAT", &stored(&rows));
    chunk(&mut image, *b"IEND", &[]);
    Ok(image.into_secret())
}

fn is_white(modules: &[bool], width: usize, x: usize, y: usize) -> bool {
    let module = |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|at| *at < width);
    match (module(x), module(y)) {
        (Some(x), Some(y)) => !modules.get(y * width + x).copied().unwrap_or_default(),
        _ => true,
    }
}

/// Data in the zlib format (RFC 1950) without compression.
fn stored(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len() + 5 * data.len().div_ceil(STORED_MAX) + 6));
    out.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = data.chunks(STORED_MAX).peekable();
    while let Some(block) = blocks.next() {
        let len = u16::try_from(block.len()).unwrap_or_default();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    out.extend_from_slice(&((high << 16) | low).to_be_bytes());
    out
}

fn chunk(image: &mut SecretBuffer, name: [u8; 4], data: &[u8]) {
    image.extend_from_slice(&u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    image.extend_from_slice(&name);
    image.extend_from_slice(data);
    let sum = name.iter().chain(data).fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    });
    image.extend_from_slice(&(!sum).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_right_end_and_a_square_header() {
        let image = png("otpauth://totp/a@b?secret=MZXW6YTB").expect("image");
        let bytes = image.expose();
        assert_eq!(bytes[..8], SIGNATURE);
        assert_eq!(bytes[16..20], bytes[20..24]);
        // The last chunk of every PNG, with its known checksum.
        assert_eq!(bytes[bytes.len() - 12..], *b"\0\0\0\0IEND\xae\x42\x60\x82");
    }
}
