//! The one case folding of the chat, and look-alikes.
//!
//! Names, masks and metadata keys are all compared by the same text, made by the same three steps as
//! PRECIS makes it for user names (RFC 8265 §3.3.2): full-width and half-width forms become ordinary
//! ones, every character becomes its lower case, and the whole is normalised (NFC). What the names
//! may hold is decided elsewhere (`names`), so that channels, which may hold more than nicknames, and
//! masks with their `*` fold just the same.
//!
//! In one thing it is coarser than PRECIS: joiners and emoji variation selectors, which are seen at
//! best by what they do to their neighbours, are left out.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;

use precis_core::profile::Rules;
use precis_profiles::UsernameCaseMapped;

/// Text folded for comparison: two names are the same exactly if these are equal.
///
/// It borrows as `str`, so that a map with such keys is asked with [`fold`]'s result without a copy.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Folded(Box<str>);

impl Folded {
    /// `text`, folded. Folding folded text changes nothing.
    pub fn new(text: &str) -> Self {
        Self(fold_text(text).into_boxed_str())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folded text, by itself.
    pub fn into_boxed_str(self) -> Box<str> {
        self.0
    }
}

impl Deref for Folded {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Folded {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Folded {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `text` folded, borrowed where it is so already: what lookups use.
///
/// The result may be up to three times as long as `text`, never more.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    Cow::Owned(fold_unicode(text))
}

/// `text` folded, as a string: for masks, metadata keys and whatever is kept.
pub fn fold_text(text: &str) -> String {
    fold(text).into_owned()
}

/// Whether two texts are the same once folded.
pub fn same(a: &str, b: &str) -> bool {
    a == b || fold(a) == fold(b)
}

/// Characters that are allowed for what they do to others, and count for nothing in a comparison:
/// the joiners, and the selectors that make a character text or emoji.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}')
}

/// Whether `c` is shown as nothing by itself: `Default_Ignorable_Code_Point`, which the skeleton of
/// UTS 39 leaves out. The controls of writing direction are among them.
pub(crate) fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

fn fold_unicode(text: &str) -> String {
    let rules = UsernameCaseMapped::default();
    // Neither rule can fail on text; should one ever, the text stands for itself, on both sides of
    // every comparison.
    let wide = rules.width_mapping_rule(text).unwrap_or(Cow::Borrowed(text));
    // Character by character: `str::to_lowercase` writes a sigma at the end of a word differently.
    let lower: String =
        wide.chars().filter(|&c| !is_joiner(c)).flat_map(char::to_lowercase).collect();
    rules.normalization_rule(lower.as_str()).map(Cow::into_owned).unwrap_or(lower)
}

/// What a folded name looks like (the skeleton of UTS 39 §4): names with equal skeletons can be told
/// apart by a font at best. It is for comparing only, and never shown.
///
/// The skeletons of plain ASCII names collide too (`rn` and `m`, `1` and `l`), which
/// [`look_alike`] and [`LookAlikes`] know; a map from skeletons to names has to hold several.
pub fn skeleton(name: &Folded) -> Box<str> {
    // The prototypes of the table are of either case: that of `0` is `O`.
    let skeleton: String = unicode_security::skeleton(name).flat_map(char::to_lowercase).collect();
    skeleton.into_boxed_str()
}

/// Whether one of two names passes for the other.
///
/// Two names of ASCII alone do so only if they are the same name in another case: people are used to
/// them, `l1nda` and `linda` have lived beside one another for as long as there were terminals, and a
/// refusal would surprise more often than it protects. A name with any other character is compared by
/// [`skeleton`], with every name: nobody types a Cyrillic `о` into a Latin name but to deceive.
pub fn look_alike(a: &str, b: &str) -> bool {
    let (a, b) = (Folded::new(a), Folded::new(b));
    a == b || (!(a.is_ascii() && b.is_ascii()) && skeleton(&a) == skeleton(&b))
}

/// The names that are taken, by what they look like.
///
/// Whoever keeps names calls [`insert`](Self::insert) and [`remove`](Self::remove) once for each name
/// that comes and goes, and asks [`is_taken`](Self::is_taken) before. It costs one map entry a
/// skeleton; whoever caps the names caps this.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LookAlikes {
    seen: HashMap<Box<str>, Seen>,
}

/// How many names have one skeleton.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    ascii: u32,
    other: u32,
}

impl Seen {
    fn of_kind(&mut self, name: &Folded) -> &mut u32 {
        if name.is_ascii() { &mut self.ascii } else { &mut self.other }
    }
}

impl LookAlikes {
    /// None taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// `name` is taken from now on.
    pub fn insert(&mut self, name: &Folded) {
        *self.seen.entry(skeleton(name)).or_default().of_kind(name) += 1;
    }

    /// `name`, which was inserted, is free again.
    pub fn remove(&mut self, name: &Folded) {
        let skeleton = skeleton(name);
        let Some(seen) = self.seen.get_mut(&skeleton) else { return };
        let count = seen.of_kind(name);
        *count = count.saturating_sub(1);
        if seen.ascii == 0 && seen.other == 0 {
            self.seen.remove(&skeleton);
        }
    }

    /// Whether `name` passes for one that is taken; `own`, the name that whoever asks would give up,
    /// does not count.
    ///
    /// Whether `name` itself is taken is for the map of names to say: a plain ASCII name does not
    /// pass for another one here, and so not for itself.
    pub fn is_taken(&self, name: &Folded, own: Option<&Folded>) -> bool {
        let skeleton_of_name = skeleton(name);
        let Some(mut seen) = self.seen.get(&skeleton_of_name).copied() else { return false };
        if let Some(own) = own
            && skeleton(own) == skeleton_of_name
        {
            let count = seen.of_kind(own);
            *count = count.saturating_sub(1);
        }
        seen.other > 0 || (!name.is_ascii() && seen.ascii > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use precis_core::profile::Profile;
    use proptest::prelude::*;

    #[test]
    fn names_that_differ_in_case_alone_are_one() {
        for (a, b) in [
            ("Bob", "bOB"),
            ("ÄRGER", "ärger"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("ИВАН", "иван"),
            ("Ｂｏｂ", "bob"),
            ("e\u{301}va", "Éva"),
            ("ｶﾞ", "ガ"),
        ] {
            assert!(same(a, b), "{a} {b}");
            assert_eq!(Folded::new(a), Folded::new(b));
        }
        assert!(!same("张三", "张四"));
        assert!(!same("bob[]", "bob{}"), "the brackets are not letters, unlike in rfc1459");
    }

    #[test]
    fn a_mask_folds_as_the_name_it_is_for() {
        assert_eq!(fold_text("BOB*!*@*"), "bob*!*@*");
        assert_eq!(fold_text("张三!*@*"), "张三!*@*");
        assert_eq!(fold_text("ÉVA?!*@EXAMPLE.org"), "éva?!*@example.org");
    }

    #[test]
    fn joiners_count_for_nothing() {
        assert!(same("#a\u{FE0F}", "#a"));
        assert!(same("e\u{200D}\u{301}", "é"));
    }

    #[test]
    fn what_is_folded_is_looked_up_without_a_copy() {
        assert!(matches!(fold("#lobby-1"), Cow::Borrowed(_)));
        let map: HashMap<Folded, u8> = [(Folded::new("#Lobby"), 1)].into();
        assert_eq!(map.get(&*fold("#LOBBY")), Some(&1));
        assert_eq!(map.get("#lobby"), Some(&1));
    }

    #[test]
    fn plain_names_are_told_apart_as_ever() {
        for (a, b) in [("rn", "m"), ("l1nda", "linda"), ("b0b", "bob"), ("a|b", "alb")] {
            assert!(!look_alike(a, b), "{a} {b}");
        }
        assert!(look_alike("Bob", "bob"));
    }

    #[test]
    fn a_name_with_other_letters_does_not_pass_for_a_plain_one() {
        for (a, b) in [("bob", "bоb"), ("evan", "еvan"), ("paypal", "раураl"), ("m0", "rnο")]
        {
            assert!(look_alike(a, b) && look_alike(b, a), "{a} {b}");
        }
        assert!(!look_alike("张三", "李四"));
        assert!(!look_alike("müller", "muller"), "an accent can be seen");
    }

    #[test]
    fn a_look_alike_of_any_taken_name_is_refused_until_that_name_is_free() {
        let [rn, m, fake] = ["rnike", "mike", "mіke"].map(Folded::new);
        let mut taken = LookAlikes::new();
        assert!(!taken.is_taken(&fake, None));
        taken.insert(&rn);
        assert!(!taken.is_taken(&m, None), "plain names do not stand in each other's way");
        taken.insert(&m);
        assert!(taken.is_taken(&fake, None));
        taken.remove(&rn);
        assert!(taken.is_taken(&fake, None), "the other one is still there");
        assert!(!taken.is_taken(&fake, Some(&m)), "who is called so may change to it");
        taken.remove(&m);
        assert!(!taken.is_taken(&fake, None));
        taken.insert(&fake);
        assert!(taken.is_taken(&m, None) && taken.is_taken(&rn, None));
        assert!(!taken.is_taken(&m, Some(&fake)));
        taken.remove(&fake);
        taken.remove(&fake);
        assert!(taken.seen.is_empty(), "nothing is left behind");
    }

    #[test]
    fn every_character_folds_to_what_stays_as_it_is_and_as_precis_folds_it() {
        let precis = UsernameCaseMapped::default();
        let mut text = [0; 4];
        for c in char::MIN..=char::MAX {
            let text = &*c.encode_utf8(&mut text);
            let once = fold(text);
            assert_eq!(fold(&once), once, "{c:?}");
            assert!(once.len() <= 3 * text.len(), "{c:?}");
            if let Ok(enforced) = precis.enforce(text) {
                assert_eq!(enforced, once, "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once_and_never_triples_the_length(text in "\\PC{0,12}") {
            let once = fold_text(&text);
            prop_assert_eq!(&fold_text(&once), &once);
            prop_assert!(once.len() <= 3 * text.len());
            prop_assert_eq!(Folded::new(&text).into_boxed_str(), once.into_boxed_str());
        }

        #[test]
        fn what_precis_takes_for_a_user_name_is_folded_as_precis_does(
            text in prop_oneof!["[a-zA-Z0-9À-žΑ-Ωα-ωА-я\u{FF21}-\u{FF5A}\u{301}ǅᾈ]{1,8}", "\\PC{1,4}"],
        ) {
            if let Ok(enforced) = UsernameCaseMapped::default().enforce(text.as_str()) {
                let without: String = enforced.chars().filter(|&c| !is_joiner(c)).collect();
                prop_assert_eq!(fold_text(&text), without);
            }
        }
    }
}
