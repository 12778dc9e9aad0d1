// watch.mjs URL [SCREENSHOT WIDTH]: plays the page and prints what it saw as JSON. Needs playwright-core (NODE_PATH) and Chromium.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { chromium } = require(require.resolve('playwright-core', { paths: [process.cwd(), ...(process.env.NODE_PATH || '').split(':')] }));
const [, , url, screenshot, width = '1280'] = process.argv;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: Number(width), height: 800 } });
const complaints = [];
page.on('console', (line) => { if (line.type() === 'error' && !line.text().includes('favicon')) complaints.push(line.text()); });
page.on('pageerror', (error) => complaints.push(String(error)));
await page.goto(url);
await page.waitForFunction(() => document.getElementById('state').textContent === 'live', null, { timeout: 20000 });
const from = await page.evaluate(() => document.getElementById('video').currentTime);
await page.waitForTimeout(5000);
const seen = await page.evaluate(() => ({
  state: document.getElementById('state').textContent,
  now: document.getElementById('video').currentTime,
  width: Math.max(...hls.levels.map((level) => level.width)),
  latency: hls.latency,
}));
if (screenshot) await page.screenshot({ path: screenshot });
await browser.close();
console.log(JSON.stringify({ ...seen, advanced: seen.now - from, complaints }));
