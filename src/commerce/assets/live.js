// The live page: player, quality, latency, chat and what is shown now.
"use strict";
(() => {
  const video = document.getElementById("player");
  const latency = document.getElementById("latency");
  const quality = document.getElementById("quality");
  if (video) {
    const source = video.dataset.src;
    const live = "live" in video.dataset;
    if (window.Hls && Hls.isSupported()) {
      const hls = new Hls({ lowLatencyMode: live, backBufferLength: 30, maxLiveSyncPlaybackRate: live ? 1.1 : 1 });
      hls.loadSource(source);
      hls.attachMedia(video);
      hls.on(Hls.Events.MANIFEST_PARSED, () => {
        hls.levels.forEach((level, index) => {
          const option = document.createElement("option");
          option.value = index;
          option.textContent = level.height ? level.height + "p" : Math.round(level.bitrate / 1000) + "k";
          quality.append(option);
        });
        quality.closest("label").hidden = hls.levels.length < 2;
        video.play().catch(() => {});
      });
      quality.addEventListener("change", () => (hls.currentLevel = Number(quality.value)));
      let tries = 0;
      hls.on(Hls.Events.ERROR, (_, error) => {
        if (!error.fatal) return;
        if (error.type === Hls.ErrorTypes.MEDIA_ERROR) return hls.recoverMediaError();
        tries += 1;
        setTimeout(() => hls.loadSource(source), Math.min(1000 * tries, 10000));
      });
      if (live)
        setInterval(() => {
          if (!Number.isFinite(hls.latency) || hls.latency <= 0) return;
          latency.hidden = false;
          latency.textContent = `${latency.dataset.word} ${hls.latency.toFixed(1)}${latency.dataset.unit}`;
        }, 1000);
    } else {
      video.src = source;
    }
  }

  const log = document.getElementById("chat");
  const refused = document.getElementById("refused");
  const down = () => (log.scrollTop = log.scrollHeight);
  const add = (message) => {
    if (log.querySelector(`[data-id="${message.id}"]`)) return;
    const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const line = document.createElement("li");
    const name = document.createElement("b");
    line.dataset.id = message.id;
    name.textContent = message.name;
    if (message.seller) name.className = "host";
    line.append(name, " ", message.text);
    log.append(line);
    while (log.children.length > 200) log.firstElementChild.remove();
    if (near) down();
  };
  down();
  document.addEventListener("heard", async ({ detail: message }) => {
    if (message.kind === "chat") add(message);
    if (message.kind === "hidden") log.querySelector(`[data-id="${message.id}"]`)?.remove();
    if (message.kind === "refused" && refused) refused.textContent = message.reason;
    if (message.kind === "behind") for (const old of await (await fetch(log.dataset.history)).json()) add(old);
    if (message.kind === "viewers")
      for (const place of document.querySelectorAll("[data-viewers]")) place.textContent = message.count;
    if (message.kind === "pinned")
      for (const pick of document.querySelectorAll(".pick")) {
        const chosen = pick.dataset.product === message.product;
        pick.classList.toggle("pinned", chosen);
        if (chosen) pick.parentElement.prepend(pick);
      }
    const air = document.querySelector("[data-air]");
    const changed = (now) => now.state !== air.dataset.air || (now.state === "ended" && now.replay && !video);
    if (message.kind === "air" && changed(message)) location.reload();
    // What happened after the page was written and before its socket was open was not heard.
    if (message.kind === "open" && !(video && air.dataset.air === "ended")) {
      const answer = await fetch("/api/v1/broadcasts/" + air.dataset.room);
      if (answer.ok && changed(await answer.json())) location.reload();
    }
  });
  document.getElementById("say")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = event.target.elements.say;
    refused.textContent = "";
    if (input.value.trim() && window.say(input.value)) input.value = "";
  });
})();
