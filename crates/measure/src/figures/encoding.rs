//! HdrHistogram's standard encoding, read from files that anybody may have written.
//!
//! The library allocates what the header of an encoded histogram claims, up to 4 GiB, and adds up counts without looking at
//! their sum. So both are looked at here before it reads them.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use hdrhistogram::{Counter, Histogram};
use thiserror::Error;

/// How the encodings begin that are read: version 2, plain and compressed.
const COOKIE: u32 = 0x1c84_9313;
const COMPRESSED_COOKIE: u32 = 0x1c84_9314;

/// The header of an uncompressed histogram: cookie, length, offset, digits, bounds, ratio.
const HEADER_LENGTH: usize = 40;

/// How long an uncompressed histogram may be: one of ours with every bucket full takes 34,000 counts of up to nine
/// bytes. Longer ones are refused.
const MOST_BYTES: u64 = 1024 * 1024;

/// More digits are never ours, and would take memory by the megabyte.
const MOST_DIGITS: u32 = 3;

/// The largest upper bound of a histogram. Others allow what fits in 63 bits and use only what they need of it.
const HIGHEST_BOUND: u64 = u64::MAX >> 1;

/// How many samples a histogram may hold: what a number in JSON holds exactly, and a century of any generator.
const MOST_SAMPLES: u64 = 1 << 53;

/// Why a histogram could not be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EncodingError {
    /// No base64.
    #[error("the histogram is not base64")]
    Base64,
    /// No histogram, one that was cut, or an encoding before version 2.
    #[error("this is no HdrHistogram in its encoding V2")]
    Foreign,
    /// Larger or finer than any that callbox writes.
    #[error("the histogram is larger than any that callbox writes")]
    TooLarge,
    /// It holds latencies of more than an hour.
    #[error("the histogram holds latencies of more than an hour")]
    TooLong,
}

/// V2, compressed, as base64.
pub(super) fn encode<C: Counter>(counts: &Histogram<C>) -> String {
    let mut bytes = Vec::new();
    let written = V2DeflateSerializer::new().serialize(counts, &mut bytes);
    debug_assert!(written.is_ok(), "a vector takes every byte, and no histogram here is too large");
    STANDARD.encode(bytes)
}

/// Reads what an HdrHistogram in any language wrote.
pub(super) fn decode<C: Counter>(text: &str) -> Result<Histogram<C>, EncodingError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| EncodingError::Base64)?;
    let plain = match word(&bytes, 0)? {
        COOKIE => bytes,
        COMPRESSED_COOKIE => inflate(bytes.get(8..).ok_or(EncodingError::Foreign)?)?,
        _ => return Err(EncodingError::Foreign),
    };
    check(&plain)?;
    let counts = Deserializer::new().deserialize(&mut plain.as_slice());
    counts.map_err(|_| EncodingError::Foreign)
}

/// Whether an uncompressed histogram claims what it holds, and holds what can be counted.
fn check(plain: &[u8]) -> Result<(), EncodingError> {
    let counts = plain.get(HEADER_LENGTH..).ok_or(EncodingError::Foreign)?;
    if word(plain, 4)? as usize != counts.len() {
        return Err(EncodingError::Foreign);
    }
    let highest = u64::from(word(plain, 24)?) << 32 | u64::from(word(plain, 28)?);
    if word(plain, 12)? > MOST_DIGITS || highest > HIGHEST_BOUND {
        return Err(EncodingError::TooLarge);
    }
    check_counts(counts)
}

/// The counts are ZigZag LEB128: a positive number is a count, a negative one says how many counts of 0 are left out.
fn check_counts(mut counts: &[u8]) -> Result<(), EncodingError> {
    let (mut index, mut sum) = (0_u64, 0_u64);
    while !counts.is_empty() {
        let (mut number, mut length) = (0_u64, 0);
        loop {
            let byte = *counts.get(length).ok_or(EncodingError::Foreign)?;
            // The ninth byte has no mark of continuation: its eight bits all count.
            let last = length == 8 || byte & 0x80 == 0;
            let bits = if length == 8 { byte } else { byte & 0x7f };
            number |= u64::from(bits) << (7 * length);
            length += 1;
            if last {
                break;
            }
        }
        counts = &counts[length..];
        let half = number >> 1;
        let is_skip = number & 1 == 1;
        index = index.saturating_add(if is_skip { half.saturating_add(1) } else { 1 });
        sum = sum.saturating_add(if is_skip { 0 } else { half });
        if index > MOST_BYTES || sum > MOST_SAMPLES {
            return Err(EncodingError::TooLarge);
        }
    }
    Ok(())
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut plain = Vec::new();
    let read = ZlibDecoder::new(compressed).take(MOST_BYTES + 1).read_to_end(&mut plain);
    match read {
        Ok(length) if length as u64 > MOST_BYTES => Err(EncodingError::TooLarge),
        Ok(_) => Ok(plain),
        Err(_) => Err(EncodingError::Foreign),
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32, EncodingError> {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map(u32::from_be_bytes).ok_or(EncodingError::Foreign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(length: u32, digits: u32, low: u64, high: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [COOKIE, length, 0, digits] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(low.to_be_bytes());
        bytes.extend(high.to_be_bytes());
        bytes.extend(1f64.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Result<u64, EncodingError> {
        decode::<u64>(&STANDARD.encode(bytes)).map(|counts| counts.len())
    }

    #[test]
    fn a_histogram_with_one_sample_is_read() {
        let mut bytes = header(2, 3, 1, 3_600_000_000_000);
        // Seven counts of 0 are left out, then comes a count of 1.
        bytes.extend([13, 2]);
        assert_eq!(read(&bytes), Ok(1));
    }

    #[test]
    fn claims_that_would_take_memory_or_overflow_are_refused() {
        assert_eq!(read(&header(u32::MAX, 3, 1, 1000)), Err(EncodingError::Foreign));
        assert_eq!(read(&header(0, 5, 1, 1000)), Err(EncodingError::TooLarge));
        assert_eq!(read(&header(0, 3, 1, u64::MAX)), Err(EncodingError::TooLarge));
        assert_eq!(read(&header(0, 3, 0, 1000)), Err(EncodingError::Foreign));
        // i64::MIN counts of 0, and twice as many samples as can be counted.
        for number in [[0xff; 9], [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
            let mut bytes = header(9, 3, 1, 3_600_000_000_000);
            bytes.extend(number);
            assert_eq!(read(&bytes), Err(EncodingError::TooLarge));
        }
    }

    #[test]
    fn what_unpacks_to_more_than_any_histogram_is_refused() {
        let mut packed = COMPRESSED_COOKIE.to_be_bytes().to_vec();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut zlib, &vec![0; 64 * 1024 * 1024]).unwrap();
        let zlib = zlib.finish().unwrap();
        packed.extend((zlib.len() as u32).to_be_bytes());
        packed.extend(zlib);
        assert_eq!(read(&packed), Err(EncodingError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            digits in 0..4_u32,
            low in 0..5_u64,
            high in prop_oneof![0..5000_u64, any::<u64>()],
            counts in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut bytes = header(counts.len() as u32, digits, low, high);
            bytes.extend(counts);
            let _ = read(&bytes);
        }
    }
}
