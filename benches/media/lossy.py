"""The latency of `media` over a bad network: lossy.py [SECONDS [DELAY_MS JITTER_MS LOSS_PERCENT]]. Needs root and iproute2.

The viewer's Chromium lives in a network namespace. What the server sends to it is delayed by 40 ms ± 20 ms, each packet for itself, so
that they overtake one another, and 1 % of them are lost. The kernel's netem does it where it is there; otherwise this program does the
same to the packets of two TUN devices, so that the TCP stacks on both sides are the kernel's either way.
"""
import fcntl
import heapq
import os
import pathlib
import random
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time

from rig import end, here, latency, media, start, stop

seconds, delay, jitter, loss = [float(word) for word in sys.argv[1:]] + [60, 40, 20, 1][len(sys.argv) - 1:]
near, far, space = "10.213.0.1", "10.213.0.2", f"media-{os.getpid()}"


def run(*words):
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR)
    # TUNSETIFF; IFF_TUN | IFF_NO_PI.
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))
    return device


def carry(server, viewer):
    """Moves packets between the devices: late and not all of them to the viewer, at once and whole from it."""
    waiting, count = [], 0
    while not over.is_set():
        patience = max(0, waiting[0][0] - time.monotonic()) if waiting else 0.05
        ready, _, _ = select.select([server, viewer], [], [], patience)
        if viewer in ready:
            os.write(server, os.read(viewer, 65536))
        if server in ready:
            packet = os.read(server, 65536)
            if random.random() * 100 >= loss:
                count += 1
                due = time.monotonic() + (delay + random.uniform(-jitter, jitter)) / 1000
                heapq.heappush(waiting, (due, count, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(viewer, heapq.heappop(waiting)[2])


def connect():
    """The two ends and what is between them; says who does it."""
    ours, theirs = f"mn{os.getpid()}", f"mf{os.getpid()}"
    try:
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs)
        run("tc", "qdisc", "add", "dev", ours, "root", "netem", "delay", f"{delay}ms", f"{jitter}ms", "loss", f"{loss}%")
        by = "netem"
    except subprocess.CalledProcessError:
        subprocess.run(["ip", "link", "del", ours], stderr=subprocess.DEVNULL)
        threading.Thread(target=carry, args=(tun(ours), tun(theirs)), daemon=True).start()
        by = "TUN devices, because this kernel has no netem"
    run("ip", "link", "set", theirs, "netns", space)
    inside = ["ip", "netns", "exec", space, "ip"]
    run("ip", "addr", "add", near, "peer", far, "dev", ours)
    run("ip", "link", "set", ours, "up")
    run(*inside, "addr", "add", far, "peer", near, "dev", theirs)
    run(*inside, "link", "set", theirs, "up")
    run(*inside, "link", "set", "lo", "up")
    return ours, by


run("ip", "netns", "add", space)
link, over = None, threading.Event()
try:
    link, by = connect()
    with tempfile.TemporaryDirectory() as directory:
        process, push, modes = media(pathlib.Path(directory), host=near)
        time.sleep(1)
        encoder = start(here / "push.sh", push, seconds + 60)
        time.sleep(10)
        print(f"{delay:g} ms ± {jitter:g} ms, {loss:g} % lost, by {by}; load average {os.getloadavg()}", flush=True)
        print(latency(modes["low latency"][0], seconds, "ip", "netns", "exec", space))
        stop(encoder)
        stop(process)
finally:
    end()
    over.set()
    time.sleep(0.1)
    subprocess.run(["ip", "netns", "del", space])
    subprocess.run(["ip", "link", "del", link or "none"], stderr=subprocess.DEVNULL)
