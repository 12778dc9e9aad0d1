//! One file per kind; one line per kind here.

use engine::{AnyKind, Erased, KindInfo};

use crate::Aws;

macro_rules! kinds {
    ($($module:ident::$kind:ident,)*) => {
        $(pub mod $module; pub use $module::$kind;)*

        /// Every kind a blueprint may use.
        pub static ALL: &[&dyn AnyKind<Aws>] = &[$(&Erased::<$kind>::NEW),*];

        /// What every kind says of itself, in the order of [`ALL`].
        pub static INFOS: &[KindInfo] = &[$(KindInfo::of::<$kind>()),*];
    };
}

kinds! {
    vpc::Vpc,
    subnet::Subnet,
    internet_gateway::InternetGateway,
    elastic_ip::ElasticIp,
    nat_gateway::NatGateway,
    route_table::RouteTable,
    security_group::SecurityGroup,
    vpc_endpoint::VpcEndpoint,
    role::Role,
    launch_template::LaunchTemplate,
    target_group::TargetGroup,
    load_balancer::LoadBalancer,
    listener::Listener,
    autoscaling_group::AutoscalingGroup,
    db_subnet_group::DbSubnetGroup,
    db_parameter_group::DbParameterGroup,
    db_instance::DbInstance,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::INFOS;

    fn keys(value: &Value) -> BTreeSet<&String> {
        value.as_object().into_iter().flat_map(|map| map.keys()).collect()
    }

    #[test]
    fn variants_change_every_changeable_property_one_at_a_time() {
        for info in INFOS {
            let example = (info.example)();
            assert_eq!((info.check)(&example), [], "{}", info.name);
            assert_eq!((info.canonical)(example.clone()).as_ref(), Ok(&example), "{}", info.name);
            let mut changed = BTreeSet::new();
            for variant in (info.variants)() {
                assert_eq!((info.check)(&variant), [], "{} {variant}", info.name);
                let all: BTreeSet<_> = &keys(&example) | &keys(&variant);
                let differ: Vec<_> = all.into_iter().filter(|key| example.get(key) != variant.get(key)).collect();
                assert_eq!(differ.len(), 1, "{}: {differ:?}", info.name);
                changed.extend(differ.into_iter().cloned());
            }
            let schema = (info.schema)().to_value();
            let fixed: BTreeSet<String> = info.fixed.iter().map(|name| (*name).to_owned()).collect();
            let mut all: BTreeSet<String> = keys(&schema["properties"]).into_iter().cloned().collect();
            // These change together with another one: the example is an interface endpoint, which has no route tables,
            // and an HTTPS listener, whose certificate goes with the protocol.
            let together = [("vpc-endpoint", "route_tables"), ("listener", "protocol")];
            all.retain(|name| !together.contains(&(info.name, name)));
            assert_eq!(changed, &all - &fixed, "{}", info.name);
        }
    }
}
