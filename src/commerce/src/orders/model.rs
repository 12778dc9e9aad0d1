//! Orders against a model: any sequence of reserving, paying, declining, expiring, cancelling and refunding, on each
//! engine, keeps stock, states and messages as a few lines of arithmetic say.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::settle::settle;
use super::state::{self, Change, Next, State, Step};
use super::{Delivery, Line, Method, Order, rows};
use crate::error::Error;
use crate::id::Id;
use crate::operations::verify;
use crate::payments::Outcome;
use crate::payments::booking::charged;
use crate::store::{Database, args, transact};

const SUPPLIED: i64 = 6;

/// What is done, and to which of the orders there are.
#[derive(Clone, Debug)]
enum Deed {
    Reserve(i64),
    Take(Step, usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let step = prop::sample::select(Step::ALL.to_vec());
    prop::collection::vec(
        prop_oneof![
            2 => (1..4_i64).prop_map(Deed::Reserve),
            5 => (step, 0..4_usize).prop_map(|(step, which)| Deed::Take(step, which)),
        ],
        1..24,
    )
}

/// An order as the model knows it.
struct Known {
    id: Id,
    quantity: i64,
    state: State,
    released: bool,
}

fn product_rows(product: Id) -> [String; 2] {
    let p = product.0;
    [
        format!("INSERT INTO people VALUES ({p}, '{p}@x.kr', 'n', 'p', 'personal', NULL, NULL, 'seller', '', 0, 0)"),
        format!(
            "INSERT INTO products VALUES ({p}, {p}, 1, 'ordinary', 't', '', 100, {SUPPLIED}, {SUPPLIED}, NULL, NULL, 'active', 0, 0, 0)"
        ),
    ]
}

async fn reserve(database: &Database, product: Id, quantity: i64) -> Result<Id, Error> {
    let done = transact!(database, [], |c| {
        let sql = "UPDATE products SET stock = stock - ? WHERE id = ? AND stock >= ?";
        if c.execute(sql, args![quantity, product, quantity]).await? == 0 {
            return Err(Error::Conflict("sold-out", String::new()));
        }
        let order = Order {
            id: Id::new(),
            buyer_id: product,
            seller_id: product,
            method: Method::Online,
            state: State::Pending,
            delivery: Delivery::None,
            total: 100 * quantity,
            commission: 5 * quantity,
            recipient: String::new(),
            phone: String::new(),
            address: String::new(),
            buyer_confirmed: false,
            seller_confirmed: false,
            wants_refund: false,
            released: false,
            reason: None,
            created_at: 0,
            expires_at: i64::MAX,
            settled_at: None,
        };
        let line = Line { product_id: product, title: "t".into(), quantity, price: 100 };
        rows::insert(c, &order, &[line], Some("ok")).await?;
        Ok(order.id)
    });
    done.await
}

async fn take(database: &Database, id: Id, step: Step, total: i64) -> Result<(), Error> {
    let done = transact!(database, [], |c| {
        match step {
            // What the provider says comes through the book-keeping of charges.
            Step::Charged | Step::Mischarged => {
                let sql = "UPDATE outbox SET state = 'done' WHERE order_id = ? AND kind = 'charge'";
                c.execute(sql, args![id]).await?;
                let amount = if step == Step::Charged { total } else { total - 1 };
                let outcome = Outcome::Done { reference: id.to_string(), amount };
                charged(c, id, total, &outcome).await.map(drop)
            }
            Step::Refunded => {
                c.execute("UPDATE charges SET refunded = amount WHERE order_id = ?", args![id]).await?;
                settle(c, id, step, None).await.map(drop)
            }
            Step::Declined | Step::Expire | Step::Cancel | Step::HandedOver | Step::RefundUnsent | Step::RefundSent => {
                settle(c, id, step, None).await.map(drop)
            }
        }
    });
    done.await
}

async fn follow(database: &Database, deeds: &[Deed]) -> Result<(), TestCaseError> {
    let product = Id::new();
    for sql in product_rows(product) {
        transact!(database, [sql], |c| c.execute(&sql, vec![]).await).await.unwrap();
    }
    let mut orders: Vec<Known> = Vec::new();
    let mut stock = SUPPLIED;
    for deed in deeds {
        match deed {
            Deed::Reserve(quantity) => match reserve(database, product, *quantity).await {
                Ok(id) => {
                    prop_assert!(stock >= *quantity, "sold what is not there");
                    stock -= quantity;
                    orders.push(Known { id, quantity: *quantity, state: State::Pending, released: false });
                }
                Err(Error::Conflict("sold-out", _)) => prop_assert!(stock < *quantity, "refused what is there"),
                Err(e) => return Err(TestCaseError::fail(e.to_string())),
            },
            Deed::Take(step, which) => {
                let Some(known) = orders.get_mut(*which) else { continue };
                // Handing over is for deals without a provider; an online order is never asked for it.
                if *step == Step::HandedOver {
                    continue;
                }
                let result = take(database, known.id, *step, 100 * known.quantity).await;
                match state::next(known.state, *step) {
                    Next::Refused => prop_assert!(matches!(result, Err(Error::Conflict("wrong-state", _)))),
                    Next::Nothing => prop_assert!(result.is_ok()),
                    Next::Change(Change { to, release, .. }) => {
                        prop_assert!(result.is_ok(), "{result:?}");
                        known.state = to;
                        if release && !known.released {
                            known.released = true;
                            stock += known.quantity;
                        }
                    }
                }
            }
        }
        let found =
            transact!(database, [], |c| c.number("SELECT stock FROM products WHERE id = ?", args![product]).await);
        prop_assert_eq!(found.await.unwrap(), stock);
        let held: i64 = orders.iter().filter(|order| !order.released).map(|order| order.quantity).sum();
        prop_assert_eq!(stock, SUPPLIED - held);
    }
    let report = verify::run(database).await.unwrap();
    prop_assert!(report.ok, "{:?}", report.problems);
    Ok(())
}

#[test]
fn any_history_keeps_the_books_right_on_both_engines() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let databases = runtime.block_on(crate::store::contract::databases());
    let cases = std::env::var("COMMERCE_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    for (_folder, database) in &databases {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        runner.run(&deeds(), |deeds| runtime.block_on(follow(database, &deeds))).unwrap();
    }
}

#[test]
fn goods_are_released_at_most_once_and_money_comes_back_whenever_it_must() {
    // Every path of up to six steps through the pure rules.
    fn walk(state: State, released: bool, charged: bool, depth: u32) {
        if depth == 0 {
            return;
        }
        for step in Step::ALL {
            let Next::Change(change) = state::next(state, *step) else { continue };
            assert!(!(change.release && released), "{state} {step} releases again");
            let released = released || change.release;
            let charged = charged || matches!(step, Step::Charged | Step::Mischarged);
            assert!(!change.refund || charged || *step == Step::RefundUnsent || *step == Step::RefundSent);
            // Whoever's goods went back on sale is not left paid.
            assert!(!(released && change.to == State::Paid), "{state} {step}");
            assert!(!(change.to == State::Pending));
            walk(change.to, released, charged, depth - 1);
        }
    }
    walk(State::Pending, false, false, 6);
}
