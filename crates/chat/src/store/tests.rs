//! The store as those who use it see it. What pages hold is tested in `pages`, against a model.

mod pages;
mod trouble;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use callbox_hub::contract::{Event, HistoryQuery, Millis, Part, SavedChannel};
use rusqlite::Connection;

use super::*;

/// How long is waited for what should come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-store-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn place(&self) -> Place {
        Place::Folder(self.0.clone())
    }

    fn database(&self) -> PathBuf {
        self.0.join("chat.db")
    }

    /// Another program's look at the database.
    fn look(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A store and what it tells.
struct Open {
    store: Store,
    told: Receiver<Done>,
}

impl Open {
    fn with(place: Place, settings: StoreSettings) -> (Self, Saved) {
        let (tell, told) = channel();
        let notify = move |done| drop(tell.send(done));
        let (store, saved) = Store::open(place, settings, notify).unwrap();
        (Self { store, told }, saved)
    }

    fn at(place: Place) -> Self {
        Self::with(place, StoreSettings::default()).0
    }

    fn submit(&self, records: Vec<Record>) -> Ticket {
        self.store.submit(Batch { records, jobs: Vec::new() })
    }

    fn next(&self) -> Done {
        self.told.recv_timeout(PATIENCE).expect("the store tells something")
    }

    fn wait_until_kept(&self, ticket: Ticket) {
        loop {
            match self.next() {
                Done::Kept(kept) if kept >= ticket => return,
                Done::Kept(_) => {}
                other => panic!("{other:?} instead of Kept({ticket:?})"),
            }
        }
    }

    fn keep(&self, records: Vec<Record>) {
        self.wait_until_kept(self.submit(records));
    }

    fn ask(&self, job: Job) -> Answer {
        let conn = ConnId(7);
        self.store.submit(Batch { records: Vec::new(), jobs: vec![(conn, job)] });
        self.answer()
    }

    fn answer(&self) -> Answer {
        loop {
            match self.next() {
                Done::Answer(ConnId(7), answer) => return answer,
                Done::Kept(_) => {}
                other => panic!("{other:?} instead of an answer"),
            }
        }
    }

    /// The msgids of all that happened in a conversation.
    fn all(&self, conversation: &str) -> Vec<String> {
        match self.ask(latest(conversation)) {
            Answer::History(Some(events)) => {
                events.into_iter().map(|event| event.msgid.into()).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn latest(conversation: &str) -> Job {
    Job::History(HistoryQuery {
        conversation: conversation.into(),
        part: Part::Latest(None),
        limit: 10_000,
        said_only: false,
        tagmsg: true,
    })
}

pub(super) fn said(conversation: &str, msgid: &str, time: Millis) -> Event {
    Event {
        conversation: conversation.into(),
        msgid: msgid.into(),
        time,
        source: "sally!s@host".into(),
        account: None,
        bot: false,
        tags: "".into(),
        command: "PRIVMSG".into(),
        params: vec!["#room".into()],
        text: Some("hello".into()),
    }
}

fn event(conversation: &str, msgid: &str, time: Millis) -> Record {
    Record::Event(said(conversation, msgid, time))
}

fn full_event() -> Event {
    Event {
        account: Some("sally".into()),
        bot: true,
        tags: "+draft/reply=abc;+x".into(),
        command: "SOMETHING".into(),
        params: vec!["#Room".into(), "".into(), "两".into()],
        text: Some("one\ntwo\rthree \u{0} 你好".into()),
        ..said("#room", "full", 1_795_354_994_123)
    }
}

fn full_channel() -> SavedChannel {
    SavedChannel {
        key: "#room".into(),
        name: "#Room".into(),
        founder: "sally".into(),
        created: 5,
        topic: Some(("a topic".into(), "bob!b@host".into(), 6)),
        modes: vec!["+ntk".into(), "secret".into()],
        lists: vec![
            ('b', "*!*@bad".into(), "bob".into(), 7),
            ('e', "$a:sally".into(), "bob".into(), 8),
        ],
    }
}

#[test]
fn a_restart_keeps_everything() {
    let folder = Folder::new();
    let (open, saved) = Open::with(folder.place(), StoreSettings::default());
    assert_eq!(saved, Saved::default());
    let plain = SavedChannel { key: "#plain".into(), name: "#plain".into(), ..Default::default() };
    open.keep(vec![
        Record::Event(full_event()),
        Record::Channel(SavedChannel { topic: None, ..full_channel() }),
        Record::Channel(full_channel()),
        Record::Channel(plain.clone()),
        Record::Channel(SavedChannel { key: "#gone".into(), ..plain.clone() }),
        Record::DropChannel { key: "#gone".into() },
        Record::ReadMarker { account: "sally".into(), target: "#room".into(), read: 1 },
        Record::ReadMarker { account: "sally".into(), target: "#room".into(), read: 2 },
        Record::Metadata { owner: "sally".into(), key: "url".into(), value: Some("a".into()) },
        Record::Metadata { owner: "sally".into(), key: "url".into(), value: Some("b".into()) },
        Record::Metadata { owner: "#room".into(), key: "x".into(), value: Some("c".into()) },
        Record::Metadata { owner: "#room".into(), key: "x".into(), value: None },
    ]);
    open.store.accounts().insert_account(&account("sally")).unwrap();
    drop(open);

    let (open, saved) = Open::with(folder.place(), StoreSettings::default());
    assert_eq!(saved.channels, [plain, full_channel()]);
    assert_eq!(saved.read_markers, [("sally".into(), "#room".into(), 2)]);
    assert_eq!(saved.metadata, [("sally".into(), "url".into(), "b".into())]);
    assert_eq!(saved.accounts, [("sally".into(), "SALLY".into())]);
    assert_eq!(saved.last_event, full_event().time);
    let find = Job::Find { conversation: "#room".into(), msgid: "full".into() };
    assert_eq!(open.ask(find), Answer::Found(Some(full_event())));
    assert_eq!(open.all("#room"), ["full"]);
}

#[test]
fn read_markers_go_along_with_a_renamed_conversation() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    let marker = |account: &str, target: &str, read| Record::ReadMarker {
        account: account.into(),
        target: target.into(),
        read,
    };
    open.keep(vec![
        marker("sally", "#old", 2),
        marker("sally", "#new", 9),
        marker("bob", "#new", 9),
        marker("bob", "#other", 1),
        Record::RenameConversation { from: "#old".into(), to: "#new".into() },
    ]);
    drop(open);
    let (_open, mut saved) = Open::with(folder.place(), StoreSettings::default());
    saved.read_markers.sort();
    assert_eq!(
        saved.read_markers,
        [("bob".into(), "#other".into(), 1), ("sally".into(), "#new".into(), 2)]
    );
}

#[test]
fn what_is_kept_survives_a_kill() {
    let (folder, killed) = (Folder::new(), Folder::new());
    let open = Open::at(folder.place());
    for number in 0..100 {
        open.keep(vec![event("#room", &number.to_string(), number)]);
    }
    // The files as a kill would leave them at this moment.
    fs::create_dir(&killed.0).unwrap();
    for name in ["chat.db", "chat.db-wal"] {
        fs::copy(folder.0.join(name), killed.0.join(name)).unwrap();
    }
    let (open, saved) = Open::with(killed.place(), StoreSettings::default());
    assert_eq!(saved.last_event, 99);
    assert_eq!(open.all("#room"), (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn kept_is_told_when_others_can_see_it_and_not_before() {
    let folder = Folder::new();
    let (tell, told) = channel();
    let database = folder.database();
    let (store, _) = Store::open(folder.place(), StoreSettings::default(), move |done| {
        if let Done::Kept(Ticket(ticket)) = done {
            let look = Connection::open(&database).unwrap();
            let seen = look.query_row("SELECT count(*) FROM events", (), |row| row.get(0)).unwrap();
            tell.send((ticket as i64, seen)).unwrap();
        }
    })
    .unwrap();
    for number in 1..=50 {
        store.submit(Batch {
            records: vec![event("#a", &number.to_string(), number)],
            jobs: vec![],
        });
    }
    loop {
        let (ticket, seen): (i64, i64) = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(seen, ticket);
        if ticket == 50 {
            break;
        }
    }
}

#[test]
fn jobs_see_the_records_before_them_in_both_places() {
    let folder = Folder::new();
    for place in [Place::Memory, folder.place()] {
        let open = Open::at(place);
        for number in 0..200 {
            let find = Job::Find { conversation: "#a".into(), msgid: number.to_string().into() };
            let records = vec![event("#a", &number.to_string(), number)];
            open.store.submit(Batch { records, jobs: vec![(ConnId(7), find)] });
        }
        for number in 0..200 {
            let found = Some(said("#a", &number.to_string(), number));
            assert_eq!(open.answer(), Answer::Found(found));
        }
    }
}

#[test]
fn jobs_that_are_not_the_stores_fail() {
    let open = Open::at(Place::Memory);
    assert_eq!(open.ask(Job::Reload), Answer::Failed);
}

#[test]
fn closing_writes_what_was_submitted_and_answers_what_was_asked() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    let jobs = vec![(ConnId(7), latest("#a"))];
    let records = (0..5_000).map(|number| event("#a", &number.to_string(), number)).collect();
    open.store.submit(Batch { records, jobs });
    let Open { store, told } = open;
    drop(store);
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told[0], Done::Kept(Ticket(1)));
    assert!(matches!(&told[1], Done::Answer(_, Answer::History(Some(all))) if all.len() == 5_000));
    assert_eq!(Open::at(folder.place()).all("#a").len(), 5_000);
}

#[test]
fn a_second_server_on_the_folder_is_refused_until_the_first_has_ended() {
    let folder = Folder::new();
    let first = Open::at(folder.place());
    let second = Store::open(folder.place(), StoreSettings::default(), drop);
    let error = second.err().unwrap();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(first);
    Open::at(folder.place());
}

#[test]
fn the_folder_and_its_files_are_their_owners_alone() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    open.keep(vec![event("#a", "1", 1)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    for file in fs::read_dir(&folder.0).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(Open::at(folder.place()));
    folder.look().pragma_update(None, "user_version", 1_000).unwrap();
    let before = fs::read(folder.database()).unwrap();
    let error = Store::open(folder.place(), StoreSettings::default(), drop).err().unwrap();
    assert!(error.to_string().contains("made by a newer callbox"), "{error}");
    assert_eq!(fs::read(folder.database()).unwrap(), before);
}

#[test]
fn another_programs_database_is_refused() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).unwrap();
    folder.look().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let error = Store::open(folder.place(), StoreSettings::default(), drop).err().unwrap();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");
}

#[test]
fn a_damaged_database_is_named_with_what_to_do() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    open.keep((0..1_000).map(|number| event("#a", &number.to_string(), number)).collect());
    drop(open);
    let whole = fs::read(folder.database()).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let noise = b"not a database, but some text of more than a hundred bytes ".repeat(90);
    for damaged in [half, noise] {
        fs::write(folder.database(), damaged).unwrap();
        let error = Store::open(folder.place(), StoreSettings::default(), drop).err().unwrap();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("chat.db is damaged") && text.contains("move it away"), "{text}");
    }
}

#[test]
fn retention_runs_while_the_server_does() {
    let folder = Folder::new();
    let settings = StoreSettings { max_events: Some(100), ..StoreSettings::default() };
    let (open, _) = Open::with(folder.place(), settings);
    open.keep((0..3_000).map(|number| event("#a", &number.to_string(), number)).collect());
    let end = Instant::now() + PATIENCE;
    while open.all("#a").len() > 100 {
        assert!(Instant::now() < end, "the history is cut to 100 some time");
    }
    assert_eq!(open.all("#a"), (2_900..3_000).map(|n| n.to_string()).collect::<Vec<_>>());
}

fn account(key: &str) -> AccountRow {
    AccountRow {
        key: key.into(),
        name: key.to_uppercase(),
        password: "$argon2id$x".into(),
        scram: Some(ScramKeys {
            salt: vec![0, 1, 2],
            iterations: 4_096,
            stored_key: [3; 32],
            server_key: [4; 32],
        }),
        email: Some("a@b".into()),
        fingerprints: vec![format!("{key}-1"), format!("{key}-2")],
        created: 9,
    }
}

#[test]
fn accounts_are_found_by_key_and_by_certificate_and_are_unique() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    // As the command line does while the server runs.
    let offline = Accounts::open(&folder.0).unwrap();
    for accounts in [&offline, Open::at(Place::Memory).store.accounts()] {
        let (ann, bob) =
            (account("ann"), AccountRow { scram: None, email: None, ..account("bob") });
        accounts.insert_account(&ann).unwrap();
        accounts.insert_account(&bob).unwrap();
        assert!(matches!(accounts.insert_account(&ann), Err(AccountError::Exists)));
        let thief = AccountRow { key: "eve".into(), ..account("ann") };
        let taken = accounts.insert_account(&thief);
        assert!(matches!(taken, Err(AccountError::FingerprintTaken(_))), "{taken:?}");
        assert_eq!(accounts.account("eve").unwrap(), None, "half an account is none");
        assert_eq!(accounts.account("ann").unwrap(), Some(ann.clone()));
        assert_eq!(accounts.account_by_fingerprint("bob-2").unwrap(), Some(bob.clone()));
        assert_eq!(accounts.account_by_fingerprint("bob-3").unwrap(), None);
        assert_eq!(accounts.accounts().unwrap(), [ann.clone(), bob.clone()]);

        let ann = AccountRow { fingerprints: vec!["new".into()], password: "$b".into(), ..ann };
        assert!(accounts.update_account(&ann).unwrap());
        assert!(!accounts.update_account(&account("nobody")).unwrap());
        assert_eq!(accounts.account_by_fingerprint("new").unwrap(), Some(ann.clone()));
        assert_eq!(accounts.account_by_fingerprint("ann-1").unwrap(), None);

        assert!(accounts.delete_account("bob").unwrap());
        assert!(!accounts.delete_account("bob").unwrap());
        assert_eq!(accounts.accounts().unwrap(), [ann]);
        assert_eq!(accounts.account_by_fingerprint("bob-1").unwrap(), None);
    }
    assert_eq!(open.store.accounts().accounts().unwrap().len(), 1);
}

#[test]
fn whoever_takes_a_deleted_accounts_name_finds_nothing_of_it() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    let accounts = Accounts::open(&folder.0).unwrap();
    accounts.insert_account(&account("ann")).unwrap();
    open.keep(vec![
        event("@$ann,$bob", "1", 1),
        event("@$bob,$eve", "2", 2),
        event("#room", "3", 3),
        Record::Channel(SavedChannel {
            founder: "ann".into(),
            modes: vec!["+nt".into()],
            ..full_channel()
        }),
        Record::ReadMarker { account: "ann".into(), target: "bob".into(), read: 1 },
        Record::Metadata { owner: "ann".into(), key: "url".into(), value: Some("a".into()) },
    ]);
    accounts.delete_account("ann").unwrap();
    let targets = |owner: &str| Job::Targets {
        owner: owner.into(),
        channels: vec![],
        after: 0,
        before: 9,
        limit: 9,
    };
    assert_eq!(open.ask(targets("$ann")), Answer::Targets(vec![]));
    assert_eq!(open.ask(targets("$bob")), Answer::Targets(vec![("@$bob,$eve".into(), 2)]));
    assert_eq!(open.all("@$ann,$bob"), [""; 0]);
    // The writer knew the conversation; it must not go on with the old one.
    open.keep(vec![event("@$ann,$bob", "4", 4)]);
    assert_eq!(open.all("@$ann,$bob"), ["4"]);
    assert_eq!(open.all("#room"), ["3"]);
    drop(open);
    let (_open, saved) = Open::with(folder.place(), StoreSettings::default());
    assert_eq!(saved, Saved { last_event: 4, ..Saved::default() });
}

#[test]
fn the_claims_of_a_deleted_account_end_even_if_a_server_went_on_to_keep_them() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    let accounts = Accounts::open(&folder.0).unwrap();
    accounts.insert_account(&account("ann")).unwrap();
    let claimed = |key: &str, modes: &str| SavedChannel {
        key: key.into(),
        name: key.into(),
        founder: "ann".into(),
        created: 5,
        modes: vec![modes.into()],
        ..SavedChannel::default()
    };
    let fact = |owner: &str| Record::Metadata {
        owner: owner.into(),
        key: "url".into(),
        value: Some("a".into()),
    };
    open.keep(vec![Record::Channel(claimed("#open", "+ntr")), fact("#open")]);
    open.keep(vec![Record::Channel(claimed("#shut", "+intr"))]);
    accounts.delete_account("ann").unwrap();
    open.keep(vec![Record::Channel(claimed("#later", "+ntr")), fact("#later")]);
    drop(open);

    let marks = [SavedChannel { founder: "".into(), modes: vec![], ..claimed("#shut", "") }];
    for _ in 0..2 {
        let (open, saved) = Open::with(folder.place(), StoreSettings::default());
        assert_eq!(saved.channels, marks, "what was said in there is not for others");
        assert_eq!(saved.metadata, []);
        open.store.accounts().insert_account(&account("ann")).ok();
    }
}

#[test]
fn secrets_of_an_account_are_not_shown() {
    let shown = format!("{:?}", account("ann"));
    assert!(!shown.contains("argon2") && !shown.contains('3'), "{shown}");
}

#[test]
fn a_conversation_is_exported_while_the_server_runs_and_after() {
    let folder = Folder::new();
    let open = Open::at(folder.place());
    // More than one page.
    let mut records: Vec<_> = (0..1_300).map(|n| event("#room", &n.to_string(), n)).collect();
    records.push(Record::Event(full_event()));
    records.push(event("#other", "x", 1));
    open.keep(records);
    let export = |format| {
        let mut out = Vec::new();
        let count = export(&folder.0, "#room", &mut out, format).unwrap();
        (count, String::from_utf8(out).unwrap())
    };
    let (count, running) = export(Format::JsonLines);
    assert_eq!(count, 1_301);
    let lines: Vec<_> = running.lines().collect();
    assert_eq!(lines.len(), 1_301);
    for (number, line) in lines[..1_300].iter().enumerate() {
        assert!(line.contains(&format!("\"msgid\":\"{number}\"")), "{line}");
    }
    assert!(
        lines[1_300]
            .ends_with(r##""params":["#Room","","两"],"text":"one\ntwo\rthree \u0000 你好"}"##)
    );
    drop(open);
    assert_eq!(export(Format::JsonLines), (1_301, running));
    let (_, text) = export(Format::Text);
    assert!(text.starts_with("1970-01-01T00:00:00.000Z <sally> hello\n"));
}

#[test]
fn what_is_not_there_is_not_exported() {
    let folder = Folder::new();
    let error = export(&folder.0, "#room", &mut Vec::new(), Format::Text).unwrap_err();
    assert!(matches!(error, ExportError::Store(StoreError::Missing(_))), "{error}");
    drop(Open::at(folder.place()));
    let error = export(&folder.0, "#\u{1b}", &mut Vec::new(), Format::Text).unwrap_err();
    assert_eq!(error.to_string(), "nothing is kept of #\\x1b");
}
