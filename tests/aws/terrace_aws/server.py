"""HTTP/1.1 on the loopback, on one thread: reads requests, hands them to the front, writes replies.

One thread is on purpose: moto's backends are not made for several, a call takes well under a millisecond of Python, and the
interpreter would not run two at once anyway. Connections are kept alive and may be pipelined.
"""

import asyncio
import sys

from .front import Front, Reply, Request

_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
}


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, front: Front):
        self.front = front
        self.pending = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.pending = self.pending + data if self.pending else data
        while self.transport is not None and not self.transport.is_closing():
            request, used, close = _parse(self.pending)
            if request is None:
                if used < 0:
                    self.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                    self.transport.close()
                elif (
                    used == 0 and b"100-continue" in self.pending[:4096].lower() and self.pending.endswith(b"\r\n\r\n")
                ):
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self.pending = self.pending[used:]
            self.transport.write(_encode(self.front.answer(request), request.method))
            if close:
                self.transport.close()


def _parse(data: bytes) -> tuple[Request | None, int, bool]:
    """One request from the front of the data, how many bytes it took (-1: malformed), and whether to close after it."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None, 0, False
    lines = data[:end].decode("latin-1").split("\r\n")
    first = lines[0].split(" ")
    if len(first) != 3:
        return None, -1, True
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    start = end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body, used = _chunks(data, start)
        if body is None:
            return None, 0, False
    else:
        length = int(headers.get("content-length") or 0)
        used = start + length
        if len(data) < used:
            return None, 0, False
        body = data[start:used]
    close = headers.get("connection", "").lower() == "close" or first[2] == "HTTP/1.0"
    return Request(first[0], first[1], headers, body), used, close


def _chunks(data: bytes, at: int) -> tuple[bytes | None, int]:
    parts = []
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return None, 0
        size = int(data[at:line].split(b";")[0], 16)
        at = line + 2
        if len(data) < at + size + 2:
            return None, 0
        if size == 0:
            return b"".join(parts), at + 2
        parts.append(data[at : at + size])
        at += size + 2


def _encode(reply: Reply, method: str) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}\r\n"
        f"content-type: {reply.content_type}\r\ncontent-length: {len(reply.body)}\r\n"
    )
    for name, value in reply.headers:
        head += f"{name}: {value}\r\n"
    return head.encode("latin-1") + b"\r\n" + (b"" if method == "HEAD" else reply.body)


async def serve(port: int, front: Front, stop: asyncio.Event) -> None:
    """Serves until told to stop; prints the address once it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(front), "127.0.0.1", port)
    number = server.sockets[0].getsockname()[1]
    print(f"listening on http://127.0.0.1:{number}", flush=True)
    await stop.wait()
    server.close()
    sys.stdout.flush()
