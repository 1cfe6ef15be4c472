//! A disk that does not do what it should. It is played by a table that is away for a while.

use super::*;

fn break_it(folder: &Folder) {
    folder.look().execute_batch("ALTER TABLE events RENAME TO away").unwrap();
}

fn mend_it(folder: &Folder) {
    folder.look().execute_batch("ALTER TABLE away RENAME TO events").unwrap();
}

/// A store whose writer has told that it cannot write the first batch.
fn in_trouble(folder: &Folder, settings: StoreSettings) -> Open {
    let (open, _) = Open::with(folder.place(), settings);
    break_it(folder);
    open.submit(vec![event("#a", "1", 1)]);
    let told = open.next();
    assert!(matches!(&told, Done::Trouble(text) if text.contains("trying again")), "{told:?}");
    open
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing_and_is_told_of_once() {
    let folder = Folder::new();
    let open = in_trouble(&folder, StoreSettings::default());
    mend_it(&folder);
    assert_eq!(open.next(), Done::Recovered);
    assert_eq!(open.next(), Done::Kept(Ticket(1)));
    assert_eq!(open.all("#a"), ["1"]);
}

#[test]
fn what_was_submitted_during_a_transaction_is_the_next_one() {
    let folder = Folder::new();
    let open = in_trouble(&folder, StoreSettings::default());
    for number in 2..=50 {
        open.submit(vec![event("#a", &number.to_string(), number)]);
    }
    mend_it(&folder);
    assert_eq!(open.next(), Done::Recovered);
    assert_eq!(open.next(), Done::Kept(Ticket(1)));
    assert_eq!(open.next(), Done::Kept(Ticket(50)));
    assert_eq!(open.all("#a").len(), 50);
}

#[test]
fn what_finds_no_room_is_lost_at_once_and_nothing_else_is() {
    let folder = Folder::new();
    let open = in_trouble(&folder, StoreSettings { queue: 1_000, ..StoreSettings::default() });
    let large = |number: Millis| {
        let text = Some("x".repeat(1_000).into());
        vec![Record::Event(Event { text, ..said("#a", &number.to_string(), number) })]
    };
    assert_eq!(open.submit(large(2)), Ticket(2));
    assert_eq!(open.next(), Done::Lost(Ticket(2)));
    assert!(open.store.backlog() < 1_000);
    mend_it(&folder);
    assert_eq!(open.next(), Done::Recovered);
    assert_eq!(open.next(), Done::Kept(Ticket(1)));
    // With nothing before it, even what is larger than all the room is let in.
    open.keep(large(3));
    assert_eq!(open.all("#a"), ["1", "3"]);
    assert_eq!(open.store.backlog(), 0);
}

#[test]
fn jobs_fail_while_nothing_can_be_written() {
    let folder = Folder::new();
    let open = in_trouble(&folder, StoreSettings::default());
    let records = vec![event("#a", "2", 2)];
    open.store.submit(Batch { records, jobs: vec![(ConnId(7), latest("#a"))] });
    assert_eq!(open.answer(), Answer::Failed);
    mend_it(&folder);
    assert_eq!(open.next(), Done::Recovered);
    open.wait_until_kept(Ticket(2));
    assert_eq!(open.all("#a"), ["1", "2"]);
}

#[test]
fn a_store_that_is_closed_in_trouble_tries_once_more_and_tells_what_is_lost() {
    let folder = Folder::new();
    let Open { store, told } = in_trouble(&folder, StoreSettings::default());
    store.submit(Batch { records: vec![event("#a", "2", 2)], jobs: vec![] });
    drop(store);
    let told: Vec<_> = told.iter().filter(|done| !matches!(done, Done::Kept(_))).collect();
    assert!(matches!(&told[0], Done::Trouble(text) if text.contains("is lost")), "{told:?}");
    assert_eq!(told[1..], [Done::Lost(Ticket(1)), Done::Lost(Ticket(2))]);
    mend_it(&folder);
    assert_eq!(Open::at(folder.place()).all("#a"), [""; 0]);
}

#[test]
fn history_that_cannot_be_read_fails_and_is_told_of_once() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    open.keep(vec![event("#a", "1", 1)]);
    break_it(&folder);
    open.store.submit(Batch { records: vec![], jobs: vec![(ConnId(7), latest("#a")); 2] });
    let told: Vec<_> = std::iter::from_fn(|| Some(open.next()))
        .filter(|done| !matches!(done, Done::Kept(_)))
        .take(3)
        .collect();
    assert!(matches!(&told[0], Done::Trouble(text) if text.contains("cannot read")), "{told:?}");
    assert_eq!(told[1..], [(); 2].map(|()| Done::Answer(ConnId(7), Answer::Failed)));
}
