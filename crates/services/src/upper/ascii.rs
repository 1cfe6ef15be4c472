//! The fast way of `upper`: ASCII letters raised in place, and in the same pass the two facts that
//! decide what happens next.
//!
//! Plain text is ASCII nearly always, so this loop is what a server under load spends its time in.
//! It is written without a branch so that the compiler turns it into vector instructions; a second
//! pass (`is_ascii`, then `make_ascii_uppercase`, then a comparison) would read the datagram three
//! times.

/// The bit that tells a small ASCII letter from its capital.
const CASE_BIT: u8 = 0x20;

/// What one pass over the bytes found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// No byte was above 0x7f: the text is finished.
    pub ascii: bool,
    /// At least one letter was raised.
    pub changed: bool,
}

/// Raises the ASCII letters of `bytes` where they stand; every other byte stays.
#[inline]
pub fn upper_ascii_in_place(bytes: &mut [u8]) -> Scan {
    let mut union = 0u8;
    let mut raised = 0u8;
    for byte in bytes {
        let case_bit = if byte.is_ascii_lowercase() { CASE_BIT } else { 0 };
        union |= *byte;
        raised |= case_bit;
        *byte ^= case_bit;
    }
    Scan { ascii: union.is_ascii(), changed: raised != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_single_byte_gives_what_the_standard_library_gives() {
        for byte in 0..=u8::MAX {
            let mut bytes = [byte];
            let scan = upper_ascii_in_place(&mut bytes);
            assert_eq!(bytes, [byte.to_ascii_uppercase()]);
            assert_eq!(scan, Scan { ascii: byte < 0x80, changed: byte.is_ascii_lowercase() });
        }
    }

    #[test]
    fn one_small_letter_or_one_high_byte_is_seen_wherever_it_stands() {
        for length in 1..=130 {
            for at in 0..length {
                let mut letter = vec![b'7'; length];
                letter[at] = b'z';
                let scan = upper_ascii_in_place(&mut letter);
                assert_eq!((scan.ascii, scan.changed, letter[at]), (true, true, b'Z'));

                let mut high = vec![b'7'; length];
                high[at] = 0x80;
                let scan = upper_ascii_in_place(&mut high);
                assert_eq!((scan.ascii, scan.changed, high[at]), (false, false, 0x80));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_what_the_standard_library_gives(bytes: Vec<u8>) {
            let mut ours = bytes.clone();
            let scan = upper_ascii_in_place(&mut ours);
            prop_assert_eq!(&ours, &bytes.to_ascii_uppercase());
            prop_assert_eq!(scan, Scan { ascii: bytes.is_ascii(), changed: ours != bytes });
        }
    }
}
