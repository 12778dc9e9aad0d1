"""Writes raw grey video whose frames carry the time at which they were made.

clock.py FPS SECONDS [WIDTH HEIGHT]: the two upper rows of 32x32 blocks hold 40 bits: Unix milliseconds modulo 2^32 and a check byte.
Below them lies noise that changes ten times a second, so that the encoder has something to do.
"""
import random
import sys
import time

fps, seconds = int(sys.argv[1]), float(sys.argv[2])
width, height = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 4 else (640, 352)
white, black = b"\xeb" * 32, b"\x10" * 32
margin = b"\x80" * (width - 640)
values = random.Random(1)


def noise():
    rows = [b"".join(bytes([values.randrange(60, 180)]) * 8 for _ in range(width // 8)) for _ in range((height - 64) // 8)]
    return b"".join(row * 8 for row in rows)


pictures = [noise() for _ in range(8)]
begin, count = time.time(), 0
while True:
    wait = begin + count / fps - time.time()
    if wait > 0:
        time.sleep(wait)
    now = time.time()
    if now - begin > seconds:
        break
    stamp = int(now * 1000) & 0xFFFFFFFF
    check = (stamp ^ stamp >> 8 ^ stamp >> 16 ^ stamp >> 24) & 0xFF
    bits = f"{stamp << 8 | check:040b}"
    rows = [b"".join(white if bit == "1" else black for bit in half) + margin for half in (bits[:20], bits[20:])]
    sys.stdout.buffer.write(rows[0] * 32 + rows[1] * 32 + pictures[count // 3 % 8])
    sys.stdout.buffer.flush()
    count += 1
