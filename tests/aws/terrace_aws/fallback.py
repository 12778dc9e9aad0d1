"""Services without rules of their own, answered by moto's WSGI application; CloudWatch's CBOR is translated on the way.

Slow (several milliseconds a call) and only as strict as moto is.
"""

import datetime
import io
import json
import re
from typing import Any

import cbor2
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

_application: Any = None
# https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html: the path names service and operation.
_RPC = re.compile(r"^/service/([A-Za-z0-9_]+)/operation/([A-Za-z0-9_]+)$")


def answer(request: Any, account: str) -> tuple[int, str, bytes, tuple[tuple[str, str], ...]]:
    """Status, content type, body and other headers."""
    called = _RPC.match(request.target)
    if called is None:
        return _wsgi(request.method, request.target, request.headers, request.body, account)
    sent = cbor2.loads(request.body) if request.body else {}
    headers = {name: value for name, value in request.headers.items() if name != "smithy-protocol"}
    headers["content-type"] = "application/x-amz-json-1.0"
    headers["x-amz-target"] = f"{called.group(1)}.{called.group(2)}"
    status, _, body, _ = _wsgi("POST", "/", headers, json.dumps(_to_json(sent)).encode(), account)
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        status, data = 500, {"__type": "InternalFailure", "message": body[:200].decode("utf-8", "replace")}
    if status >= 300 and "__type" in data:
        data["__type"] = data["__type"].rpartition("#")[2]
    return status, "application/cbor", cbor2.dumps(_to_cbor(data)), (("smithy-protocol", "rpc-v2-cbor"),)


def action(request: Any) -> str:
    """The operation a request asks for, as far as it can be told from outside."""
    called = _RPC.match(request.target)
    if called is not None:
        return called.group(2)
    target = request.headers.get("x-amz-target")
    if target:
        return target.rpartition(".")[2]
    named = _ACTION.search(request.body[:4096])
    return named.group(1).decode() if named else request.method


_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")


def _wsgi(
    method: str, target: str, headers: dict[str, str], body: bytes, account: str
) -> tuple[int, str, bytes, tuple[tuple[str, str], ...]]:
    global _application
    if _application is None:
        _application = DomainDispatcherApplication(create_backend_app)
    path, _, query = target.partition("?")
    environment: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        if name not in ("content-type", "content-length", "transfer-encoding"):
            environment["HTTP_" + name.upper().replace("-", "_")] = value
    environment["HTTP_X_MOTO_ACCOUNT_ID"] = account
    got: dict[str, Any] = {}

    def start(status: str, reply_headers: list[tuple[str, str]], _error: Any = None) -> None:
        got["status"] = int(status.split(" ", 1)[0])
        got["headers"] = reply_headers

    content = b"".join(_application(environment, start))
    kept = {name.lower(): value for name, value in got["headers"]}
    kind = kept.pop("content-type", "text/plain")
    kept.pop("content-length", None)
    return got["status"], kind, content, tuple(kept.items())


_TIMES = re.compile(r"(Timestamps?|StartTime|EndTime|LastModified|.*(Date|Timestamp))$")
_FLOATS = {"Threshold", "Values", "Sum", "Average", "Minimum", "Maximum", "SampleCount"}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value


def _to_cbor(value: Any, name: str = "") -> Any:
    """JSON data as CBOR wants it: times under tag 1, doubles as doubles."""
    if isinstance(value, dict):
        return {key: _to_cbor(item, key) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_to_cbor(item, name) for item in value]
    if _TIMES.match(name):
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
        return cbor2.CBORTag(1, float(value))
    if name in _FLOATS and isinstance(value, int):
        return float(value)
    return value
