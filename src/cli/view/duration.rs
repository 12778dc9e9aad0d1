//! Durations in words.

use std::time::Duration;

/// A duration in its two largest units: `1 h 5 min`, `16 min`, `2 min 30 s`, `4 s`, `0.3 s`.
pub(crate) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() < 50 => "no time".to_owned(),
        0 => format!("{:.1} s", duration.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{} min {} s", seconds / 60, seconds % 60),
        60..3600 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        let told = [
            (0.34, "0.3 s"),
            (4.0, "4 s"),
            (60.0, "1 min"),
            (150.0, "2 min 30 s"),
            (900.0, "15 min"),
            (3900.0, "1 h 5 min"),
        ];
        for (seconds, text) in told {
            assert_eq!(words(Duration::from_secs_f64(seconds)), text);
        }
    }
}
