//! The number at the start of a message: 64 bits as 16 letters, `a` for 0 to `p` for 15.
//!
//! Letters and not digits, so that a service which upper-cases text has work to do on it, and the number can still be
//! read from what it answers. Eight letters are written and read at a time, as the bytes of one word: the number is
//! written and read once for every request, hundreds of thousands of times a second.

/// The letters that a number takes.
pub const LETTERS: usize = 16;

/// Writes a number, its highest four bits first.
#[inline]
pub(super) fn write(number: u64, letters: &mut [u8; LETTERS]) {
    let (high, low) = letters.split_at_mut(LETTERS / 2);
    // Both halves keep their 32 bits.
    high.copy_from_slice(&(spread((number >> 32) as u32) + LOWER).to_be_bytes());
    low.copy_from_slice(&(spread(number as u32) + LOWER).to_be_bytes());
}

/// The number in letters of one case: capitals or not, nothing else and no mixture.
#[inline]
pub(super) fn read(letters: &[u8; LETTERS], capitals: bool) -> Option<u64> {
    let first = if capitals { UPPER } else { LOWER };
    let (high, low) = letters.split_at(LETTERS / 2);
    let high = u64::from_be_bytes(high.try_into().ok()?).wrapping_sub(first);
    let low = u64::from_be_bytes(low.try_into().ok()?).wrapping_sub(first);
    // If every byte of a difference is below 16, then no byte of it borrowed from another.
    ((high | low) & !NIBBLES == 0).then(|| u64::from(gather(high)) << 32 | u64::from(gather(low)))
}

/// The number in letters of any case, for a reply that is wrong and may still say what it answers.
pub(super) fn read_any(letters: &[u8; LETTERS]) -> Option<u64> {
    read(&letters.map(|letter| letter.to_ascii_lowercase()), false)
}

/// The letter of a zero in each byte.
const LOWER: u64 = u64::from_be_bytes([b'a'; 8]);
const UPPER: u64 = u64::from_be_bytes([b'A'; 8]);

/// The lower four bits of each byte.
const NIBBLES: u64 = 0x0f0f_0f0f_0f0f_0f0f;

/// Each four bits of 32 in a byte of its own, in the same order.
#[inline]
fn spread(bits: u32) -> u64 {
    let bits = u64::from(bits);
    let bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    let bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    (bits | bits << 4) & NIBBLES
}

/// Undoes [`spread`].
#[inline]
fn gather(bytes: u64) -> u32 {
    let bytes = (bytes | bytes >> 4) & 0x00ff_00ff_00ff_00ff;
    let bytes = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    // The lower half of what is left.
    (bytes | bytes >> 16) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(number: u64) -> [u8; LETTERS] {
        let mut letters = [0; LETTERS];
        write(number, &mut letters);
        letters
    }

    #[test]
    fn a_number_reads_as_its_digits_in_letters() {
        assert_eq!(&written(0), b"aaaaaaaaaaaaaaaa");
        assert_eq!(&written(0x0123_4567_89ab_cdef), b"abcdefghijklmnop");
        assert_eq!(&written(u64::MAX), b"pppppppppppppppp");
    }

    #[test]
    fn letters_beside_the_range_of_numbers_are_none() {
        for place in 0..LETTERS {
            for byte in (0..=u8::MAX).filter(|byte| !(b'A'..=b'P').contains(byte)) {
                let mut letters = *b"ABCDEFGHIJKLMNOP";
                letters[place] = byte;
                assert_eq!(read(&letters, true), None, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_number_survives_being_upper_cased(number: u64) {
            let letters = written(number);
            prop_assert_eq!(read(&letters, false), Some(number));
            prop_assert_eq!(read(&letters, true), None);
            let upper = letters.map(|letter| letter.to_ascii_uppercase());
            prop_assert_eq!(read(&upper, true), Some(number));
            prop_assert_eq!(read(&upper, false), None);
            prop_assert_eq!(read_any(&upper), Some(number));
        }

        #[test]
        fn what_reads_as_a_number_is_how_it_is_written(letters: [u8; LETTERS]) {
            if let Some(number) = read(&letters, false) {
                prop_assert_eq!(written(number), letters);
            }
        }
    }
}
