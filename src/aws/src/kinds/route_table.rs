//! The `route-table` kind: the table, its routes and the subnets that follow it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self, Filter, ResourceType, RouteState, RouteTableAssociationStateCode};
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Subnet, Vpc};
use crate::route;
pub use crate::route::{Destination, Route, Via};
use crate::{Aws, Call, Deleted, Required, cidr, tags};

/// Where traffic that leaves its subnets goes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The network it is part of.
    pub vpc: Ref<Vpc>,
    /// Its routes, besides the one inside the network that every table has; none unless set.
    #[serde(default)]
    pub routes: BTreeSet<Route>,
    /// The subnets that follow it; none unless set. A subnet follows one table.
    #[serde(default)]
    pub subnets: BTreeSet<Ref<Subnet>>,
}

/// What other resources may read from a live table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The table's id.
    pub id: String,
}

impl Kind for RouteTable {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "route-table";
    const FIXED: &'static [&'static str] = &["vpc"];

    fn example() -> Self {
        Self {
            vpc: Ref::to("main"),
            routes: BTreeSet::from([Route::default(Via::NatGateway(Ref::to("a")))]),
            subnets: BTreeSet::from([Ref::to("web-a")]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let inner = Route {
            to: Destination::Range("192.168.0.0/16".parse().expect("a range")),
            via: Via::NatGateway(Ref::to("a")),
        };
        vec![
            Self { routes: example.routes.iter().cloned().chain([inner]).collect(), ..example.clone() },
            Self {
                routes: BTreeSet::from([Route::default(Via::InternetGateway(Ref::to("main")))]),
                ..example.clone()
            },
            Self { routes: BTreeSet::new(), ..example.clone() },
            Self { subnets: BTreeSet::from([Ref::to("web-a"), Ref::to("web-c")]), ..example.clone() },
            Self { subnets: BTreeSet::new(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let tables = describe(aws, tags::ec2::filter(which, "route-table-id")).await?;
        tables.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_route_table()
            .vpc_id(self.vpc.id()?)
            .client_token(&labels.token)
            .tag_specifications(tags::ec2::specification(ResourceType::RouteTable, labels));
        let created = create.send().await.call("CreateRouteTable")?;
        let id = created.route_table.and_then(|table| table.route_table_id).required("RouteTableId")?;
        // A table not known everywhere yet is left to the update.
        self.fill(aws, &id).await.deleted()?;
        Ok(id)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        let table = one(aws, id).await?;
        if changed.has("routes") {
            self.set_routes(aws, id, &table).await?;
        }
        if changed.has("subnets") {
            self.set_subnets(aws, id, &table).await?;
        }
        Ok(())
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        let tables = describe(aws, tags::ec2::filter(Query::Ids(&[id.to_owned()]), "route-table-id")).await?;
        let associations = tables.iter().flat_map(followers).map(|(_, association)| association);
        try_join_all(associations.map(|association| disassociate(aws, association))).await?;
        aws.ec2.delete_route_table().route_table_id(id).send().await.call("DeleteRouteTable").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, route) in self.routes.iter().enumerate() {
            let path = format!("routes.{index}.to");
            if let Destination::Range(range) = &route.to {
                flaws.extend(cidr::flaw(&path, *range));
            }
            if !seen.insert(&route.to) {
                flaws.push(Flaw::new(path, format!("`{}` has two routes", route.to)).hint("keep one of them"));
            }
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let open = |table: &Self| table.routes.iter().any(|route| matches!(route.via, Via::InternetGateway(_)));
        let mut impacts = Vec::new();
        if open(after) && !open(before) {
            impacts.push(Impact::new(Risk::Exposure, "its subnets can be reached from the internet"));
        }
        let kept: BTreeSet<_> = after.routes.iter().map(|route| &route.to).collect();
        for route in before.routes.iter().filter(|route| !kept.contains(&route.to)) {
            impacts.push(Impact::new(Risk::Downtime, format!("its subnets lose their way to {}", route.to)));
        }
        impacts
    }

    fn timing() -> Timing {
        Timing::seconds(3, 2, 3)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl RouteTable {
    /// Routes first: a subnet must not follow a table that leads nowhere yet.
    async fn fill(&self, aws: &Aws, id: &str) -> Result<()> {
        if self.routes.is_empty() && self.subnets.is_empty() {
            return Ok(());
        }
        let table = one(aws, id).await?;
        self.set_routes(aws, id, &table).await?;
        self.set_subnets(aws, id, &table).await
    }

    async fn set_routes(&self, aws: &Aws, id: &str, table: &types::RouteTable) -> Result<()> {
        let live: BTreeMap<Destination, Option<Via>> = route::made(table).collect();
        let put = self.routes.iter().filter_map(|route| match live.get(&route.to) {
            Some(via) if via.as_ref() == Some(&route.via) => None,
            known => Some(route::put(aws, id, route, known.is_some())),
        });
        try_join_all(put).await?;
        let kept: BTreeSet<_> = self.routes.iter().map(|route| &route.to).collect();
        let gone = live.keys().filter(|to| !kept.contains(to));
        try_join_all(gone.map(|to| route::remove(aws, id, to))).await.map(drop)
    }

    async fn set_subnets(&self, aws: &Aws, id: &str, table: &types::RouteTable) -> Result<()> {
        let live: BTreeMap<&str, &str> = followers(table).collect();
        let wanted = self.subnets.iter().map(Ref::id).collect::<Result<BTreeSet<&str>>>()?;
        let new: Vec<String> =
            wanted.iter().filter(|subnet| !live.contains_key(*subnet)).map(|subnet| (*subnet).to_owned()).collect();
        if !new.is_empty() {
            // A subnet that follows another table moves over in one step, without a moment on the main table.
            let filter = Filter::builder().name("association.subnet-id").set_values(Some(new.clone())).build();
            let others = describe(aws, filter).await?;
            let following: BTreeMap<&str, &str> = others.iter().flat_map(followers).collect();
            try_join_all(new.iter().map(|subnet| associate(aws, id, subnet, following.get(subnet.as_str()).copied())))
                .await?;
        }
        let gone = live.iter().filter(|(subnet, _)| !wanted.contains(*subnet));
        try_join_all(gone.map(|(_, association)| disassociate(aws, association))).await.map(drop)
    }
}

async fn describe(aws: &Aws, filter: Filter) -> Result<Vec<types::RouteTable>> {
    let describe = aws.ec2.describe_route_tables().filters(filter);
    describe.into_paginator().items().send().try_collect().await.call("DescribeRouteTables")
}

async fn one(aws: &Aws, id: &str) -> Result<types::RouteTable> {
    let tables = describe(aws, tags::ec2::filter(Query::Ids(&[id.to_owned()]), "route-table-id")).await?;
    tables.into_iter().next().ok_or(Error::NotFound)
}

/// Lets a subnet follow a table; `following` is its association with another one.
async fn associate(aws: &Aws, table: &str, subnet: &str, following: Option<&str>) -> Result<()> {
    if let Some(association) = following {
        let replace = aws.ec2.replace_route_table_association().route_table_id(table).association_id(association);
        match replace.send().await.call("ReplaceRouteTableAssociation") {
            // The other table has let go of it meanwhile.
            Err(Error::NotFound) => {}
            done => return done.map(drop),
        }
    }
    let associate = aws.ec2.associate_route_table().route_table_id(table).subnet_id(subnet);
    match associate.send().await.call("AssociateRouteTable") {
        // It follows this table already, or another one since the listing: the next try reads anew.
        Err(Error::Service { code, message, .. }) if code == "Resource.AlreadyAssociated" => Err(Error::Busy(message)),
        done => done.map(drop),
    }
}

async fn disassociate(aws: &Aws, association: &str) -> Result<()> {
    aws.ec2.disassociate_route_table().association_id(association).send().await.call("DisassociateRouteTable").deleted()
}

/// The subnets that follow a table, each with the association's id.
fn followers(table: &types::RouteTable) -> impl Iterator<Item = (&str, &str)> {
    let gone = |association: &&types::RouteTableAssociation| {
        let state = association.association_state().and_then(|state| state.state());
        !matches!(
            state,
            Some(RouteTableAssociationStateCode::Disassociating | RouteTableAssociationStateCode::Disassociated)
        )
    };
    let associations = table.associations().iter().filter(gone);
    associations.filter_map(|association| Some((association.subnet_id()?, association.route_table_association_id()?)))
}

fn read(table: &types::RouteTable) -> Result<Found<RouteTable>> {
    let id = table.route_table_id().required("RouteTableId")?;
    let blackholes = table.routes().iter().filter(|route| route.state() == Some(&RouteState::Blackhole));
    let blackholes: Vec<String> = blackholes.filter_map(route::destination).map(|to| to.to_string()).collect();
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(table.tags()),
        properties: RouteTable {
            vpc: Ref::live(table.vpc_id().required("VpcId")?),
            routes: route::made(table).filter_map(|(to, via)| Some(Route { to, via: via? })).collect(),
            subnets: followers(table).map(|(subnet, _)| Ref::live(subnet)).collect(),
        },
        outputs: Outputs { id: id.to_owned() },
        phase: Phase::Ready,
        note: (!blackholes.is_empty()).then(|| format!("traffic to {} is dropped: its target is gone", blackholes.join(", "))),
    })
}
