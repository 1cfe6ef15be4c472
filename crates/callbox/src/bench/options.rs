//! What will run: options as typed, brought together and checked against each other.

use std::collections::BTreeMap;
use std::time::Duration;

use callbox_load::Plan;
use callbox_load::udp::Calls;
use callbox_measure::Nanos;
use callbox_measure::chat::Crowd;
use callbox_measure::payload::Check;
use callbox_measure::plan::{Rate, Rates, Shape, SizeMix, Stretch};
use callbox_measure::report::Kind;
use zeroize::Zeroizing;

use crate::cli::{
    ChatLoadArgs, MessageArgs, RateArgs, RunArgs, StreamLoadArgs, UdpLoadArgs, UnixType,
};
use crate::messages::Failure;

/// What will run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is talked over, and what is said.
    pub load: Load,
    /// Who decides when a request is sent.
    pub pace: Pace,
    /// Over how many sockets, if the user says.
    connections: Option<usize>,
    /// How many threads share them.
    pub threads: usize,
    /// How long each rate lasts.
    pub stretch: Stretch,
    /// When a request without a reply is lost.
    pub lost_after: Nanos,
    /// What all chance comes from.
    pub seed: u64,
    /// The sockets' buffers to ask for, in bytes.
    pub buffers: Option<usize>,
    /// The command, word by word, for the report.
    pub command: Vec<String>,
    /// Every option by its name and its value, for the report.
    pub listed: BTreeMap<String, String>,
}

/// What is talked over, and what is said.
#[derive(Clone, Debug)]
pub enum Load {
    /// Datagrams.
    Udp {
        /// What is sent.
        messages: Messages,
        /// The calls that are used.
        calls: Calls,
    },
    /// Streams over TCP or a Unix socket.
    Stream {
        /// Whether it is a Unix socket.
        unix: bool,
        /// What is sent.
        messages: Messages,
        /// A connection for each request.
        connect_each: bool,
    },
    /// Datagrams at a Unix socket.
    UnixDatagram {
        /// What is sent.
        messages: Messages,
    },
    /// Lines of a chat.
    Chat {
        /// Who takes part.
        crowd: Crowd,
        /// Letters of a line.
        size: usize,
        /// What the server asks for.
        password: Option<Zeroizing<String>>,
    },
}

/// What is sent, and what is to come back.
#[derive(Clone, Debug)]
pub struct Messages {
    /// How long requests are.
    pub sizes: SizeMix,
    /// What the right reply is; `None` asks the server.
    pub check: Option<Check>,
}

/// Who decides when a request is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The server: this many are on their way on each socket.
    Window(usize),
    /// The clock.
    Rate(Rate),
    /// The clock, at these rates one after the other.
    Climb(Vec<Rate>),
}

impl Options {
    /// The loads on a UDP server.
    pub fn udp(args: &UdpLoadArgs, command: Vec<String>) -> Result<Self, Failure> {
        let UdpLoadArgs { connections, threads, window, rate, messages, calls, run, .. } = args;
        let pace = pace(*window, rate)?;
        let calls = Calls {
            recvmmsg: !calls.no_recvmmsg,
            sendmmsg: !calls.no_sendmmsg,
            gso: !calls.no_gso,
            gro: !calls.no_gro,
        };
        let messages = Messages::of(messages);
        let mut options = Self::new(Load::Udp { messages, calls }, pace, run, command);
        options.share(Some(*connections), *threads);
        for (name, on) in [
            ("recvmmsg", calls.recvmmsg),
            ("sendmmsg", calls.sendmmsg),
            ("gso", calls.gso),
            ("gro", calls.gro),
        ] {
            options.list(name, if on { "yes" } else { "no" });
        }
        options.check()
    }

    /// The loads on a TCP server.
    pub fn tcp(args: &StreamLoadArgs, command: Vec<String>) -> Result<Self, Failure> {
        Self::stream(args, false, command)
    }

    /// The loads at a Unix socket.
    pub fn unix(
        args: &StreamLoadArgs,
        kind: UnixType,
        command: Vec<String>,
    ) -> Result<Self, Failure> {
        let mut options = match kind {
            UnixType::Stream => Self::stream(args, true, command)?,
            UnixType::Datagram if args.connect_each => {
                return Err(Failure::usage(
                    "--connect-each is for streams: leave it out, or leave out --type datagram",
                ));
            }
            UnixType::Datagram => {
                let pace = pace(args.window, &args.rate)?;
                let load = Load::UnixDatagram { messages: Messages::of(&args.messages) };
                let mut options = Self::new(load, pace, &args.run, command);
                options.share(args.connections, args.threads);
                options.check()?
            }
        };
        options.list("type", if kind == UnixType::Stream { "stream" } else { "datagram" });
        Ok(options)
    }

    fn stream(args: &StreamLoadArgs, unix: bool, command: Vec<String>) -> Result<Self, Failure> {
        let StreamLoadArgs { window, rate, connect_each, messages, run, .. } = args;
        let pace = pace(*window, rate)?;
        if *connect_each && *window > 1 && matches!(pace, Pace::Window(_)) {
            return Err(Failure::usage(
                "--connect-each has one request on its way on a connection: leave --window out, and choose --connections",
            ));
        }
        let (messages, connect_each) = (Messages::of(messages), *connect_each);
        let load = Load::Stream { unix, messages, connect_each };
        let mut options = Self::new(load, pace, run, command);
        options.share(args.connections, args.threads);
        options.list("connect-each", if connect_each { "yes" } else { "no" });
        options.check()
    }

    /// The loads on a chat.
    pub fn chat(
        args: &ChatLoadArgs,
        password: Option<Zeroizing<String>>,
        command: Vec<String>,
    ) -> Result<Self, Failure> {
        let ChatLoadArgs { clients, channels, talkers, window, rate, size, run, .. } = args;
        let checked = args.checked.unwrap_or(*clients);
        let pace = pace(*window, rate)?;
        let [members, channels, talkers, checked] =
            [*clients, *channels, *talkers, checked].map(|number| number as usize);
        let crowd = Crowd::partly_checked(members, channels, talkers, checked)
            .map_err(|error| Failure::usage(format!("no such chat can be had: {error}")))?;
        let load = Load::Chat { crowd, size: *size, password };
        let mut options = Self::new(load, pace, run, command);
        options.connections = Some(crowd.clients());
        options.list("clients", crowd.clients());
        options.list("channels", crowd.channels());
        options.list("talkers", crowd.talkers());
        options.list("checked", crowd.checked());
        options.list("size", size);
        options.check()
    }

    fn new(load: Load, pace: Pace, run: &RunArgs, command: Vec<String>) -> Self {
        let duration = run.duration.map_or_else(|| pace.usual_duration(), |duration| duration.0);
        let stretch = Stretch { warmup: nanos(run.warmup), duration: nanos(duration) };
        let mut options = Self {
            load,
            pace,
            connections: None,
            threads: 1,
            stretch,
            lost_after: nanos(run.lost_after.0),
            seed: run.seed,
            buffers: run.buffer,
            command,
            listed: BTreeMap::new(),
        };
        options.list("duration", format!("{duration:?}"));
        options.list("warmup", format!("{:?}", run.warmup));
        options.list("lost-after", format!("{:?}", run.lost_after.0));
        options.list("seed", run.seed);
        if let Some(bytes) = run.buffer {
            options.list("buffer", bytes);
        }
        if let Some(messages) = options.messages().cloned() {
            options.list(messages.size_option(), &messages.sizes);
        }
        match options.pace.clone() {
            Pace::Window(window) => options.list("window", window),
            Pace::Rate(rate) => options.list("rate", rate),
            Pace::Climb(rates) => {
                let ends = (rates.first(), rates.last());
                if let (Some(&from), Some(&to)) = ends {
                    options.list("rate", Rates::Climb { from, to });
                }
                options.list("steps", rates.len());
            }
        }
        options
    }

    fn share(&mut self, connections: Option<u32>, threads: u32) {
        self.connections = connections.map(|connections| connections as usize);
        self.threads = threads as usize;
        self.list("connections", self.connections());
        self.list("threads", threads);
    }

    /// Over how many sockets requests are sent.
    pub fn connections(&self) -> usize {
        // In an open loop each of these waits for one reply, and what is due meanwhile goes over the others.
        let one_each = matches!(self.load, Load::Stream { connect_each: true, .. });
        let usual = if one_each && self.is_open() { 256 } else { 8 };
        self.connections.unwrap_or(usual)
    }

    fn is_open(&self) -> bool {
        !matches!(self.pace, Pace::Window(_))
    }

    /// Each request gets a connection of its own: the server turned out to answer no more on one.
    ///
    /// # Errors
    ///
    /// If several were to be on their way on one.
    pub fn connect_each(&mut self) -> Result<(), Failure> {
        if let Load::Stream { connect_each, .. } = &mut self.load {
            if matches!(self.pace, Pace::Window(2..)) {
                return Err(Failure::usage(
                    "the server answers one request on a connection: leave --window out, and choose --connections",
                ));
            }
            *connect_each = true;
            self.list("connect-each", "yes");
            self.list("connections", self.connections());
        }
        Ok(())
    }

    fn check(self) -> Result<Self, Failure> {
        for rate in self.rates() {
            let shape = match (&self.load, self.plan(rate).shape) {
                // Only those who talk have anything on its way.
                (Load::Chat { crowd, .. }, Shape::Closed { window, .. }) => {
                    Shape::Closed { connections: crowd.talkers(), window }
                }
                (_, shape) => shape,
            };
            shape.check().map_err(|error| Failure::usage(error.to_string()))?;
        }
        Ok(self)
    }

    /// Notes the value of an option for the report.
    pub fn list(&mut self, name: &str, value: impl ToString) {
        self.listed.insert(name.to_owned(), value.to_string());
    }

    /// The right reply is known.
    pub fn expect(&mut self, check: Check) {
        match &mut self.load {
            Load::Udp { messages, .. }
            | Load::Stream { messages, .. }
            | Load::UnixDatagram { messages } => messages.check = Some(check),
            Load::Chat { .. } => {}
        }
    }

    /// What is talked over, as the report has it.
    pub fn kind(&self) -> Kind {
        match self.load {
            Load::Udp { .. } => Kind::Udp,
            Load::Stream { unix: false, .. } => Kind::Tcp,
            Load::Stream { unix: true, .. } | Load::UnixDatagram { .. } => Kind::Unix,
            Load::Chat { .. } => Kind::Chat,
        }
    }

    /// What is sent; the chat has lines of its own.
    pub fn messages(&self) -> Option<&Messages> {
        match &self.load {
            Load::Udp { messages, .. }
            | Load::Stream { messages, .. }
            | Load::UnixDatagram { messages } => Some(messages),
            Load::Chat { .. } => None,
        }
    }

    /// The rates that are run one after the other; one run without a rate in a closed loop.
    pub fn rates(&self) -> Vec<Option<Rate>> {
        match &self.pace {
            Pace::Window(_) => vec![None],
            Pace::Rate(rate) => vec![Some(*rate)],
            Pace::Climb(rates) => rates.iter().copied().map(Some).collect(),
        }
    }

    /// What one run is to do.
    pub fn plan(&self, rate: Option<Rate>) -> Plan {
        let connections = self.connections();
        let shape = match (rate, &self.pace) {
            (Some(rate), _) => Shape::Open { rate, connections },
            (None, Pace::Window(window)) => Shape::Closed { connections, window: *window },
            (None, _) => Shape::Closed { connections, window: 1 },
        };
        Plan {
            shape,
            stretch: self.stretch,
            lost_after: self.lost_after,
            threads: self.threads,
            seed: self.seed,
            buffers: self.buffers,
        }
    }
}

impl Messages {
    fn of(args: &MessageArgs) -> Self {
        let sizes = args.size_mix.as_ref().unwrap_or(&args.size);
        Self { sizes: sizes.clone(), check: args.check }
    }

    fn size_option(&self) -> &'static str {
        if self.sizes.only().is_some() { "size" } else { "size-mix" }
    }
}

impl Pace {
    /// How long is measured unless the user says otherwise. In a climb it is the time of each rate.
    fn usual_duration(&self) -> Duration {
        Duration::from_secs(if matches!(self, Self::Climb(_)) { 3 } else { 10 })
    }
}

fn pace(window: u32, args: &RateArgs) -> Result<Pace, Failure> {
    match (args.rate, args.steps) {
        (Some(climb @ Rates::Climb { .. }), steps) => {
            Ok(Pace::Climb(climb.steps(steps.unwrap_or(Rates::DEFAULT_STEPS))))
        }
        (_, Some(_)) => {
            Err(Failure::usage("--steps is for a climb: give --rate A..B, such as --rate 1k..200k"))
        }
        (Some(Rates::One(rate)), None) => Ok(Pace::Rate(rate)),
        (None, None) => Ok(Pace::Window(window as usize)),
    }
}

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{BenchCommand, Command, parse};

    /// What would run for these words behind `callbox bench`.
    fn of(words: &[&str]) -> Result<Options, Failure> {
        let words = [&["callbox", "bench"], words].concat();
        let parsed = parse(words.iter().map(Into::into)).expect("words that can be read");
        let Command::Bench(command) = parsed.command else { panic!("another command") };
        if let BenchCommand::Udp(args) = &*command {
            Options::udp(&args.load, Vec::new())
        } else if let BenchCommand::Tcp(args) = &*command {
            Options::tcp(&args.load, Vec::new())
        } else if let BenchCommand::Unix(args) = &*command {
            Options::unix(&args.load, args.kind, Vec::new())
        } else if let BenchCommand::Chat(args) = &*command {
            Options::chat(&args.load, None, Vec::new())
        } else {
            panic!("another command")
        }
    }

    fn shape(words: &[&str]) -> Shape {
        let options = of(words).expect("options");
        options.plan(options.rates()[0]).shape
    }

    #[test]
    fn each_transport_has_its_usual_load() {
        let closed = |connections, window| Shape::Closed { connections, window };
        assert_eq!(shape(&["udp", "::1"]), closed(8, 32));
        assert_eq!(shape(&["tcp", "::1"]), closed(8, 1));
        assert_eq!(shape(&["unix", "path"]), closed(8, 1));
        assert_eq!(shape(&["unix", "path", "-t", "datagram"]), closed(8, 1));
        assert_eq!(shape(&["chat", "::1"]), closed(100, 1));
        let options = of(&["udp", "::1"]).expect("options");
        let plan = options.plan(None);
        assert_eq!(plan.stretch, Stretch { warmup: 1_000_000_000, duration: 10_000_000_000 });
        assert_eq!((plan.lost_after, plan.threads, plan.seed), (Stretch::LOST_AFTER, 1, 1));
        assert_eq!(options.messages().map(|messages| messages.sizes.only()), Some(Some(64)));
    }

    #[test]
    fn a_rate_is_an_open_loop_over_the_same_connections() {
        let open = |connections| Shape::Open { rate: Rate::per_second(500), connections };
        assert_eq!(shape(&["udp", "::1", "--rate", "500"]), open(8));
        assert_eq!(shape(&["tcp", "::1", "--rate", "500", "--connections", "3"]), open(3));
        assert_eq!(shape(&["chat", "::1", "--rate", "500"]), open(100));
    }

    #[test]
    fn a_connection_for_each_request_of_an_open_loop_takes_more_of_them() {
        let connections = |words: &[&str]| of(words).expect("options").connections();
        assert_eq!(connections(&["tcp", "::1", "--connect-each"]), 8);
        assert_eq!(connections(&["tcp", "::1", "--connect-each", "--rate", "1"]), 256);
        let typed = &["tcp", "::1", "--connect-each", "--rate", "1", "--connections", "9"];
        assert_eq!(connections(typed), 9);
        let mut options = of(&["tcp", "::1", "--rate", "1"]).expect("options");
        assert_eq!(options.connections(), 8);
        options.connect_each().expect("one request on a connection");
        assert_eq!((options.connections(), &*options.listed["connections"]), (256, "256"));
    }

    #[test]
    fn a_climb_has_a_rate_for_each_of_its_steps_and_a_shorter_time_for_each() {
        let climb = of(&["udp", "::1", "--rate", "1k..8k", "--steps", "4"]).expect("options");
        let rates: Vec<_> = climb.rates().into_iter().flatten().map(Rate::as_f64).collect();
        assert_eq!(rates, [1000.0, 2000.0, 4000.0, 8000.0]);
        assert_eq!(climb.stretch.duration, 3_000_000_000);
        assert_eq!((&*climb.listed["rate"], &*climb.listed["steps"]), ("1k..8k", "4"));
        let usual = of(&["udp", "::1", "--rate", "1k..200k", "--duration", "1s"]).expect("options");
        assert_eq!((usual.rates().len(), usual.stretch.duration), (12, 1_000_000_000));
    }

    #[test]
    fn calls_and_sizes_are_as_they_were_typed() {
        let words = ["udp", "::1", "--no-gso", "--no-recvmmsg", "--size-mix", "64:7,1400:1"];
        let options = of(&words).expect("options");
        let Load::Udp { messages, calls } = &options.load else { panic!("{:?}", options.load) };
        let wanted = Calls { recvmmsg: false, sendmmsg: true, gso: false, gro: true };
        assert_eq!((*calls, messages.sizes.largest()), (wanted, 1400));
        assert_eq!(options.listed["size-mix"], "64:7,1400:1");
        assert_eq!((&*options.listed["gso"], &*options.listed["gro"]), ("no", "yes"));
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_what_to_do() {
        let said = |words: &[&str]| {
            let failure = of(words).expect_err("a refusal");
            assert_eq!(failure.exit(), crate::messages::Exit::Usage);
            failure.message().unwrap_or_default().to_owned()
        };
        assert!(said(&["udp", "::1", "--steps", "3"]).contains("give --rate A..B"));
        assert!(
            said(&["tcp", "::1", "--connect-each", "--window", "2"]).contains("leave --window")
        );
        let datagram = &["unix", "path", "-t", "datagram", "--connect-each"];
        assert!(said(datagram).contains("is for streams"));
        assert!(
            said(&["chat", "::1", "--clients", "3", "--channels", "2"]).contains("two clients")
        );
        let many = &["chat", "::1", "--clients", "60000", "--talkers", "60000"];
        assert!(said(many).contains("at most"));
        let many = &["udp", "::1", "--connections", "65536", "--window", "9"];
        assert!(said(many).contains("choose a smaller window"));
        let many = &["chat", "::1", "--clients", "200", "--talkers", "9", "--window", "65536"];
        assert!(said(many).contains("choose a smaller window"));
        let few = of(&["chat", "::1", "--clients", "200", "--talkers", "8", "--window", "65536"]);
        assert!(few.is_ok());
        let mut once = of(&["tcp", "::1", "--window", "2"]).expect("options");
        let failure = once.connect_each().expect_err("a refusal");
        assert!(failure.message().unwrap_or_default().contains("leave --window out"));
    }
}
