"""From an HTTP request to its reply: who asks, what is asked, which rules apply, how the answer is written.

Order of the steps, as on AWS: throttling, injected failures, parameter parsing, lag (what is not yet seen does not exist),
the operation itself, then lag and paging on what it lists.
"""

import json
import logging
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import cbor2
from moto.core.errors import ErrorLookupFactory
from moto.iam.models import get_account_id_from

from . import control, fallback, lag, paging, stale, throttle, unkept, validate
from .account import Account, Accounts
from .bridge import SERVICES, model, operation_model
from .call import HANDLERS, Call, perform
from .fault import Fault
from .wire.parse import reader, tree
from .wire.write import plain_json, xml_error, xml_reply

log = logging.getLogger("terrace_aws")

_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_ACCOUNT_KEY = re.compile(r"A[KS]IATEST(\d{12})$")
_ERRORS = ErrorLookupFactory()


@dataclass(slots=True)
class Request:
    """An HTTP request, as far as an AWS service looks at it; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """An HTTP reply."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Front:
    """Answers requests for all accounts."""

    def __init__(self) -> None:
        self.accounts = Accounts()

    def answer(self, request: Request) -> Reply:
        """The reply to one request; never raises."""
        if request.target.startswith("/_terrace/"):
            status, data = control.answer(self.accounts, request.method, request.target, request.body)
            return Reply(status, "application/json", json.dumps(data).encode())
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        if scope is None:
            return Reply(
                403,
                "text/xml",
                xml_error("query", "MissingAuthenticationToken", "Missing Authentication Token", 403, ""),
            )
        access_key, region, service = scope.groups()
        account = self.accounts[account_of(access_key)]
        if service not in SERVICES:
            return self._other(account, service, request)
        return self._call(account, service, region, request)

    def _other(self, account: Account, service: str, request: Request) -> Reply:
        """A service without rules: counted, throttled and failed like the others, answered by moto's application."""
        action = fallback.action(request)
        account.counts[f"{service}.{action}"] += 1
        outcome = "ok"
        try:
            throttle.check(account, service, action, {"": ""})
            _injected(account, service, action)
            reply = Reply(*fallback.answer(request, account.name))
            outcome = "ok" if reply.status < 300 else str(reply.status)
            return reply
        except Fault as fault:
            outcome = fault.code
            protocol = "json" if "x-amz-target" in request.headers else "query"
            protocol = "cbor" if request.target.startswith("/service/") else protocol
            return _refusal(protocol, fault.code, fault.message, fault.status or 400, str(uuid.uuid4()))
        finally:
            account.log.append((account.now(), f"{service}.{action}", outcome))

    def _call(self, account: Account, service: str, region: str, request: Request) -> Reply:
        request_id = str(uuid.uuid4())
        protocol = _protocol(service, request)
        outcome = "ok"
        action = "?"
        try:
            action, parameters = _read(protocol, request)
            account.counts[f"{service}.{action}"] += 1
            throttle.check(account, service, action, parameters)
            _injected(account, service, action)
            operation = operation_model(service, action)
            shape = operation.input_shape
            if protocol in ("json", "cbor") or shape is None:
                params = parameters if protocol in ("json", "cbor") else {}
            else:
                params = reader(shape, protocol == "ec2")(parameters, "")
            validate.check(service, operation, params)
            call = Call(account, service, region, action, operation, params)
            unkept.check(call, (service, action) in HANDLERS)
            lag.check(call)
            pages = paging.take(call)
            rows = stale.before(call)
            result = perform(call)
            stale.after(call, rows)
            lag.apply(call, result)
            stale.apply(call, result)
            if pages is not None:
                paging.apply(pages, result)
            return _success(protocol, operation, result, request_id)
        except Fault as fault:
            outcome = fault.code
            return _failure(service, protocol, fault, request_id)
        except Exception as error:
            log.exception("%s.%s failed", service, action)
            outcome = "InternalFailure"
            return _failure(
                service, protocol, Fault("InternalFailure", f"{type(error).__name__}: {error}", 500), request_id
            )
        finally:
            account.log.append((account.now(), f"{service}.{action}", outcome))


def account_of(access_key: str) -> str:
    """The account an access key belongs to: `AKIATEST` and twelve digits name it, any other key is looked up by moto."""
    named = _ACCOUNT_KEY.match(access_key)
    return named.group(1) if named else get_account_id_from(access_key)


def _protocol(service: str, request: Request) -> str:
    """`ec2`, `query`, `json` or `cbor`."""
    if request.target.startswith("/service/"):
        return "cbor"
    declared = model(service).protocol
    return declared if declared in ("ec2", "query") else "json"


def _read(protocol: str, request: Request) -> tuple[str, dict[str, Any]]:
    if protocol == "cbor":
        return fallback.action(request), cbor2.loads(request.body) if request.body else {}
    if protocol == "json":
        action = request.headers.get("x-amz-target", "").rpartition(".")[2]
        return action, json.loads(request.body or b"{}")
    text = request.body.decode() or request.target.partition("?")[2]
    parameters = tree(parse_qsl(text, keep_blank_values=True))
    action = parameters.pop("Action", "")
    parameters.pop("Version", None)
    return action, parameters


def _injected(account: Account, service: str, action: str) -> None:
    for failure in account.failures:
        if failure["action"] in ("*", f"{service}.{action}") and failure["times"] > 0:
            failure["times"] -= 1
            raise Fault(failure["code"], failure["message"], failure["status"])


def _success(protocol: str, operation: Any, result: dict[str, Any], request_id: str) -> Reply:
    if protocol == "cbor":
        shape = operation.output_shape
        data = plain_json(shape, result, lambda at: cbor2.CBORTag(1, at)) if shape is not None else {}
        return Reply(200, "application/cbor", cbor2.dumps(data), (("smithy-protocol", "rpc-v2-cbor"),))
    if protocol == "json":
        shape = operation.output_shape
        body = json.dumps(plain_json(shape, result) if shape is not None else {}).encode()
        version = operation.service_model.metadata.get("jsonVersion", "1.1")
        return Reply(200, f"application/x-amz-json-{version}", body, (("x-amzn-RequestId", request_id),))
    body = xml_reply(operation, protocol, result, request_id)
    return Reply(200, "text/xml;charset=UTF-8", body, (("x-amzn-RequestId", request_id),))


def _failure(service: str, protocol: str, fault: Fault, request_id: str) -> Reply:
    code, status = fault.code, fault.status
    shape = _ERRORS.for_service(model(service)).from_code(code)
    if shape is not None:
        code = shape.error_code if protocol in ("ec2", "query") else shape.name
        status = status or shape.metadata.get("error", {}).get("httpStatusCode")
    return _refusal(protocol, code, fault.message, status or 400, request_id)


def _refusal(protocol: str, code: str, message: str, status: int, request_id: str) -> Reply:
    """An error reply."""
    if protocol == "cbor":
        body = cbor2.dumps({"__type": code, "message": message})
        return Reply(status, "application/cbor", body, (("smithy-protocol", "rpc-v2-cbor"),))
    if protocol == "json":
        body = json.dumps({"__type": code, "message": message}).encode()
        return Reply(
            status, "application/x-amz-json-1.1", body, (("x-amzn-ErrorType", code), ("x-amzn-RequestId", request_id))
        )
    return Reply(status, "text/xml;charset=UTF-8", xml_error(protocol, code, message, status, request_id))
