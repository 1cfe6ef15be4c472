//! Whom a listener lets in, and what it does with them.

use super::super::{Listen, MAX_CONNS, Together};
use super::{Misuse, Reader, wrong};
use crate::link::websocket::Origins;

impl Reader<'_> {
    pub(super) fn listen(&mut self, listens: bool) -> Result<Listen, Misuse> {
        let together = match (self.flag("chat"), self.flag("broker")) {
            (true, _) => Together::Chat,
            (false, true) => Together::Broker,
            _ => Together::Apart,
        };
        let keep_open = self.flag("keep-open");
        let lists = ["allow", "deny", "allowfile", "denyfile"];
        let names = [
            "max-conns",
            "chat",
            "broker",
            "allow",
            "deny",
            "allowfile",
            "denyfile",
            "reuse-lists",
            "allow-origin",
        ];
        if !listens && let Some(name) = names.iter().find(|name| self.given(name)) {
            return wrong(format!("--{name} is for a listener: it needs -l"));
        }
        let max_conns = match self.text("max-conns")? {
            None => MAX_CONNS,
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => {
                    return wrong(format!(
                        "Invalid number of connections \"{text}\": it is 1 or more"
                    ));
                }
                Ok(number) => number,
            },
        };
        if self.given("max-conns")
            && !keep_open
            && together == Together::Apart
            && !self.given("proxy-type")
        {
            self.warnings.push("-m has no effect without -k or --broker".to_owned());
        }
        if self.flag("reuse-lists")
            && !lists.iter().any(|name| name.ends_with("file") && self.given(name))
        {
            return wrong("--reuse-lists needs --allowfile or --denyfile");
        }
        let proxy_server = match &self.texts("proxy-type")?[..] {
            _ if !listens => false,
            [] => false,
            [name] if name == "http" => true,
            [name, ..] => {
                return wrong(format!("Invalid proxy type \"{name}\"; with -l it is http"));
            }
        };
        Ok(Listen {
            keep_open,
            max_conns,
            together,
            proxy_server,
            login: if proxy_server { self.auths()?.into_iter().next() } else { None },
            allow: self.texts("allow")?,
            deny: self.texts("deny")?,
            allow_files: self.paths("allowfile"),
            deny_files: self.paths("denyfile"),
            origins: self.origins()?,
            reuse_lists: self.flag("reuse-lists"),
            announce: self.flag("test"),
        })
    }

    pub(super) fn origins(&self) -> Result<Origins, Misuse> {
        let mut origins = Origins::default();
        for origin in self.texts("allow-origin")? {
            if !origins.add(&origin) {
                return wrong(format!(
                    "Invalid origin \"{origin}\": it is as https://example.org, without a path, or * for all"
                ));
            }
        }
        Ok(origins)
    }
}
