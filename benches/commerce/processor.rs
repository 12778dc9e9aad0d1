//! The processor time that processes and threads have used, as Linux counts it.

use std::time::Duration;

/// What a process used since it started, all its threads together.
pub(crate) fn of_process(id: u32) -> Duration {
    let folder = format!("/proc/{id}/task");
    let threads = std::fs::read_dir(folder).map(|threads| threads.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let used = threads.iter().filter_map(|thread| read(&thread.path().join("schedstat").display().to_string()));
    // Threads that ended are only in the sum, which counts in hundredths of a second.
    used.sum::<Duration>().max(coarse(id))
}

/// What this thread used.
pub(crate) fn of_this_thread() -> Duration {
    read("/proc/thread-self/schedstat").unwrap()
}

fn read(path: &str) -> Option<Duration> {
    std::fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn coarse(id: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or("");
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|number| number.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
