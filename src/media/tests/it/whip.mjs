// whip.mjs URL KEY SECONDS [codec]: publishes a moving canvas and a tone by WHIP from headless Chromium, deletes the session, and prints
// what happened as JSON. Needs playwright-core (NODE_PATH) and Chromium.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { chromium } = require(require.resolve('playwright-core', { paths: [process.cwd(), ...(process.env.NODE_PATH || '').split(':')] }));
const [, , url, key, seconds, codec = 'video/H264'] = process.argv;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage();
const seen = await page.evaluate(async ({ url, key, seconds, codec }) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  document.body.append(canvas);
  const pen = canvas.getContext('2d');
  let frame = 0;
  const draw = () => {
    pen.fillStyle = `hsl(${frame % 360} 60% 40%)`;
    pen.fillRect(0, 0, 640, 360);
    pen.fillStyle = 'white';
    pen.font = '96px monospace';
    pen.fillText(frame++, 40 + frame % 300, 200);
  };
  setInterval(draw, 33);
  const context = new AudioContext();
  const [tone, sound] = [context.createOscillator(), context.createMediaStreamDestination()];
  tone.connect(sound);
  tone.start();
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const picture = connection.addTransceiver(canvas.captureStream(30).getVideoTracks()[0], { direction: 'sendonly' });
  connection.addTransceiver(sound.stream.getAudioTracks()[0], { direction: 'sendonly' });
  const able = RTCRtpSender.getCapabilities('video').codecs;
  const wanted = able.filter((one) => one.mimeType === codec);
  if (wanted.length === 0) return { unable: [...new Set(able.map((one) => one.mimeType))] };
  picture.setCodecPreferences([...wanted, ...able.filter((one) => one.mimeType === 'video/rtx')]);
  await connection.setLocalDescription();
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' };
  const answer = await fetch(url, { method: 'POST', headers, body: connection.localDescription.sdp });
  const text = await answer.text();
  if (answer.status !== 201) return { status: answer.status, text };
  await connection.setRemoteDescription({ type: 'answer', sdp: text });
  const session = new URL(answer.headers.get('location'), url);
  const end = Date.now() + seconds * 1000;
  const open = () => picture.sender.transport.state !== 'closed' && connection.connectionState !== 'failed';
  while (Date.now() < end && open()) await new Promise((wake) => setTimeout(wake, 100));
  const state = picture.sender.transport.state;
  const reports = [...(await connection.getStats()).values()];
  const sent = reports.find((report) => report.type === 'outbound-rtp' && report.kind === 'video');
  const deleted = await fetch(session, { method: 'DELETE' });
  connection.close();
  return {
    status: answer.status, state, deleted: deleted.status, frames: sent?.framesEncoded, keyframes: sent?.keyFramesEncoded,
    asked: sent?.pliCount, encoder: sent?.encoderImplementation,
  };
}, { url, key, seconds: Number(seconds), codec });
await browser.close();
console.log(JSON.stringify(seen));
