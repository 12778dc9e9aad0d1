//! Texts with a form of their own: address ranges, times of day, weekly windows, regions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use regex_lite::Regex;

use crate::blueprint::schema::NAME;

/// What is wrong with a text.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: String,
}

fn problem<T>(message: String, hint: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { message, hint: hint.into() })
}

/// Whether a text matches a pattern; a pattern this engine cannot read matches everything, and the kind has its say later.
pub(in crate::blueprint) fn matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        // The same few patterns are asked for over and over, and reading one takes longer than matching it.
        static READ: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    READ.with_borrow_mut(|read| {
        let regex = read.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    })
}

/// What a well-known pattern asks for.
pub(super) fn describe(pattern: &str) -> Option<String> {
    (pattern == NAME)
        .then(|| "use lower-case letters, digits and single hyphens, starting with a letter: `web-1`".into())
}

/// Checks a text against a format; unknown formats fit everything.
pub(super) fn check(format: &str, text: &str) -> Result<(), Problem> {
    match format {
        "cidr" => cidr(text),
        "cidr-ipv4" => match text.split_once('/').map(|(address, _)| address.parse::<IpAddr>()) {
            Some(Ok(IpAddr::V6(_))) => {
                problem(format!("`{text}` is an IPv6 range"), "networks are IPv4: `10.0.0.0/16`")
            }
            _ => cidr(text),
        },
        "ip" | "ipv4" | "ipv6" => match text.parse::<IpAddr>() {
            Ok(_) => Ok(()),
            Err(_) => problem(format!("`{text}` is not an IP address"), "write it like `10.0.0.4`"),
        },
        "region" => region(text),
        "time" => time(text).map(drop),
        "time-window" => window(text, false),
        "weekly-window" => window(text, true),
        "arn" => match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            ["arn", partition, service, _, _, rest]
                if partition.starts_with("aws") && !service.is_empty() && !rest.is_empty() =>
            {
                Ok(())
            }
            _ => problem(format!("`{text}` is not an ARN"), "it is written `arn:aws:service:region:account:resource`"),
        },
        _ => Ok(()),
    }
}

fn cidr(text: &str) -> Result<(), Problem> {
    const EXAMPLE: &str = "write it like `10.0.0.0/16`";
    let Some((address, length)) = text.split_once('/') else {
        let hint = match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => format!("add a prefix length: `{text}/32` is this one address"),
            _ => EXAMPLE.to_owned(),
        };
        return problem(format!("`{text}` is not an address range"), hint);
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return problem(format!("`{address}` is not an IP address"), "each of the four numbers is between 0 and 255");
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let Some(length) = length.parse::<u8>().ok().filter(|length| *length <= longest) else {
        return problem(format!("`/{length}` is not a prefix length"), format!("it is a number from 0 to {longest}"));
    };
    let Ok(net) = IpNet::new(address, length) else {
        return problem(format!("`{text}` is not an address range"), EXAMPLE);
    };
    if net.trunc() != net {
        let message = format!("`{text}` has bits set behind its prefix");
        return problem(message, format!("the range that holds this address is `{}`", net.trunc()));
    }
    Ok(())
}

/// Looks for the form only: which regions exist changes more often than this program.
fn region(text: &str) -> Result<(), Problem> {
    const HINT: &str = "write it like `ap-northeast-2`";
    if matches("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", text) {
        return Ok(());
    }
    if matches("^[a-z]{2,3}(-[a-z]+)+-[0-9][a-z]$", text) {
        let region = &text[..text.len() - 1];
        return problem(
            format!("`{text}` is a zone, not a region"),
            format!("write `{region}`, and the letter under `zones`"),
        );
    }
    problem(format!("`{text}` is not an AWS region"), HINT)
}

/// Minutes since midnight.
fn time(text: &str) -> Result<u32, Problem> {
    let minutes = || {
        let (hours, minutes) = text.split_once(':')?;
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<u32>().ok()).flatten();
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    match minutes() {
        Some(minutes) => Ok(minutes),
        None => {
            problem(format!("`{text}` is not a time of day"), "write it with two digits each, in quotes: `\"02:00\"`")
        }
    }
}

/// `02:00-03:00`, or `mon:02:00-mon:03:00`; at least half an hour, as RDS asks.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>, `PreferredBackupWindow` and
/// `PreferredMaintenanceWindow`.
fn window(text: &str, weekly: bool) -> Result<(), Problem> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let hint = if weekly { "write it like `sun:04:00-sun:05:00`" } else { "write it like `17:00-18:00`" };
    let Some((from, to)) = text.split_once('-') else {
        return problem(format!("`{text}` is not a window of time"), hint);
    };
    let minute = |part: &str| -> Result<u32, Problem> {
        if !weekly {
            return time(part);
        }
        let Some((day, rest)) = part.split_once(':') else {
            return problem(format!("`{part}` is not a day and a time"), hint);
        };
        let Some(day) = DAYS.iter().position(|known| *known == day.to_lowercase()) else {
            return problem(format!("`{day}` is not a day of the week"), format!("one of: {}", DAYS.join(", ")));
        };
        Ok(day as u32 * 24 * 60 + time(rest)?)
    };
    let (from, to) = (minute(from)?, minute(to)?);
    let round = if weekly { 7 * 24 * 60 } else { 24 * 60 };
    let length = (to + round - from) % round;
    if length < 30 {
        return problem(format!("the window `{text}` lasts {length} minutes"), "it lasts at least 30 minutes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_their_look_alikes() {
        for (format, good) in [
            ("cidr", "10.0.0.0/16"),
            ("cidr", "0.0.0.0/0"),
            ("cidr", "2600:1f18::/56"),
            ("region", "us-gov-west-1"),
            ("region", "ap-northeast-2"),
            ("time-window", "23:45-00:15"),
            ("weekly-window", "sun:23:45-mon:00:15"),
            ("arn", "arn:aws:acm:us-east-1:123456789012:certificate/x"),
            ("unheard-of", "anything"),
        ] {
            assert_eq!(check(format, good), Ok(()), "{format} {good}");
        }
        for (format, bad, message) in [
            ("cidr", "10.0.0.0", "`10.0.0.0` is not an address range"),
            ("cidr", "10.0.0.0/33", "`/33` is not a prefix length"),
            ("cidr", "10.0.0.1/16", "`10.0.0.1/16` has bits set behind its prefix"),
            ("cidr", "10.0.0.256/24", "`10.0.0.256` is not an IP address"),
            ("region", "ap-northeast-2a", "`ap-northeast-2a` is a zone, not a region"),
            ("region", "Seoul", "`Seoul` is not an AWS region"),
            ("time-window", "2:00-3:00", "`2:00` is not a time of day"),
            ("time-window", "02:00-02:10", "the window `02:00-02:10` lasts 10 minutes"),
            ("weekly-window", "son:02:00-sun:03:00", "`son` is not a day of the week"),
            ("weekly-window", "02:00-03:00", "`02` is not a day of the week"),
        ] {
            assert_eq!(check(format, bad).unwrap_err().message, message, "{format} {bad}");
        }
    }
}
