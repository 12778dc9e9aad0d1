// Makes pages livelier; everything works without it. Elements say what they want by data attributes.
"use strict";
(() => {
  const ko = document.documentElement.lang === "ko";
  const won = (n) => (ko ? n.toLocaleString("ko-KR") + "원" : "₩" + n.toLocaleString("en-US"));
  const all = (selector, body = document) => [...body.querySelectorAll(selector)];
  const toast = (text) => {
    const box = document.createElement("p");
    box.className = "toast";
    box.setAttribute("role", "alert");
    box.textContent = text;
    document.body.append(box);
    setTimeout(() => box.remove(), 5000);
  };

  // Forms that replace a part of the page instead of loading it anew.
  const swap = async (form, selector) => {
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const failure = page.querySelector(".failure");
      if (!answer.ok) return toast(failure ? failure.textContent : answer.statusText);
      if (new URL(answer.url).pathname !== location.pathname) return location.assign(answer.url);
      document.querySelector(selector).replaceWith(page.querySelector(selector));
      begin();
    } finally {
      button.disabled = false;
    }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.swap) {
      event.preventDefault();
      swap(form, form.dataset.swap).catch(() => form.submit());
    }
  });

  // Links that add to a list, and pictures that show themselves large.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-append], a[data-show]");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.show) {
      document.querySelector(link.dataset.show).src = link.href;
      return;
    }
    const page = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html");
    document.querySelector(link.dataset.append).append(...page.querySelector(link.dataset.append).children);
    const next = page.querySelector(link.dataset.more);
    const here = document.querySelector(link.dataset.more);
    if (next) here.replaceWith(next);
    else here.remove();
  });

  // A menu closes when something else is pressed.
  document.addEventListener("pointerdown", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of all("details.menu[open]")) menu.open = false;
  });

  // The selling form shows what belongs to the chosen way of selling.
  const forms = (form) => {
    const chosen = new FormData(form).get("form");
    for (const field of all("[data-for]", form)) {
      const wanted = field.dataset.for.split(" ").includes(chosen);
      field.hidden = !wanted;
      for (const input of all("input, select", field)) input.disabled = !wanted;
    }
  };
  for (const form of all("form[data-forms]")) {
    forms(form);
    form.addEventListener("change", () => forms(form));
  }

  // The clock of an auction, by the server's time.
  const left = () => {
    for (const box of all("[data-ends]")) {
      const place = box.querySelector("[data-left]");
      let seconds = Math.ceil((Number(box.dataset.ends) - Date.now()) / 1000);
      if (seconds <= 0) {
        place.textContent = box.dataset.over;
        continue;
      }
      const parts = [[86400, ko ? "일 " : "d "], [3600, ko ? "시간 " : "h "], [60, ko ? "분 " : "m "], [1, ko ? "초" : "s"]];
      let text = "";
      for (const [size, word] of parts) {
        const count = Math.floor(seconds / size);
        seconds -= count * size;
        if (text || count || size === 1) text += count + word;
      }
      place.textContent = text;
    }
  };
  setInterval(left, 1000);

  const stock = (message) => {
    for (const place of all(`[data-stock="${message.product}"]`)) {
      place.textContent = message.stock > 0 ? message.stock + place.dataset.leftWord : place.dataset.goneWord;
      place.classList.toggle("low", message.stock < 6);
      const box = place.closest("[data-product]");
      for (const button of all("[data-buy]", box)) button.disabled = message.stock === 0;
      for (const price of all("[data-price]", box)) price.textContent = won(message.price);
    }
  };
  const bid = (message) => {
    const box = document.querySelector(".bidbox");
    if (!box) return;
    box.dataset.ends = message.ends_at;
    box.querySelector("[data-top]").textContent = won(message.top);
    box.querySelector("[data-bids]").textContent = message.bids;
    for (const least of all("[data-least]", box)) least.textContent = won(message.least);
    const input = box.querySelector("input[name=amount]");
    if (input) {
      input.min = message.least;
      if (Number(input.value) < message.least) input.value = message.least;
    }
    left();
  };

  // One socket for a page that has a room; others may listen to what it hears.
  let wait = 500;
  const listen = (room) => {
    const address = new URL("/socket/" + room, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.onopen = () => {
      wait = 500;
      document.dispatchEvent(new CustomEvent("heard", { detail: { kind: "open" } }));
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.kind === "stock") stock(message);
      if (message.kind === "bid") bid(message);
      if (message.kind === "auction-over") location.reload();
      document.dispatchEvent(new CustomEvent("heard", { detail: message }));
    };
    socket.onclose = () => {
      wait = Math.min(wait * 2, 15000);
      setTimeout(() => listen(room), wait * (0.5 + Math.random()));
    };
    window.say = (text) => socket.readyState === 1 && (socket.send(JSON.stringify({ say: text })), true);
  };
  let room = null;
  const begin = () => {
    left();
    const place = document.querySelector("[data-room]");
    if (place && place.dataset.room !== room) listen((room = place.dataset.room));
    const waiting = document.querySelector("[data-reload]");
    if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.reload));
  };
  begin();
})();
