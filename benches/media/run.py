"""Measures `media` beside nginx-rtmp in one run and prints a table: run.py [VIEWERS] [SECONDS].

Needs a release build, Debian's ffmpeg, chromium, nginx-light and libnginx-mod-rtmp, npm's playwright-core and hls.js (NODE_PATH). Figures
count only on a machine that does nothing else; the load average is printed with them.
"""
import os
import pathlib
import sys
import tempfile
import time

from rig import end, family, free_port, here, latency, load, media, memory, share, start, stop

viewers, seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 20


def nginx(directory):
    rtmp, http = free_port(), free_port()
    (directory / "hls").mkdir()
    directory.chmod(0o777)
    (directory / "hls").chmod(0o777)
    (directory / "nginx.conf").write_text(f"""
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1; pid {directory}/pid; error_log {directory}/error.log; daemon off;
events {{ worker_connections 4096; }}
rtmp {{ server {{ listen 127.0.0.1:{rtmp}; chunk_size 4096; application live {{ live on; hls on; hls_path {directory}/hls;
  hls_fragment 1s; hls_playlist_length 12s; }} }} }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  server {{ listen 127.0.0.1:{http}; location / {{ root {directory}/hls; add_header Access-Control-Allow-Origin *; }} }} }}
""")
    process = start("nginx", "-c", directory / "nginx.conf", "-p", directory)
    return process, f"rtmp://127.0.0.1:{rtmp}/live/demo", {"plain, 1 s": (f"http://127.0.0.1:{http}/demo.m3u8", "plain")}


def measure(name, begin):
    with tempfile.TemporaryDirectory() as directory:
        process, push, modes = begin(pathlib.Path(directory))
        time.sleep(1)
        encoder = start(here / "push.sh", push, 120 + 4 * len(modes) * seconds)
        time.sleep(10)
        pids = family(process.pid)
        idle = share(pids, 5)
        for mode, (url, kind) in modes.items():
            seen = latency(url, seconds)
            cost = load(url, kind, pids, idle, viewers, seconds)
            print(f"| {name}, {mode} | {seen.get('p50')} | {seen.get('p99')} | {seen.get('first_ms')} | {seen.get('freezes')} | {cost['core_percent_per_viewer']} "
                  f"| {cost['rss_mb']} | {cost['mbps']} | {cost['errors']} |", flush=True)
        stop(encoder)
        stop(process)


def ladder():
    with tempfile.TemporaryDirectory() as directory:
        process, push, _ = media(pathlib.Path(directory), "--ladder", "480p,360p")
        time.sleep(1)
        encoder = start(here / "push.sh", push, 60, 30, 1280, 704)
        time.sleep(12)
        pids = family(process.pid)
        print(f"\nLadder from 1280x704 at 30 frames: {share(pids, 20):.1f} % of a core for 480p and 360p, {len(pids) - 1} process, "
              f"{memory(pids[:1]):.1f} MB in the server", flush=True)
        stop(encoder)
        stop(process)


try:
    print(f"load average {os.getloadavg()}, {os.cpu_count()} cores, {viewers} viewers, {seconds} s each, 640x352 at 30 frames, 1.5 Mb/s\n")
    print("| server | p50 ms | p99 ms | first picture ms | freezes | % of a core per viewer | RSS MB | Mb/s | errors |\n|---|---|---|---|---|---|---|---|---|")
    measure("media", media)
    measure("nginx-rtmp", nginx)
    ladder()
    print(f"\nload average at the end {os.getloadavg()}")
finally:
    end()
