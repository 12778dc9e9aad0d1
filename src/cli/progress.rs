//! Shows an apply as it goes: moving lines on a terminal, timestamped lines elsewhere, JSON for machines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::Plan;
use engine::apply::{Action, Event, Pace};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::Printer;
use crate::view::{Paint, duration, event};

/// How often moving lines move.
const TICK: Duration = Duration::from_millis(120);

/// A reader of events that shows them.
pub(crate) enum Progress {
    /// Moving lines.
    Animated(Box<Bars>),
    /// One line an event.
    Plain(Paint, Pace),
    /// One JSON object an event, on stdout.
    Json,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, pace: Pace, printer: &Printer) -> Self {
        if printer.json {
            Self::Json
        } else if printer.animated {
            Self::Animated(Box::new(Bars::new(plan, pace, printer.paint_notes)))
        } else {
            Self::Plain(printer.paint_notes, pace)
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event, printer: &mut Printer) {
        match self {
            Self::Json => printer.line(event),
            Self::Plain(paint, pace) => {
                if let Some(line) = event::line(event, *pace, *paint) {
                    printer.note(&format!("{} {line}\n", clock()));
                }
            }
            Self::Animated(bars) => bars.show(event),
        }
    }

    /// Says something in between.
    pub(crate) fn say(&self, text: &str, printer: &mut Printer) {
        match self {
            // A terminal that cannot be drawn on has nobody who reads.
            Self::Animated(bars) => bars.all.println(text).unwrap_or_default(),
            Self::Plain(..) => printer.note(&format!("{} {text}\n", clock())),
            Self::Json => printer.note(&format!("{text}\n")),
        }
    }
}

/// The time of day, UTC.
fn clock() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// A line per running step and one for the whole.
pub(crate) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<usize, Running>,
    /// For each step, how long it and the longest chain after it take, in real time.
    remaining: Vec<Duration>,
    expected: Vec<Duration>,
    pace: Pace,
    paint: Paint,
}

struct Running {
    bar: ProgressBar,
    start: Instant,
}

impl Bars {
    fn new(plan: &Plan, pace: Pace, paint: Paint) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(plan.steps.len() as u64));
        total.set_style(style("{bar:24} {pos}/{len} steps, {elapsed} elapsed{msg}"));
        total.enable_steady_tick(TICK);
        Self {
            all,
            total,
            running: BTreeMap::new(),
            remaining: plan.remaining().into_iter().map(|time| pace.real(time)).collect(),
            expected: plan.steps.iter().map(|step| pace.real(step.expected)).collect(),
            pace,
            paint,
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Begin { .. } => {}
            Event::Started { step, address, action, .. } => self.start(*step, *action, &address.to_string()),
            Event::Finished { step, .. } | Event::Failed { step, .. } => {
                if let Some(running) = self.running.remove(step) {
                    running.bar.finish_and_clear();
                    self.all.remove(&running.bar);
                }
                self.total.inc(1);
                self.print(event);
            }
            Event::Waiting { .. } => self.print(event),
            Event::Skipped { .. } => {
                self.total.inc(1);
                self.print(event);
            }
            Event::End { .. } => self.total.finish_and_clear(),
        }
        self.total.set_message(self.eta());
    }

    fn start(&mut self, step: usize, action: Action, address: &str) {
        let expected = duration::words(self.expected[step]);
        let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
        bar.set_message(format!("{} {address}", event::doing(action)));
        bar.set_style(style(&format!("{{spinner}} {{msg}}  {{elapsed}} of about {expected}")));
        bar.enable_steady_tick(TICK);
        self.running.insert(step, Running { bar, start: Instant::now() });
    }

    fn print(&self, event: &Event) {
        if let Some(line) = event::line(event, self.pace, self.paint) {
            // A terminal that cannot be drawn on has nobody who reads.
            self.all.println(line).unwrap_or_default();
        }
    }

    /// The longest chain that is still to come.
    fn eta(&self) -> String {
        let left = |(step, running): (&usize, &Running)| self.remaining[*step].saturating_sub(running.start.elapsed());
        match self.running.iter().map(left).max() {
            Some(left) => format!(", about {} to go", duration::words(left)),
            None => String::new(),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━━─")
}
