//! A page in a real browser: Chromium without a screen, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>).
//!
//! Nothing sleeps: what a test waits for is a condition that the page itself looks at, each time its document changes and
//! each time it would be drawn. A condition that is not met, and a command that is refused, fail with what the page showed
//! and what the console said, and leave a picture.

mod driver;
mod input;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

pub use input::Key;
pub use serde_json;

use crate::program::Program;
use crate::{EVENT_DEADLINE, Folder};
use driver::Driver;

/// What keeps Chromium to itself: without a screen, with nothing of a user's, and with no calls to its makers.
const ARGS: &[&str] = &[
    "--headless=new",
    // Its sandbox wants privileges that a container has not. It shows pages of our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    // A window that another covers, as all are without a screen, is drawn all the same.
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--window-size=1200,800",
    // Without a screen there is no mouse either, unless it is said that there is one.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
];

/// A browser with one window. Dropping it ends the browser and whatever belongs to it.
pub struct Browser {
    driver: Driver,
    pictures: PathBuf,
    /// What was said on the console and taken from there already.
    said: Vec<Said>,
    /// Gone last, after the browser that writes there.
    _folder: Folder,
}

/// An entry of the console.
#[derive(Clone, Debug)]
struct Said {
    is_error: bool,
    text: String,
}

impl Browser {
    /// A browser in `language`, such as `en-US`, that keeps pictures in the folder `pictures`.
    #[track_caller]
    pub fn start(language: &str, pictures: &Path) -> Self {
        Self::start_with(language, pictures, &[])
    }

    /// The same with more arguments for Chromium.
    #[track_caller]
    pub fn start_with(language: &str, pictures: &Path, more: &[&str]) -> Self {
        fs::create_dir_all(pictures).unwrap_or_else(|e| panic!("{}: {e}", pictures.display()));
        let folder = Folder::new("browser");
        let home = folder.path().to_string_lossy().into_owned();
        let mut args: Vec<String> = ARGS.iter().chain(more).map(|arg| (*arg).to_owned()).collect();
        args.push(format!("--user-data-dir={home}/profile"));
        args.push(format!("--lang={language}"));
        args.push(format!("--accept-lang={language}"));
        let deadline = EVENT_DEADLINE.as_millis() as u64;
        let capabilities = json!({ "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "args": args,
                "prefs": { "intl.accept_languages": language },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": deadline, "pageLoad": deadline },
            "unhandledPromptBehavior": "ignore",
        }});
        let program = Program::new("chromedriver").arg("--port=0").env("HOME", &home);
        let driver = Driver::start(program, &capabilities);
        let mut browser =
            Self { driver, pictures: pictures.to_owned(), said: Vec::new(), _folder: folder };
        browser.on_every_page(VIOLATIONS);
        browser
    }

    /// Opens an address and waits until it and what it refers to are loaded.
    #[track_caller]
    pub fn open(&mut self, address: &str) {
        self.post("url", &json!({ "url": address }));
    }

    /// Loads the page anew.
    #[track_caller]
    pub fn reload(&mut self) {
        self.post("refresh", &json!({}));
    }

    /// Runs a script, the body of a function, before any of the page's own, on every page from now on.
    #[track_caller]
    pub fn on_every_page(&mut self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        self.post(
            "execute/sync",
            &json!({ "script": format!("return ({expression});"), "args": [] }),
        )
    }

    /// The text that an expression in the page gives.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| self.fail(&format!("a text from {expression}, not {value}")))
    }

    /// Runs the body of a function in the page that is given `argument` and returns a value or a promise of one, and
    /// waits for that.
    #[track_caller]
    pub fn run(&mut self, body: &str, argument: &Value) -> Value {
        let script = format!(
            "const done = arguments[1]; const run = async (argument) => {{ {body} }}; \
             run(arguments[0]).then((value) => done([true, value ?? null]), (error) => done([false, String(error)]));"
        );
        let result = self.post("execute/async", &json!({ "script": script, "args": [argument] }));
        if result[0] != true {
            self.fail(&format!("a good end of {body}, not {}", result[1]));
        }
        result[1].clone()
    }

    /// Waits until an expression in the page is true, and gives its value.
    #[track_caller]
    pub fn wait_for(&mut self, expression: &str) -> Value {
        let script = WAIT.replace("EXPRESSION", expression);
        match self.driver.post("execute/async", &json!({ "script": script, "args": [] })) {
            Ok(value) => value,
            Err(refused) if refused.code == "script timeout" => {
                self.fail(&format!("{expression} within {EVENT_DEADLINE:?}"))
            }
            Err(refused) => self.fail(&format!("{expression}, but {}", refused.message)),
        }
    }

    /// Clicks, as a pointer does, on the middle of what a CSS selector finds first; waits until it is there.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let element = self.wait_for(&format!("document.querySelector({})", json!(selector)));
        let id = element.as_object().and_then(|element| element.values().next()?.as_str());
        let id = id.unwrap_or_else(|| panic!("{selector}: {element} is no element")).to_owned();
        self.post(&format!("element/{id}/click"), &json!({}));
    }

    /// Whether `prefers-color-scheme` is `dark` or `light`, and other features of media that a user sets.
    #[track_caller]
    pub fn prefer(&mut self, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Gives the window the size of a phone's screen, and fingers.
    #[track_caller]
    pub fn become_phone(&mut self, width: u32, height: u32) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        self.devtools("Emulation.setTouchEmulationEnabled", &json!({ "enabled": true }));
    }

    /// A command of Chromium's own protocol (<https://chromedevtools.github.io/devtools-protocol/>).
    #[track_caller]
    pub fn devtools(&mut self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Keeps a picture of the window as `NAME.png`.
    #[track_caller]
    pub fn picture(&mut self, name: &str) -> PathBuf {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| println!("pictures are kept in {}", self.pictures.display()));
        let picture = self.driver.get("screenshot").ok();
        let bytes = picture.and_then(|text| BASE64.decode(text.as_str()?).ok());
        let path = self.pictures.join(format!("{name}.png"));
        fs::write(&path, bytes.unwrap_or_default())
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// What went wrong in the page so far: errors on its console, and what its policy forbade.
    #[track_caller]
    pub fn errors(&mut self) -> Vec<String> {
        self.read_console();
        self.said.iter().filter(|said| said.is_error).map(|said| said.text.clone()).collect()
    }

    /// Checks that nothing went wrong in the page.
    #[track_caller]
    pub fn expect_no_errors(&mut self) {
        let errors = self.errors();
        if !errors.is_empty() {
            self.fail("no errors on the console");
        }
    }

    /// Forgets what was said on the console.
    #[track_caller]
    pub fn forget_errors(&mut self) {
        self.read_console();
        self.said.clear();
    }

    fn read_console(&mut self) {
        let entries = self.driver.post("se/log", &json!({ "type": "browser" }));
        let Ok(Value::Array(entries)) = entries else { return };
        self.said.extend(entries.iter().map(|entry| Said {
            is_error: entry["level"] == "SEVERE",
            text: entry["message"].as_str().unwrap_or_default().to_owned(),
        }));
    }

    #[track_caller]
    fn post(&mut self, command: &str, body: &Value) -> Value {
        match self.driver.post(command, body) {
            Ok(value) => value,
            Err(refused) => self.fail(&format!("{command} {body}, but {}", refused.message)),
        }
    }

    /// Panics with what the page shows, what the console said, and a picture.
    #[track_caller]
    pub fn fail(&mut self, expected: &str) -> ! {
        let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let picture = self.picture(&format!("failed-{test}"));
        let script =
            "return location.href + '\\n' + document.title + '\\n' + document.body?.innerText;";
        let shown = self.driver.post("execute/sync", &json!({ "script": script, "args": [] }));
        let shown = shown.map_or_else(
            |refused| refused.message,
            |text| text.as_str().unwrap_or_default().chars().take(SHOWN).collect(),
        );
        self.read_console();
        let said: Vec<&str> = self.said.iter().map(|said| said.text.as_str()).collect();
        panic!(
            "expected {expected}\n--- the page ---\n{shown}\n--- the console ---\n{}\n--- the picture ---\n{}",
            said.join("\n"),
            picture.display()
        );
    }
}

/// Characters of a page in a report.
const SHOWN: usize = 4000;

/// Looks at a condition until it is true.
const WAIT: &str = "
const done = arguments[0];
let ended = false;
const observer = new MutationObserver(() => look());
function look() {
  if (ended) return;
  let value = null;
  try { value = (EXPRESSION); } catch { return; }
  if (!value) return;
  ended = true;
  observer.disconnect();
  done(value);
}
function frame() { look(); if (!ended) requestAnimationFrame(frame); }
observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
frame();
";

/// What a policy forbids stands on the console as an error. Some of it is only reported, and made one here.
const VIOLATIONS: &str = "
addEventListener('securitypolicyviolation', (event) =>
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));
";
