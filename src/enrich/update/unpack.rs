//! From what was fetched to an MMDB file: plain, gzip, or a tar archive in gzip; told by content, not by name.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};

use flate2::bufread::MultiGzDecoder;

/// What an archive may hold besides the database: licence texts.
const BESIDE: u64 = 1 << 20;
/// A tar header; where `ustar` stands in it.
const HEADER: usize = 512;
const MAGIC_AT: usize = 257;

/// Writes the database in `from` to `to`, at most `limit` bytes of it; gives its size.
///
/// # Errors
/// What reading or writing says; [`ErrorKind::FileTooLarge`] beyond the limit; [`ErrorKind::InvalidData`] for a broken
/// archive or one without a database.
pub fn unpack(from: impl Read, to: &mut impl Write, limit: u64) -> io::Result<u64> {
    let mut from = BufReader::new(from);
    if from.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let bounded = Bounded { inner: MultiGzDecoder::new(from), left: limit.saturating_add(BESIDE) };
        archive(bounded, to, limit)
    } else {
        archive(from, to, limit)
    }
}

fn archive(mut from: impl Read, to: &mut impl Write, limit: u64) -> io::Result<u64> {
    let mut head = Vec::with_capacity(HEADER);
    from.by_ref().take(HEADER as u64).read_to_end(&mut head)?;
    let is_tar = head.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar"));
    let mut whole = head.chain(from);
    if !is_tar {
        return copy(&mut whole, to, limit);
    }
    let size = out_of_tar(&mut whole, to, limit)?;
    // To the end, where gzip keeps its checksum.
    io::copy(&mut whole, &mut io::sink())?;
    Ok(size)
}

fn out_of_tar(from: impl Read, to: &mut impl Write, limit: u64) -> io::Result<u64> {
    for entry in tar::Archive::new(from).entries()? {
        let mut entry = entry?;
        let wanted = entry.header().entry_type().is_file()
            && entry.path().is_ok_and(|path| path.extension().is_some_and(|e| e == "mmdb"));
        if wanted {
            return copy(&mut entry, to, limit);
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, "the archive holds no .mmdb file"))
}

fn copy(from: &mut impl Read, to: &mut impl Write, limit: u64) -> io::Result<u64> {
    let size = io::copy(&mut from.take(limit.saturating_add(1)), to)?;
    if size > limit { Err(too_large()) } else { Ok(size) }
}

fn too_large() -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, "unpacked it is larger than allowed")
}

/// A reader that fails beyond a number of bytes, so that a small archive cannot unpack for ever.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_large)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        gzip(&builder.into_inner().unwrap())
    }

    fn unpacked(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpack(bytes, &mut out, limit).map(|size| {
            assert_eq!(size, out.len() as u64);
            out
        })
    }

    #[test]
    fn plain_gzip_and_tar_give_the_same_bytes() {
        let bytes = vec![7_u8; 5000];
        let tar = tarball(&[("G/LICENSE.txt", b"terms"), ("G/G.mmdb", &bytes), ("G/README.txt", b"x")]);
        for packed in [bytes.clone(), gzip(&bytes), tar] {
            assert_eq!(unpacked(&packed, 5000).unwrap(), bytes);
            assert_eq!(unpacked(&packed, 4999).unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
        assert_eq!(unpacked(b"", 9).unwrap(), b"");
    }

    #[test]
    fn a_bomb_is_cut_off_wherever_it_lies() {
        let big = vec![0_u8; 8 << 20];
        let beside = tarball(&[("G/bomb.txt", &big), ("G/G.mmdb", b"small")]);
        for packed in [gzip(&big), beside, tarball(&[("G/G.mmdb", b"small"), ("G/bomb.txt", &big)])] {
            assert_eq!(unpacked(&packed, 1000).unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
    }

    #[test]
    fn what_is_cut_short_or_changed_or_holds_no_database_is_refused() {
        let bytes: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        for whole in [gzip(&bytes), tarball(&[("G/G.mmdb", &bytes)])] {
            assert!(unpacked(&whole[..whole.len() - 9], 1 << 20).is_err(), "cut short");
            let mut changed = whole.clone();
            let at = changed.len() - 8;
            changed[at] ^= 1;
            assert!(unpacked(&changed, 1 << 20).is_err(), "the checksum at the end is read");
        }
        let error = unpacked(&tarball(&[("G/LICENSE.txt", b"terms")]), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("no .mmdb"), "{error}");
    }
}
