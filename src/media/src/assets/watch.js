// Plays /live/<name>, or /replay/<id> for /watch/replay/<id>.
'use strict';
const path = location.pathname.split('/').filter(Boolean).slice(1);
const name = path[path.length - 1];
const source = path[0] === 'replay' && path.length > 1 ? `/replay/${name}/index.m3u8` : `/live/${name}/index.m3u8`;
const video = document.getElementById('video');
const state = document.getElementById('state');
const latency = document.getElementById('latency');
const quality = document.getElementById('quality');
document.getElementById('name').textContent = name;
document.title = name;

function say(text, live) {
  state.textContent = text;
  state.classList.toggle('live', Boolean(live));
}

function retry() {
  say('off air; looking again');
  setTimeout(start, 2000);
}

async function start() {
  const there = await fetch(source, { method: 'HEAD' }).catch(() => null);
  if (!there || !there.ok) return retry();
  if (window.Hls && Hls.isSupported()) return library();
  video.src = source;
  video.addEventListener('error', retry, { once: true });
}

function library() {
  const hls = new Hls({ maxLiveSyncPlaybackRate: 1.1 });
  window.hls = hls;
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    quality.replaceChildren(new Option('automatic', -1), ...hls.levels.map((level, at) => new Option(level.height ? `${level.height}p` : `quality ${at + 1}`, at)));
    document.getElementById('choice').hidden = hls.levels.length < 2;
    video.play().catch(() => say('press play'));
  });
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) return hls.recoverMediaError();
    hls.destroy();
    retry();
  });
  quality.onchange = () => { hls.nextLevel = Number(quality.value); };
  hls.loadSource(source);
  hls.attachMedia(video);
}

video.addEventListener('playing', () => say(window.hls && hls.latestLevelDetails && !hls.latestLevelDetails.live ? 'replay' : 'live', true));
video.addEventListener('waiting', () => say('buffering'));
setInterval(() => {
  const seconds = window.hls && hls.latency;
  latency.textContent = seconds > 0 && !video.paused ? `${seconds.toFixed(1)} s behind` : '';
}, 500);
start();
