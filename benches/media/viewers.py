"""Many HLS viewers in one process: viewers.py URL COUNT SECONDS low|plain. Prints JSON.

`low` reloads with _HLS_msn, _HLS_part and _HLS_skip where it is offered, as hls.js does, and fetches each part; `plain` polls once a
second and fetches each segment. Each viewer keeps one HTTP/1.1 connection, as a player does.
"""
import asyncio
import json
import re
import sys
import time
from urllib.parse import urljoin, urlsplit

url, count, seconds, mode = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
total = {"playlists": 0, "media": 0, "bytes": 0, "errors": 0}
waits = []


class Connection:
    def __init__(self, host, port):
        self.host, self.port, self.streams = host, port, None

    async def get(self, path, keep):
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
        reader, writer = self.streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        left = int(re.search(rb"content-length: *(\d+)", head).group(1))
        pieces = []
        while left:
            piece = await reader.read(min(left, 1 << 18))
            if not piece:
                raise EOFError
            left -= len(piece)
            total["bytes"] += len(piece)
            if keep:
                pieces.append(piece)
        return int(head.split(b" ")[1]), b"".join(pieces).decode() if keep else ""


async def viewer(number, media, end):
    await asyncio.sleep(number / count)
    parts = urlsplit(media)
    connection, query, last = Connection(parts.hostname, parts.port), "", None
    while time.time() < end:
        began = time.time()
        try:
            status, text = await connection.get(parts.path + query, True)
            total["playlists"] += 1
            if status != 200:
                raise ValueError(status)
            if mode == "low":
                names = re.findall(r'#EXT-X-PART:[^\n]*URI="([^"]+)"', text)
            else:
                names = [line for line in text.split("\n") if line and not line.startswith("#")]
            new = names[names.index(last) + 1:] if last in names else names[-1:]
            for name in new:
                asked = time.time()
                status, _ = await connection.get(urlsplit(urljoin(media, name)).path, False)
                waits.append(time.time() - asked)
                total["media"] += 1
                total["errors"] += status != 200
                last = name
            if mode == "low":
                skipped = re.search(r"SKIPPED-SEGMENTS=(\d+)", text)
                sequence = int(re.search(r"MEDIA-SEQUENCE:(\d+)", text).group(1)) + int(skipped.group(1) if skipped else 0) + text.count("#EXTINF")
                open_parts = text.rsplit("#EXTINF", 1)[-1].split("\n", 2)[-1].count("#EXT-X-PART:")
                skip = "&_HLS_skip=YES" if "CAN-SKIP-UNTIL" in text else ""
                query = f"?_HLS_msn={sequence}&_HLS_part={open_parts}{skip}"
        except Exception:
            total["errors"] += 1
            connection.streams, query = None, ""
            await asyncio.sleep(0.2)
        if mode == "plain":
            await asyncio.sleep(max(0, began + 1 - time.time()))


async def main():
    parts = urlsplit(url)
    _, text = await Connection(parts.hostname, parts.port).get(parts.path, True)
    variants = [line for line in text.split("\n") if ".m3u8" in line and not line.startswith("#")]
    media = urljoin(url, variants[0]) if variants else url
    end = time.time() + seconds
    await asyncio.gather(*[viewer(number, media, end) for number in range(count)])


asyncio.run(main())
waits.sort()
quantile = lambda part: round(waits[int((len(waits) - 1) * part)] * 1000, 1) if waits else None
print(json.dumps({**total, "mbps": round(total["bytes"] * 8 / seconds / 1e6), "media_p50_ms": quantile(0.5), "media_p99_ms": quantile(0.99)}))
