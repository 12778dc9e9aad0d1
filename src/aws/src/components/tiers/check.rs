//! Mistakes in tiers that their schema cannot see.

use std::collections::BTreeMap;

use engine::Flaw;
use engine::blueprint::{Scope, did_you_mean};

use super::section::{LoadBalancer, Scaling, Scheduled, Scheme, Tier};
use crate::components::network::{Network, PUBLIC};
use crate::components::parts::Parts;

pub(super) fn mistakes(tiers: &BTreeMap<String, Tier>, scope: &Scope<'_>, parts: &mut Parts) {
    let Some(network) = Network::of(scope) else {
        let hint = "add a `network:` section; an empty one has a subnet in every zone for web, was and db";
        parts.flaw(Flaw::new("", "tiers stand in a network, and the blueprint has none").hint(hint));
        return;
    };
    for (name, tier) in tiers {
        let mut flaw = |path: &str, message: String, hint: Option<String>| {
            let flaw = Flaw::new(format!("{name}.{path}"), message);
            parts.flaw(Flaw { hint, ..flaw });
        };
        let group = tier.group(name);
        if !network.subnets.iter().any(|known| known == group) {
            let path = if tier.subnets.is_some() { "subnets" } else { "" };
            let hint = did_you_mean(group, network.subnets.iter().map(String::as_str));
            let hint =
                hint.unwrap_or_else(|| format!("append `{group}` to `network.subnets`, or set the tier's `subnets`"));
            flaw(path, format!("the network has no subnets `{group}`"), Some(hint));
        }
        if tier.min > tier.max {
            flaw("min", format!("min {} is more than max {}", tier.min, tier.max), None);
        } else if (tier.min as usize) < scope.zones.len() {
            let message =
                format!("min {} leaves a zone without an instance: there are {}", tier.min, scope.zones.len());
            flaw("min", message, Some(format!("one instance per zone needs `min: {}`", scope.zones.len())));
        }
        if let Some(front) = &tier.behind {
            if front == name {
                flaw("behind", format!("`{name}` cannot stand behind itself"), None);
            } else if !tiers.contains_key(front) {
                let hint = did_you_mean(front, tiers.keys().map(String::as_str));
                flaw("behind", format!("there is no tier `{front}`"), hint);
            } else if circle(tiers, name) {
                flaw("behind", format!("`{name}` stands behind itself, by way of `{front}`"), None);
            }
        }
        let stack = scope.document.get("tags");
        for key in tier.tags.keys().filter(|key| stack.is_some_and(|tags| tags.get(key.as_str()).is_some())) {
            let message = format!("the tag `{key}` is set for the whole stack already");
            flaw(&format!("tags.{key}"), message, Some("choose another key, or take it out of one of the two".into()));
        }
        if let Some(balancer) = tier.balancer() {
            // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
            if scope.zones.len() < 2 {
                let message = "a load balancer stands in two zones at least, and the blueprint has one".to_owned();
                flaw("load_balancer", message, Some("add a zone to `zones`, or write `load_balancer: none`".into()));
            }
            for (path, message, hint) in balancer_flaws(tier, &balancer, &network) {
                flaw(path, message, hint);
            }
        }
        if tier.health_check.timeout >= tier.health_check.interval {
            let health = &tier.health_check;
            let message =
                format!("a timeout of {} s does not fit an interval of {} s", health.timeout, health.interval);
            flaw("health_check.timeout", message, Some("the timeout is shorter than the interval".into()));
        }
        for (index, scaling) in tier.scaling.iter().enumerate() {
            scaling_flaws(tier, index, scaling, &mut flaw);
        }
        for (action, scheduled) in &tier.schedule {
            schedule_flaws(tier, action, scheduled, &mut flaw);
        }
    }
}

/// Whether following `behind` from a tier leads back to it.
fn circle(tiers: &BTreeMap<String, Tier>, name: &str) -> bool {
    let mut at = name;
    for _ in 0..tiers.len() {
        match tiers.get(at).and_then(|tier| tier.behind.as_deref()) {
            Some(front) if front == name => return true,
            Some(front) => at = front,
            None => return false,
        }
    }
    false
}

type Complaint = (&'static str, String, Option<String>);

fn balancer_flaws(tier: &Tier, balancer: &LoadBalancer, network: &Network) -> Vec<Complaint> {
    let mut found = Vec::new();
    match (balancer.scheme, &tier.behind) {
        (Scheme::Internal, None) => {
            let hint = "name the tier that calls it: `behind: web`";
            found.push((
                "load_balancer",
                "an internal load balancer that no tier calls".to_owned(),
                Some(hint.to_owned()),
            ));
        }
        (Scheme::Public, Some(front)) => {
            let message = format!("a tier behind `{front}` cannot have a public load balancer");
            found.push(("load_balancer", message, Some("write `internal`, or leave `behind` out".to_owned())));
        }
        (Scheme::Public, None) if !network.subnets.iter().any(|group| group == PUBLIC) => {
            let message = "a public load balancer stands in public subnets, and there are none".to_owned();
            found.push(("load_balancer", message, Some("add `public` to `network.subnets`".to_owned())));
        }
        (Scheme::Public | Scheme::Internal | Scheme::None, _) => {}
    }
    if balancer.allow.is_some() && balancer.scheme != Scheme::Public {
        let message = "only the tier in front calls an internal load balancer".to_owned();
        found.push(("load_balancer.allow", message, Some("leave `allow` out".to_owned())));
    }
    found
}

fn scaling_flaws(tier: &Tier, index: usize, scaling: &Scaling, flaw: &mut impl FnMut(&str, String, Option<String>)) {
    let same = |other: &Scaling| std::mem::discriminant(other) == std::mem::discriminant(scaling);
    if tier.scaling[..index].iter().any(same) {
        flaw(&format!("scaling.{index}"), "the tier has a rule of this sort already".into(), Some("keep one".into()));
    }
    match scaling {
        Scaling::Requests(_) if tier.balancer().is_none() => {
            let hint = "scale by `cpu`, or add a load balancer".to_owned();
            flaw(
                &format!("scaling.{index}.requests"),
                "without a load balancer nothing counts requests".into(),
                Some(hint),
            );
        }
        Scaling::Cpu(_) | Scaling::Requests(_) => {}
    }
}

fn schedule_flaws(
    tier: &Tier,
    action: &str,
    scheduled: &Scheduled,
    flaw: &mut impl FnMut(&str, String, Option<String>),
) {
    let path = |key: &str| format!("schedule.{action}.{key}");
    if scheduled.min.is_none() && scheduled.max.is_none() && scheduled.desired.is_none() {
        let hint = "set at least one of `min`, `max` and `desired`".to_owned();
        flaw(&format!("schedule.{action}"), format!("`{action}` changes no size"), Some(hint));
    }
    let (min, max) = (scheduled.min.unwrap_or(tier.min), scheduled.max.unwrap_or(tier.max));
    if min > max {
        let (key, other) = if scheduled.min.is_some() { ("min", "max") } else { ("max", "min") };
        let hint = scheduled.max.is_none().then(|| format!("set the action's `{other}`, too"));
        flaw(&path(key), format!("min {min} is more than max {max}"), hint);
    } else if let Some(desired) = scheduled.desired.filter(|desired| !(min..=max).contains(desired)) {
        flaw(&path("desired"), format!("{desired} does not lie between min {min} and max {max}"), None);
    }
    if let Err((message, hint)) = cron(&scheduled.cron) {
        flaw(&path("cron"), message, Some(hint));
    }
}

/// Checks the five fields of a cron expression, as Auto Scaling takes it
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html>).
fn cron(text: &str) -> Result<(), (String, String)> {
    const FIELDS: [(&str, u32, u32); 5] =
        [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of the week", 0, 7)];
    for (field, (name, least, most)) in text.split(' ').zip(FIELDS) {
        let number = |text: &str| text.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number));
        let word = |text: &str| {
            (most == 12 || most == 7) && text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let value = |text: &str| number(text) || word(text);
        let range = |text: &str| {
            text == "*" || text.split_once('-').map_or_else(|| value(text), |(from, to)| value(from) && value(to))
        };
        let part = |text: &str| {
            text.split_once('/').map_or_else(
                || range(text),
                |(part, step)| range(part) && step.parse::<u32>().is_ok_and(|step| step > 0),
            )
        };
        if !field.split(',').all(part) {
            let hint = format!("the {name} is a number from {least} to {most}, `*`, a list, a range or a step");
            return Err((format!("`{field}` is not a {name} of a cron expression"), hint));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_fields_have_their_bounds() {
        for good in ["0 18 * * *", "*/5 0-6 1,15 * mon-fri", "0 0 1 jan 7"] {
            assert_eq!(cron(good), Ok(()), "{good}");
        }
        for bad in ["60 0 * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "*/0 * * * *", "a * * * *"] {
            assert!(cron(bad).is_err(), "{bad}");
        }
    }
}
