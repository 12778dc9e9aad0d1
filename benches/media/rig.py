"""What the measurements share: processes, what they use, `media`, and one viewer in Chromium."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

here = pathlib.Path(__file__).resolve().parent
program = os.environ.get("MEDIA", here.parents[1] / "target/release/media")
running = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*command, **options):
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, **options)
    running.append(process)
    return process


def stop(process):
    # The process and its children, in the group that was made for them.
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=5)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGKILL)


def family(pid):
    """The process and its children."""
    lists = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid] + [int(child) for children in lists for child in children.split()]


def used(pids):
    """CPU seconds so far, by the processes' CPU clocks: /proc counts in hundredths, which is too coarse for an idle server."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def memory(pids):
    """Resident megabytes."""
    lines = [line for pid in pids for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return sum(int(line.split()[1]) for line in lines) / 1024


def share(pids, span):
    """Share of one core over a span."""
    before, began = used(pids), time.time()
    time.sleep(span)
    return (used(pids) - before) / (time.time() - began) * 100


def load(url, mode, pids, idle, viewers, seconds):
    """What many viewers cost: share of a core each, less what the server uses without them, and resident megabytes."""
    before, began = used(pids), time.time()
    process = subprocess.Popen([sys.executable, here / "viewers.py", url, str(viewers), str(seconds), mode], stdout=subprocess.PIPE, text=True)
    time.sleep(seconds * 0.8)
    resident = memory(pids)
    said = json.loads(process.communicate()[0])
    busy = (used(pids) - before) / (time.time() - began) * 100
    return {"core_percent_per_viewer": round((busy - idle) / viewers, 4), "rss_mb": round(resident, 1), **said}


def latency(url, seconds, *before):
    output = subprocess.run([*before, "node", here / "latency.mjs", url, "8", str(seconds)], capture_output=True, text=True)
    return json.loads(output.stdout) if output.stdout else {"error": output.stderr[-300:]}


def media(directory, *extra, host="127.0.0.1"):
    rtmp, http, admin = free_port(), free_port(), free_port()
    process = start(program, "serve", "--data", directory / "data", "--rtmp", f"127.0.0.1:{rtmp}", "--http", f"{host}:{http}", "--admin",
                    f"127.0.0.1:{admin}", "--drain-s", "0", "--thumbnail-s", "0", *(extra or ("--ladder", "off")), env={**os.environ, "MEDIA_STREAMS": "demo=key"})
    base = f"http://{host}:{http}/live/demo/"
    return process, f"rtmp://127.0.0.1:{rtmp}/live/key", {"low latency": (base + "index.m3u8", "low"), "plain": (base + "plain.m3u8", "plain")}


def end():
    """Stops what still runs."""
    for process in running:
        if process.poll() is None:
            stop(process)
