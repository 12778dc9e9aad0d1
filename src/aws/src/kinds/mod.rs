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
