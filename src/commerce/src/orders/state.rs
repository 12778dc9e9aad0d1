//! The states of an order and every step between them, as a pure function. Refuses to know of databases and providers.

use crate::store::choice;

choice! {
    /// How far an order is.
    State {
        /// Stock is held; payment or hand-over is awaited.
        Pending = "pending",
        /// Paid, or handed over.
        Paid = "paid",
        /// The provider declined.
        Failed = "failed",
        /// Nobody paid in time.
        Expired = "expired",
        /// Called off before it was paid.
        Cancelled = "cancelled",
        /// The money is on its way back.
        Refunding = "refunding",
        /// The money is back.
        Refunded = "refunded",
    }
}

choice! {
    /// What can happen to an order.
    Step {
        /// The provider took the money, perhaps long ago.
        Charged = "charged",
        /// The provider took the money, but not the right amount.
        Mischarged = "mischarged",
        /// The provider will not take the money.
        Declined = "declined",
        /// The time to pay is over.
        Expire = "expire",
        /// The buyer or the seller calls it off.
        Cancel = "cancel",
        /// Both say that goods and money changed hands.
        HandedOver = "handed-over",
        /// The money goes back; the goods never left.
        RefundUnsent = "refund-unsent",
        /// The money goes back; the goods were sent and are the seller's matter.
        RefundSent = "refund-sent",
        /// The provider gave the money back.
        Refunded = "refunded",
    }
}

/// What a step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The new state.
    pub(crate) to: State,
    /// Whether the goods go back on sale.
    pub(crate) release: bool,
    /// Whether the provider must give the money back.
    pub(crate) refund: bool,
}

/// What a step does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The order changes.
    Change(Change),
    /// It was known already: a repeated or late message.
    Nothing,
    /// It is not possible in this state.
    Refused,
}

/// Decides a step.
pub(crate) fn next(state: State, step: Step) -> Next {
    use State::{Cancelled, Expired, Failed, Paid, Pending, Refunded, Refunding};
    let change = |to, release, refund| Next::Change(Change { to, release, refund });
    match (state, step) {
        (Pending, Step::Charged | Step::HandedOver) => change(Paid, false, false),
        (Pending, Step::Mischarged) => change(Refunding, true, true),
        (Pending, Step::Declined) => change(Failed, true, false),
        (Pending, Step::Expire) => change(Expired, true, false),
        (Pending, Step::Cancel) => change(Cancelled, true, false),
        (Paid, Step::RefundUnsent) => change(Refunding, true, true),
        (Paid, Step::RefundSent) => change(Refunding, false, true),
        // Money that came after the goods went back on sale must go back too.
        (Failed | Expired | Cancelled, Step::Charged | Step::Mischarged) => change(Refunding, false, true),
        (Refunding, Step::Refunded) => change(Refunded, false, false),
        (Paid | Refunding | Refunded, Step::Charged | Step::Mischarged) => Next::Nothing,
        (Paid | Failed | Expired | Cancelled | Refunding | Refunded, Step::Declined | Step::Expire) => Next::Nothing,
        (Refunded, Step::Refunded) => Next::Nothing,
        (Paid | Failed | Expired | Cancelled | Refunding | Refunded, Step::Cancel | Step::HandedOver)
        | (Pending | Failed | Expired | Cancelled | Refunding | Refunded, Step::RefundUnsent | Step::RefundSent)
        | (Pending | Paid | Failed | Expired | Cancelled, Step::Refunded) => Next::Refused,
    }
}
