//! From a tier in the user's terms to its resources.

use engine::blueprint::Scope;

use super::balancer_group;
use super::section::{LoadBalancer, Scheme, Tier};
use crate::components::parts::{Parts, group, members};
use crate::rule::{Peer, Rule};

pub(super) fn resources(name: &str, tier: &Tier, scope: &Scope<'_>, parts: &mut Parts) {
    let balancer = tier.balancer();
    security_groups(name, tier, balancer.as_ref(), parts);
    let _ = scope;
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
