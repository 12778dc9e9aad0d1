//! Colours, where there are any. Every colour stands beside a word that says the same.

use anstyle::{AnsiColor, Style};

/// Whether to colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn on(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn colour(self, colour: AnsiColor, text: &str) -> String {
        self.on(Style::new().fg_color(Some(colour.into())), text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.on(Style::new().bold(), text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.on(Style::new().dimmed(), text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.on(Style::new().bold().fg_color(Some(AnsiColor::Red.into())), text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.colour(AnsiColor::Green, text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.colour(AnsiColor::Yellow, text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.colour(AnsiColor::Cyan, text)
    }
}
