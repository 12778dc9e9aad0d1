// shop.mjs SHOP RTMP FFMPEG FILE EDGE [FOLDER FOR PICTURES]: a seller sells live and two people watch. Prints what was seen as JSON.
// Needs playwright-core (NODE_PATH) and Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { chromium } = require(require.resolve('playwright-core', { paths: [process.cwd(), ...(process.env.NODE_PATH || '').split(':')] }));
const [, , shop, rtmp, ffmpeg, file, edge, folder] = process.argv;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const complaints = [], seen = {}, began = Date.now();

const person = async (name, seller) => {
  const page = await (await browser.newContext({ locale: 'ko-KR', viewport: { width: 390, height: 844 } })).newPage();
  page.setDefaultTimeout(20000);
  // A playlist that is over for a moment before the page hears of it is no fault.
  page.on('console', (line) => { if (line.type() === 'error' && !line.text().includes('404')) complaints.push(`${name}: ${line.text()}`); });
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`));
  await page.goto(`${shop}/signup`);
  await page.fill('[name=email]', `${name}@test.kr`);
  await page.fill('[name=password]', 'a long password');
  await page.fill('main [name=name]', name);
  if (seller) await page.check('[name=seller]');
  await page.click('main .button');
  await page.waitForURL(`${shop}/`);
  return page;
};
// The picture moves for so many seconds.
const plays = async (page, seconds) => {
  await page.waitForFunction(() => document.getElementById('player')?.currentTime > 0);
  const from = await page.evaluate(() => document.getElementById('player').currentTime);
  await page.waitForFunction((until) => document.getElementById('player').currentTime > until, from + seconds);
  return page.evaluate(() => { const { videoWidth, duration } = document.getElementById('player'); return { videoWidth, duration }; });
};
const picture = (page, name) => folder && page.screenshot({ path: `${folder}/${name}.png` });
const at = (what) => (seen[what] = (Date.now() - began) / 1000);

let encoder;
try {
  const [seller, buyer, watcher] = await Promise.all([person('seller', true), person('buyer', false), person('watcher', false)]);

  // One thing to sell, a key, and an announcement.
  await seller.goto(`${shop}/sell`);
  await seller.fill('[name=title]', '마지막 목도리');
  await seller.fill('[name=price]', '15000');
  await seller.fill('[name=stock]', '1');
  await seller.fill('[name=description]', '하나 남았어요');
  await seller.click('main .button');
  await seller.waitForURL(/\/products\/[0-9a-z]{13}$/);
  await seller.goto(`${shop}/studio`);
  await seller.click("form[action='/studio/key'] .button");
  const key = (await seller.textContent('.secret')).trim();
  await seller.fill('[name=title]', '오늘 방송');
  await seller.check('[name=product]');
  await seller.click("form[action='/studio'] .button");
  await seller.waitForURL(/\/live\/[0-9a-z]{13}$/);
  const page = seller.url();
  await Promise.all([buyer, watcher].map((one) => one.goto(page)));
  await watcher.waitForFunction(() => window.say);
  await picture(watcher, 'announced');
  at('announced');

  // The encoder goes live; the pages that are open notice by themselves.
  const options = ['-hide_banner', '-loglevel', 'error', '-re', '-stream_loop', '-1', '-i', file, '-t', '40', '-c', 'copy', '-f', 'flv'];
  encoder = spawn(ffmpeg, [...options, `${rtmp}/${key}`], { stdio: ['pipe', 'inherit', 'inherit'] });
  const gone = new Promise((done) => encoder.once('exit', done));
  const [live] = await Promise.all([buyer, watcher].map((one) => plays(one, 2)));
  at('playing');
  seen.width = live.videoWidth;
  await watcher.waitForFunction(() => !document.getElementById('latency').hidden);
  seen.latency = parseFloat((await watcher.textContent('#latency')).match(/[\d.]+/)[0]);

  // An edge finds the stream through the shop.
  const source = new URL(await watcher.getAttribute('#player', 'data-src'));
  const fetched = await fetch(edge + source.pathname);
  assert.equal(fetched.status, 200, await fetched.text());

  // Somebody chats and buys the last one; the others see both without loading the page anew.
  await buyer.waitForFunction(() => window.say);
  await buyer.waitForTimeout(300);
  await buyer.fill('#say input', '제가 살게요');
  await buyer.click('#say button');
  for (const one of [seller, watcher]) await one.waitForFunction(() => document.getElementById('chat').textContent.includes('제가 살게요'));
  at('chatted');
  assert.equal(await watcher.isDisabled('[data-buy]'), false);
  const stays = watcher.evaluate(() => (window.stayed = true));
  await buyer.click('.pick [data-buy]');
  await buyer.fill('[name=phone]', '010-0000-0000');
  await buyer.fill('[name=address]', '서울시 종로구');
  await buyer.click('main form .button');
  await buyer.waitForURL(/\/orders\/[0-9a-z]{13}$/);
  await buyer.waitForSelector('.state.paid');
  await stays;
  await watcher.waitForFunction(() => document.querySelector('.pick [data-buy]').disabled);
  const place = watcher.locator('.pick [data-stock]');
  assert.equal(await place.textContent(), await place.getAttribute('data-gone-word'));
  assert.equal(await watcher.evaluate(() => window.stayed), true, 'the page was not loaded anew');
  await plays(watcher, 1);
  await picture(watcher, 'sold-out');
  at('sold_out');

  // The broadcast ends; the replay plays on the same page.
  encoder.stdin.write('q');
  await gone;
  await watcher.waitForSelector("[data-air='ended'] #player");
  at('replay_ready');
  const replay = await plays(watcher, 2);
  seen.replay_seconds = replay.duration;
  await picture(watcher, 'replay');
  at('replayed');
} catch (error) {
  for (const [index, context] of browser.contexts().entries())
    for (const page of context.pages()) {
      await page.screenshot({ path: `${folder || '/tmp'}/shop-failed-${index}.png` }).catch(() => {});
      console.error(page.url(), await page.evaluate(() => document.querySelector('main').innerText).catch(String));
    }
  console.error(JSON.stringify({ seen, complaints }));
  throw error;
} finally {
  encoder?.kill();
  await browser.close();
}
console.log(JSON.stringify({ ...seen, complaints }));
