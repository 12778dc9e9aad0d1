"""What many viewers of `media` cost, some times over, each with a server of its own: load.py [VIEWERS [SECONDS [low|plain [TIMES]]]]."""
import os
import pathlib
import sys
import tempfile
import time

from rig import end, family, here, load, media, share, start, stop

given = dict(enumerate(sys.argv[1:]))
viewers, seconds, mode, times = int(given.get(0, 200)), int(given.get(1, 20)), given.get(2, "low"), int(given.get(3, 1))
try:
    for _ in range(times):
        with tempfile.TemporaryDirectory() as directory:
            process, push, modes = media(pathlib.Path(directory))
            time.sleep(1)
            encoder = start(here / "push.sh", push, seconds + 60)
            time.sleep(10)
            pids = family(process.pid)
            url = modes["low latency" if mode == "low" else "plain"][0]
            print(load(url, mode, pids, share(pids, 5), viewers, seconds), f"load average {os.getloadavg()[0]:.2f}", flush=True)
            stop(encoder)
            stop(process)
finally:
    end()
