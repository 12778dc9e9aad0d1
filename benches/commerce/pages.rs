//! What a page weighs: the first visit of each kind of page of the demonstration shop, compressed, with its styles,
//! scripts and icon; pictures and video apart.

use std::collections::BTreeSet;

use crate::load::{Wire, request};
use crate::service::Service;

/// The heaviest that a page may be, in bytes.
const MOST: usize = 150 * 1024;

async fn get(wire: &mut Wire, path: &str) -> (usize, String) {
    let sent = request("GET", path, "accept-encoding: gzip\r\naccept-language: ko\r\n", "");
    assert_eq!(wire.send(sent.as_bytes()).await, 200, "{path}");
    let weight = wire.weight();
    assert_eq!(wire.send(request("GET", path, "accept-language: ko\r\n", "").as_bytes()).await, 200, "{path}");
    (weight, wire.text())
}

/// The values of these attributes that begin so.
fn links<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('"').filter(move |part| part.starts_with(begin))
}

/// Weighs the pages.
pub(crate) async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("shop.db").display());
    let service = Service::start(folder.path(), &database, &["--demo"]);
    let mut wire = Wire::open(&service.address).await;
    let (_, home) = get(&mut wire, "/").await;
    let (_, live) = get(&mut wire, "/live").await;
    let product = links(&home, "/products/").next().unwrap().to_owned();
    let broadcast = links(&live, "/live/").next().unwrap().to_owned();
    println!();
    for path in ["/", "/products", &product, "/live", &broadcast, "/login", "/signup"] {
        let (page, text) = get(&mut wire, path).await;
        let mut assets = 0;
        for asset in links(&text, "/assets/").collect::<BTreeSet<_>>() {
            assets += get(&mut wire, asset).await.0;
        }
        let all = page + assets;
        let kb = |bytes: usize| bytes as f64 / 1024.0;
        println!("page {path:<26} {:>6.1} KB compressed, of which {:>6.1} KB page", kb(all), kb(page));
        assert!(all <= MOST, "{path} weighs {all} bytes");
    }
}
