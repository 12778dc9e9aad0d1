// Uses the shop as people do. Usage: node browser.mjs BASE [FOLDER FOR PICTURES]
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [base, folder] = process.argv.slice(2);
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
const troubles = [];

const open = async (width, locale, colorScheme) => {
  const context = await browser.newContext({ viewport: { width, height: 844 }, locale, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (m) => m.type() === "error" && troubles.push(`${page.url()}: ${m.text()}`));
  page.on("pageerror", (e) => troubles.push(`${page.url()}: ${e.message}`));
  page.on("response", (r) => r.status() >= 500 && troubles.push(`${r.url()}: ${r.status()}`));
  return page;
};

// Looks at a page: nothing sticks out, everything that can be pressed or filled in has a name.
const look = async (page, name) => {
  const seen = await page.evaluate(() => ({
    over: document.documentElement.scrollWidth - innerWidth,
    headings: document.querySelectorAll("h1").length,
    title: document.title,
    nameless: [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
      .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.querySelector("img[alt]:not([alt=''])")))
      .map((e) => e.outerHTML.slice(0, 120)),
    small: [...document.querySelectorAll(".button")].filter((e) => e.offsetHeight && e.offsetHeight < 38).length,
    pictures: [...document.querySelectorAll("img:not([alt])")].length,
  }));
  assert.equal(seen.over, 0, `${name} is wider than the window`);
  assert.equal(seen.headings, 1, `${name} has one main heading`);
  assert.deepEqual(seen.nameless, [], `${name}: everything has a name`);
  assert.equal(seen.small + seen.pictures, 0, `${name}: buttons can be pressed and pictures described`);
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
};
const go = async (page, path, name) => {
  await page.goto(base + path);
  await look(page, name);
};
const press = (page, selector) => page.locator(selector).first().click();

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC", "base64");

const shop = async (width, locale, scheme) => {
  const page = await open(width, locale, scheme);
  const tag = `${width}-${locale.slice(0, 2)}-${scheme}`;
  const mail = `browser-${tag}@test.kr`;

  await go(page, "/", `home-${tag}`);
  assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2));
  await go(page, "/products", `products-${tag}`);
  await go(page, "/live", `shows-${tag}`);
  await go(page, "/login", `login-${tag}`);
  await go(page, "/signup", `signup-${tag}`);
  await page.fill("[name=email]", mail);
  await page.fill("[name=password]", "a long password");
  await page.fill("main [name=name]", "브라우저");
  await page.check("[name=seller]");
  await press(page, "main .button");
  await page.waitForURL(base + "/");

  // Posts a product with a picture.
  await go(page, "/sell", `sell-${tag}`);
  await page.fill("[name=title]", `손뜨개 목도리 <${tag}>`);
  await page.fill("[name=price]", "15000");
  await page.fill("[name=stock]", "3");
  await page.fill("[name=description]", "따뜻해요 & 가벼워요");
  await page.setInputFiles("[name=pictures]", { name: "a.png", mimeType: "image/png", buffer: png });
  await press(page, "main .button");
  await page.waitForURL(/\/products\/[0-9a-z]{13}$/);
  await look(page, `own-product-${tag}`);
  assert.ok((await page.textContent("h1")).includes(`<${tag}>`));
  assert.ok(await page.evaluate(() => document.getElementById("shown").naturalWidth > 0), "the picture is shown");
  await page.goto(page.url() + "/edit");
  await look(page, `edit-${tag}`);

  // Orders another's product: into the cart, to the check-out, paid.
  await page.goto(base + "/products?q=" + encodeURIComponent("감귤"));
  await press(page, "#found .card a");
  await page.waitForSelector("[data-stock]");
  await look(page, `product-${tag}`);
  const stock = async () => parseInt(await page.textContent("[data-stock]"));
  const before = await stock();
  await press(page, "button[formmethod=post]");
  await page.waitForURL(base + "/cart");
  await look(page, `cart-${tag}`);
  await press(page, "a.wide");
  await page.fill("[name=phone]", "010-0000-0000");
  await page.fill("[name=address]", "서울시 종로구");
  await look(page, `checkout-${tag}`);
  await press(page, "main form .button");
  await page.waitForURL(/\/orders\/[0-9a-z]{13}$/);
  await page.waitForSelector(".state.paid");
  await look(page, `order-${tag}`);
  await go(page, "/orders", `orders-${tag}`);
  await page.goto(base + "/products?q=" + encodeURIComponent("감귤"));
  await press(page, "#found .card a");
  await page.waitForSelector("[data-stock]");
  assert.equal(await stock(), before - 1, "the stock went down by one");
  assert.equal(await page.locator("form[action$='/review']").count(), 1, "a buyer may review");

  // Bids, and sees the others' bids without loading the page anew.
  await page.goto(base + "/products?form=auction");
  await press(page, "#found .card a");
  await look(page, `auction-${tag}`);
  const bids = parseInt(await page.textContent("[data-bids]"));
  await press(page, ".bidbox .button");
  await page.waitForSelector("[data-lead]");
  assert.equal(parseInt(await page.textContent("[data-bids]")), bids + 1);

  // Chats, and hears it.
  await page.goto(base + "/live");
  await press(page, ".show a");
  await page.waitForSelector("#say");
  await look(page, `live-${tag}`);
  await page.waitForTimeout(400);
  await page.fill("#say input", `안녕하세요 <${tag}>`);
  await press(page, "#say button");
  await page.waitForFunction((text) => document.getElementById("chat").textContent.includes(text), `<${tag}>`);

  // The seller's side.
  await go(page, "/studio", `studio-${tag}`);
  await press(page, "form[action='/studio/key'] .button");
  assert.match(await page.textContent(".secret"), /^sk_live_/);
  await page.fill("[name=title]", "첫 방송");
  await page.check("[name=product]");
  await press(page, "form[action='/studio'] .button");
  await page.waitForURL(/\/live\/[0-9a-z]{13}$/);
  await look(page, `announced-${tag}`);
  await press(page, "button[name=pin]");
  await page.waitForSelector(".pick.pinned");
  for (const path of ["/sales", "/statement", "/account"]) await go(page, path, `${path.slice(1)}-${tag}`);

  // The language, chosen by hand, stays.
  await press(page, ".foot .plain");
  const other = locale.startsWith("ko") ? "en" : "ko";
  await page.waitForFunction((tag) => document.documentElement.lang === tag, other);
  await page.goto(base + "/");
  assert.equal(await page.getAttribute("html", "lang"), other);
  if (await page.locator("details.menu").count()) await press(page, "details.menu summary");
  await press(page, ".sheet button");
  await page.waitForSelector("a[href='/login']");
  await page.context().close();
  console.log(`${tag}: done`);
};

try {
  await shop(390, "ko-KR", "light");
  await shop(1280, "en-US", "dark");

  // Stock changes on an open page when somebody else orders, and the first page is light enough.
  const page = await open(1280, "ko-KR", "light");
  await page.goto(base + "/nowhere");
  await look(page, "not-found");
  assert.deepEqual(troubles.splice(0).filter((t) => !t.includes("/nowhere")), []);
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  for (const path of ["/", "/live"]) {
    let bytes = 0;
    const count = (event) => (bytes += event.encodedDataLength);
    const kinds = new Map();
    const kind = (event) => kinds.set(event.requestId, event.type);
    const sum = (event) => kinds.get(event.requestId) !== "Image" && count(event);
    client.on("Network.responseReceived", kind);
    client.on("Network.loadingFinished", sum);
    await page.goto(base + path, { waitUntil: "networkidle" }).catch(() => {});
    if (path === "/live") {
      await page.goto(base + (await page.getAttribute(".show a", "href")));
      await page.waitForTimeout(500);
    }
    client.off("Network.loadingFinished", sum);
    console.log(`${path}: ${(bytes / 1024).toFixed(1)} KiB without pictures`);
    assert.ok(bytes < 150 * 1024, `${path} takes ${bytes} bytes`);
  }
  // Without a script, the shop still sells.
  const plain = await (await browser.newContext({ javaScriptEnabled: false, locale: "ko-KR" })).newPage();
  await plain.goto(base + "/login");
  await plain.fill("[name=email]", "buyer@demo.shop");
  await plain.fill("[name=password]", "demo-password");
  await plain.click("main .button");
  await plain.goto(base + "/products?q=" + encodeURIComponent("머그"));
  await plain.click("#found .card a");
  await plain.click("[data-buy]");
  await plain.fill("[name=phone]", "010");
  await plain.fill("[name=address]", "서울");
  await plain.click("main form .button");
  assert.match(plain.url(), /\/orders\/[0-9a-z]{13}$/);
  assert.deepEqual(troubles, [], "no error was logged in the browser");
} finally {
  await browser.close();
}
