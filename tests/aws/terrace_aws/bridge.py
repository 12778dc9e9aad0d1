"""The way into moto: its backends, and its operations called directly with parsed parameters.

Calling moto's response methods directly (instead of through its WSGI application) is what makes the server fast: no Flask
routing, no second parsing, no template. Services without rules still go through the WSGI application (`fallback.py`).
"""

import json
from functools import cache
from typing import Any

from botocore import xform_name
from moto.autoscaling.models import autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.parse import XFormedDict
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.elbv2.models import elbv2_backends
from moto.elbv2.responses import ELBV2Response
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.rds.models import rds_backends
from moto.rds.responses import RDSResponse
from moto.resourcegroupstaggingapi.models import resourcegroupstaggingapi_backends
from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from werkzeug.exceptions import HTTPException

from .fault import Fault
from .wire.pick import picker

#: By service name as it is signed: moto's response class, botocore's model name, whether it is one for all regions.
SERVICES: dict[str, tuple[Any, str, bool]] = {
    "ec2": (EC2Response, "ec2", False),
    "iam": (IamResponse, "iam", True),
    "sts": (TokenResponse, "sts", True),
    "elasticloadbalancing": (ELBV2Response, "elbv2", False),
    "autoscaling": (AutoScalingResponse, "autoscaling", False),
    "rds": (RDSResponse, "rds", False),
    "ssm": (SimpleSystemManagerResponse, "ssm", False),
    "tagging": (ResourceGroupsTaggingAPIResponse, "resourcegroupstaggingapi", False),
}

_BACKENDS: dict[str, Any] = {
    "ec2": ec2_backends,
    "iam": iam_backends,
    "sts": sts_backends,
    "elasticloadbalancing": elbv2_backends,
    "autoscaling": autoscaling_backends,
    "rds": rds_backends,
    "ssm": ssm_backends,
    "secretsmanager": secretsmanager_backends,
    "tagging": resourcegroupstaggingapi_backends,
}


def backend(service: str, account: str, region: str) -> Any:
    """Moto's backend of one service, account and region."""
    everywhere = service in ("iam", "sts")
    return _BACKENDS[service][account]["aws" if everywhere else region]


@cache
def model(service: str) -> Any:
    """The service's model: its operations and shapes."""
    return get_service_model(SERVICES[service][1])


@cache
def operation_model(service: str, action: str) -> Any:
    """The model of one operation; a `Fault` where the service has none of that name."""
    if action not in model(service).operation_names:
        raise Fault("InvalidAction", f"The action {action} is not valid for this web service.")
    return model(service).operation_model(action)


@cache
def prepared(service: str, action: str) -> tuple[Any, str, Any]:
    """Moto's response class, its method, and what turns the result into data."""
    response_class = SERVICES[service][0]
    method = camelcase_to_underscores(action)
    if not hasattr(response_class, method):
        raise Fault("NotImplemented", f"the test server does not know {service} {action}", 501)
    transformers = tuple((response_class.RESPONSE_KEY_PATH_TO_TRANSFORMER or {}).items())
    output = operation_model(service, action).output_shape
    # Moto matches its transformers against "<operation>.<output shape>.<member>…".
    pick = picker(output, f"{action}.{output.name}", transformers) if output is not None else None
    return response_class, method, pick


def _xformed(value: Any) -> Any:
    if isinstance(value, dict):
        return XFormedDict({key: _xformed(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_xformed(item) for item in value]
    return value


def run(service: str, action: str, account: str, region: str, params: dict[str, Any]) -> dict[str, Any]:
    """Runs one operation of moto and returns its result as plain data."""
    response_class, method, pick = prepared(service, action)
    response = response_class()
    response.region = region
    response.partition = "aws"
    response.current_account = account
    response.access_key = "AKIATEST" + account
    response.params = _xformed(params) if service == "rds" else dict(params)
    response.uri_match = {}
    response.querystring = response.data = {"Action": [action]}
    response.headers = {}
    response.body = json.dumps(params) if service == "ssm" else ""
    response.method = "POST"
    response.uri = f"https://{service}.{region}.amazonaws.com/"
    response.response_headers = {}
    try:
        result = getattr(response, method)()
    except Fault:
        raise
    except ServiceException as error:
        raise Fault(error.code, error.message) from error
    except HTTPException as error:
        raise Fault(
            getattr(error, "error_type", "InternalFailure"), getattr(error, "message", str(error)), error.code
        ) from error
    if isinstance(result, ActionResult):
        return pick(result.result) if pick is not None and result.result is not None else {}
    if isinstance(result, tuple):
        result = result[-1] if isinstance(result[-1], str) else result[0]
    return json.loads(result) if result else {}


def snake(name: str) -> str:
    """`CreateVpc` as `create_vpc`."""
    return xform_name(name)
