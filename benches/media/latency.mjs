// latency.mjs SOURCE [WARMUP_SECONDS] [SECONDS] [HLS_CONFIG] [SCREENSHOT]: glass-to-glass latency in real Chromium, as JSON.
// Needs playwright-core and hls.js from npm (NODE_PATH or node_modules here) and Debian's chromium.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
const require = createRequire(import.meta.url);
const find = (name) => require.resolve(name, { paths: [process.cwd(), ...(process.env.NODE_PATH || '').split(':')] });
const { chromium } = require(find('playwright-core'));
const player = path.join(path.dirname(find('hls.js')), 'hls.min.js');
const [, , source, warmup = '10', seconds = '20', config = '{}', screenshot = ''] = process.argv;
const server = createServer((request, answer) => {
  const script = request.url.includes('hls.min.js');
  answer.setHeader('content-type', script ? 'text/javascript' : 'text/html');
  answer.end(readFileSync(script ? player : new URL('player.html', import.meta.url)));
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage();
const query = new URLSearchParams({ src: source, config });
await page.goto(`http://127.0.0.1:${server.address().port}/player.html?${query}`);
await page.waitForTimeout((Number(warmup) + Number(seconds)) * 1000);
const result = await page.evaluate(() => window.result);
if (screenshot) await page.screenshot({ path: screenshot });
await browser.close();
server.close();
const measured = result.latency.filter(([at]) => at > Number(warmup) * 1000);
const list = measured.map(([, value]) => value).sort((a, b) => a - b);
// hls.js reports no stall while its buffer is empty; a picture that stands still is one, whoever is to blame.
const gaps = measured.slice(1).map(([at], index) => at - measured[index][0]);
const quantile = (part) => list[Math.min(list.length - 1, Math.floor(list.length * part))];
console.log(JSON.stringify({
  frames: list.length, unreadable: result.unreadable, first_ms: Math.round(result.first ?? -1), min: list[0], p50: quantile(0.5),
  p95: quantile(0.95), p99: quantile(0.99), max: list.at(-1), stalls: result.stalls, freezes: gaps.filter((gap) => gap > 300).length,
  longest_gap_ms: Math.round(Math.max(...gaps)), errors: result.errors,
}));
