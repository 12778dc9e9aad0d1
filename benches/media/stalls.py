"""Stalls of one viewer with hls.js defaults over a long time: stalls.py [SECONDS], ten minutes unless told otherwise."""
import os
import pathlib
import sys
import tempfile
import time

from rig import end, here, latency, media, start, stop

seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
try:
    with tempfile.TemporaryDirectory() as directory:
        process, push, modes = media(pathlib.Path(directory))
        time.sleep(1)
        encoder = start(here / "push.sh", push, seconds + 60)
        time.sleep(10)
        print(f"{seconds} s, load average {os.getloadavg()}", flush=True)
        print(latency(modes["low latency"][0], seconds), f"load average at the end {os.getloadavg()}")
        stop(encoder)
        stop(process)
finally:
    end()
