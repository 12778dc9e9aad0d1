//! From a tier in the user's terms to its resources.

use engine::blueprint::Scope;
use serde_json::{Value, json};

use super::balancer_group;
use super::section::{LoadBalancer, Scaling, Scheme, Tier};
use crate::components::access::{Access, POLICY};
use crate::components::network::{MAIN, PUBLIC, subnet};
use crate::components::parts::{Parts, group, late, members};
use crate::kinds::{
    AutoscalingGroup, LaunchTemplate, Listener, LoadBalancer as ApplicationLoadBalancer, Role, TargetGroup,
};
use crate::rule::{Peer, Rule};

/// Seconds an instance that leaves may still finish requests.
const DEREGISTRATION_DELAY: u32 = 60;

pub(super) fn resources(name: &str, tier: &Tier, scope: &Scope<'_>, parts: &mut Parts) {
    let balancer = tier.balancer();
    security_groups(name, tier, balancer.as_ref(), parts);
    role(name, tier, scope, parts);
    parts.write::<LaunchTemplate>(
        name,
        name,
        json!({
            "image": tier.image,
            "instance_type": tier.instance_type,
            "role": name,
            "security_groups": [name],
            "user_data": tier.user_data,
            "root_volume": { "size": tier.volume_size },
        }),
    );
    if let Some(balancer) = &balancer {
        load_balancer(name, tier, balancer, scope, parts);
    }
    autoscaling_group(name, tier, balancer.is_some(), scope, parts);
}

/// What instances may do: be reached by Session Manager, and what the user adds.
fn role(name: &str, tier: &Tier, scope: &Scope<'_>, parts: &mut Parts) {
    let shells = Access::of(scope).is_some_and(|access| access.session_manager);
    let policies = shells.then_some(POLICY).into_iter().chain(tier.policies.iter().map(String::as_str));
    parts.write::<Role>(
        name,
        name,
        json!({
            "description": format!("Instances of tier {name}"),
            "trust": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "ec2.amazonaws.com" },
                    "Action": "sts:AssumeRole",
                }],
            },
            "managed_policies": policies.collect::<Vec<_>>(),
            "instance_profile": true,
        }),
    );
}

fn load_balancer(name: &str, tier: &Tier, balancer: &LoadBalancer, scope: &Scope<'_>, parts: &mut Parts) {
    let health = &tier.health_check;
    parts.write::<TargetGroup>(
        name,
        name,
        json!({
            "vpc": MAIN,
            "port": tier.port,
            "health_check": {
                "path": health.path,
                "codes": health.codes,
                "interval": health.interval,
                "timeout": health.timeout,
                "healthy": health.healthy,
                "unhealthy": health.unhealthy,
            },
            "deregistration_delay": DEREGISTRATION_DELAY,
        }),
    );
    let (scheme, subnets) = match balancer.scheme {
        Scheme::Public => ("internet-facing", PUBLIC),
        Scheme::Internal | Scheme::None => ("internal", tier.group(name)),
    };
    parts.write::<ApplicationLoadBalancer>(
        name,
        name,
        json!({
            "scheme": scheme,
            "subnets": in_every_zone(subnets, scope),
            "security_groups": [balancer_group(name)],
            "idle_timeout": balancer.idle_timeout,
            "deletion_protection": balancer.deletion_protection,
        }),
    );
    let forward = json!({ "type": "forward", "target_groups": [{ "target_group": name }] });
    let http = match &balancer.certificate {
        None => forward,
        Some(certificate) => {
            parts.write::<Listener>(
                name,
                &format!("{name}-https"),
                json!({
                    "load_balancer": name,
                    "port": 443,
                    "protocol": "https",
                    "certificate": certificate,
                    "default_action": forward,
                }),
            );
            json!({ "type": "redirect", "protocol": "HTTPS", "port": "443", "permanent": true })
        }
    };
    let listener = json!({ "load_balancer": name, "port": 80, "protocol": "http", "default_action": http });
    parts.write::<Listener>(name, &format!("{name}-http"), listener);
    if balancer.scheme == Scheme::Public {
        parts.output::<ApplicationLoadBalancer>(&format!("{name}_address"), name, "dns_name");
    }
}

fn autoscaling_group(name: &str, tier: &Tier, balanced: bool, scope: &Scope<'_>, parts: &mut Parts) {
    let mut tags = vec![
        json!({ "key": "Name", "value": format!("{}{name}", scope.owner.prefix()) }),
        json!({ "key": "Tier", "value": name }),
    ];
    tags.extend(tier.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })));
    let actions = tier.schedule.iter().map(|(action, scheduled)| {
        let mut written = json!({
            "name": action,
            "recurrence": scheduled.cron,
            "min": scheduled.min,
            "max": scheduled.max,
            "desired": scheduled.desired,
        });
        if let Some(zone) = &scheduled.time_zone {
            written["time_zone"] = json!(zone);
        }
        written
    });
    parts.write::<AutoscalingGroup>(
        name,
        name,
        json!({
            "launch_template": name,
            "version": late::<LaunchTemplate>(name, "version"),
            "subnets": in_every_zone(tier.group(name), scope),
            "min": tier.min,
            "max": tier.max,
            "target_groups": if balanced { vec![name] } else { Vec::new() },
            "health_check": if balanced { "elb" } else { "ec2" },
            "health_check_grace": tier.health_check.grace,
            "warmup": tier.health_check.grace,
            "metrics": ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupMinSize", "GroupMaxSize"],
            "instance_tags": tags,
            "scaling_policies": tier.scaling.iter().map(|scaling| policy(name, scaling)).collect::<Vec<_>>(),
            "scheduled_actions": actions.collect::<Vec<_>>(),
        }),
    );
}

fn policy(name: &str, scaling: &Scaling) -> Value {
    let (policy, metric, target) = match scaling {
        Scaling::Cpu(percent) => ("cpu", json!("cpu"), percent),
        Scaling::Requests(requests) => {
            ("requests", json!({ "requests": { "load_balancer": name, "target_group": name } }), requests)
        }
    };
    json!({ "type": "target-tracking", "name": policy, "metric": metric, "target": target })
}

fn in_every_zone(group: &str, scope: &Scope<'_>) -> Vec<String> {
    scope.zones.iter().map(|zone| subnet(group, zone)).collect()
}

/// The internet, or the tier in front, reaches the load balancer; the load balancer reaches the instances.
fn security_groups(name: &str, tier: &Tier, balancer: Option<&LoadBalancer>, parts: &mut Parts) {
    let caller = match (balancer, &tier.behind) {
        (Some(_), _) => Some((members(&balancer_group(name)), "the load balancer")),
        (None, Some(front)) => Some((members(front), "the tier in front")),
        (None, None) => None,
    };
    let ingress = caller.map(|(peer, who)| Rule::tcp(tier.port, peer).described(who));
    parts.want(name, name, group(&format!("Instances of tier {name}"), ingress));
    let Some(balancer) = balancer else { return };
    let ports: &[u16] = if balancer.certificate.is_some() { &[80, 443] } else { &[80] };
    let peers = match (balancer.scheme, &tier.behind) {
        (Scheme::Public, _) => match &balancer.allow {
            Some(ranges) => ranges.iter().map(|range| Peer::Cidr((*range).into())).collect(),
            None => vec![Peer::everywhere()],
        },
        (Scheme::Internal | Scheme::None, Some(front)) => vec![members(front)],
        (Scheme::Internal | Scheme::None, None) => Vec::new(),
    };
    let rules = peers.iter().flat_map(|peer| ports.iter().map(|port| Rule::tcp(*port, peer.clone())));
    let who = if balancer.scheme == Scheme::Public { "callers" } else { "the tier in front" };
    let rules: Vec<_> = rules.map(|rule| rule.described(who)).collect();
    parts.want(name, &balancer_group(name), group(&format!("Load balancer of tier {name}"), rules));
}
