//! The lines of `-x`, as ncat writes them: where, sixteen bytes in hex, and what of them is readable.

/// How many bytes a line tells.
const LINE: usize = 16;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes bytes that were read or written at once. Where they stand is counted from their own beginning, as in ncat: sent
/// and received stand in one file, and a number over both would be a place in neither.
///
/// ```text
/// 0000   68 65 6c 6c 6f 20 74 68  65 72 65 0a              hello.there.
/// ```
pub fn write(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(LINE) * 76);
    for (index, line) in bytes.chunks(LINE).enumerate() {
        write_place(index * LINE, out);
        for at in 0..LINE {
            if at % 8 == 0 {
                out.push(b' ');
            }
            match line.get(at) {
                Some(&byte) => out.extend_from_slice(&[
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                    b' ',
                ]),
                None => out.extend_from_slice(b"   "),
            }
        }
        out.push(b' ');
        out.extend(line.iter().map(|&byte| if byte.is_ascii_graphic() { byte } else { b'.' }));
        out.resize(out.len() + LINE - line.len(), b' ');
        out.push(b'\n');
    }
}

/// Four digits, or more where they are needed, and two blanks.
fn write_place(place: usize, out: &mut Vec<u8>) {
    let digits = (place.checked_ilog2().unwrap_or(0) / 4 + 1).max(4);
    out.extend((0..digits).rev().map(|digit| DIGITS[place >> (4 * digit) & 15]));
    out.extend_from_slice(b"  ");
}

#[cfg(test)]
mod tests {
    use super::write;

    fn dump(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_those_of_ncat() {
        let text = b"hello there, this is a longer line of text than sixteen\n";
        assert_eq!(
            dump(text),
            "\
0000   68 65 6c 6c 6f 20 74 68  65 72 65 2c 20 74 68 69  hello.there,.thi
0010   73 20 69 73 20 61 20 6c  6f 6e 67 65 72 20 6c 69  s.is.a.longer.li
0020   6e 65 20 6f 66 20 74 65  78 74 20 74 68 61 6e 20  ne.of.text.than.
0030   73 69 78 74 65 65 6e 0a                           sixteen.        \n"
        );
        assert_eq!(
            dump(b"\x01\x02\xff bin\tary\r\n"),
            "0000   01 02 ff 20 62 69 6e 09  61 72 79 0d 0a           ....bin.ary..   \n"
        );
        assert_eq!(dump(b""), "");
    }

    #[test]
    fn places_grow_beyond_four_digits() {
        let long = dump(&[0; 0x10_0010]);
        assert!(long.contains("\nfff0   00") && long.contains("\n10000   00"));
        assert!(long.lines().last().unwrap().starts_with("100000   00 "));
    }
}
