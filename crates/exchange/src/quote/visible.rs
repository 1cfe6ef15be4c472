//! Which characters a person can see.
//!
//! The list is written out rather than taken from a table of Unicode's categories: some characters
//! of category Cf are seen (the Arabic number signs), some that are not Cf are not (U+2028), and
//! the joiners depend on their neighbours. Source: Unicode 16, the property
//! Default_Ignorable_Code_Point and UAX 9, section 2, for what reorders text. Left out of it are
//! the characters that ordinary text is written with: variation selectors (emoji, Chinese), the
//! combining grapheme joiner (Hebrew) and the Hangul fillers.

/// Whether `c`, standing between `before` and `after`, can be shown to a person as it is.
pub(super) fn is_shown(c: char, before: &str, after: &str) -> bool {
    match c {
        // Most of the world's text, Chinese and Korean for the most part: nothing here is hidden,
        // and the way through the list below takes longer than all the rest of the formatting.
        '\u{2070}'..='\u{d7ff}' => true,
        // Persian, the scripts of India and many emoji need joiners. Next to ASCII or at an edge a
        // joiner joins nothing, and is there to make two different texts look alike.
        '\u{200c}' | '\u{200d}' => {
            before.chars().next_back().is_some_and(can_be_joined)
                && after.chars().next().is_some_and(can_be_joined)
        }
        _ => !is_hidden(c),
    }
}

fn can_be_joined(c: char) -> bool {
    !c.is_ascii() && !is_hidden(c)
}

/// Control characters, what reorders text, what takes no space, and what is no character at all.
/// Joiners count as hidden here.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            | '\u{ad}'                  // soft hyphen
            | '\u{61c}'                 // Arabic letter mark
            | '\u{180e}'                // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'   // zero-width space, joiners, direction marks
            | '\u{2028}'..='\u{202e}'   // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206f}'   // word joiner, invisible operators, isolates
            | '\u{feff}'                // byte order mark
            | '\u{fff0}'..='\u{fffb}'   // unassigned ignorables, interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}' // musical beams, slurs and phrases
            | '\u{e0000}'..='\u{e00ff}' // tags, which can carry a whole text unseen
            | '\u{e01f0}'..='\u{e0fff}' // unassigned ignorables behind the variation selectors
            | '\u{fdd0}'..='\u{fdef}')  // noncharacters
        || u32::from(c) & 0xfffe == 0xfffe // the two noncharacters that end each plane
}
