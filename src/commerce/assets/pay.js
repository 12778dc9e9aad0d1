// Opens Toss Payments' own page for an order: https://docs.tosspayments.com/sdk/v1/js. The card is entered there; the
// shop hears of it by the address the buyer comes back to.
"use strict";
(() => {
  const box = document.querySelector("[data-toss]");
  if (!box) return;
  const { toss, amount, order, name, buyer } = box.dataset;
  const back = `${location.origin}/orders/${order}`;
  box.querySelector("button").addEventListener("click", async () => {
    const request = { amount: Number(amount), orderId: order, orderName: name, customerName: buyer,
      successUrl: `${back}/paid`, failUrl: back };
    try {
      await window.TossPayments(toss).requestPayment("카드", request);
    } catch (error) {
      box.querySelector("[role=alert]").textContent = error.message;
    }
  });
})();
