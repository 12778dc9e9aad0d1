"""Listeners: their ports, certificates, policies and default actions.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
"""

from typing import Any

from moto.acm.models import acm_backends
from moto.elbv2.ssl_policies import SSL_POLICIES
from moto.iam.models import iam_backends

from .. import elb
from ..call import Call, operation
from ..fault import Fault

_PROTOCOLS = {"application": ("HTTP", "HTTPS"), "network": ("TCP", "TLS", "UDP", "TCP_UDP"), "gateway": ("GENEVE",)}
_SECURE = ("HTTPS", "TLS")
_POLICY = "ELBSecurityPolicy-2016-08"
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
_ATTRIBUTES = {
    "routing.http.response.server.enabled": "true",
    **{f"routing.http.response.{name}.header_value": "" for name in (
        "strict_transport_security", "access_control_allow_origin", "access_control_allow_methods",
        "access_control_allow_headers", "access_control_allow_credentials", "access_control_expose_headers",
        "access_control_max_age", "content_security_policy", "x_content_type_options", "x_frame_options",
    )},
}  # fmt: skip


def actions(call: Call, asked: list[dict], owner: str) -> list[dict]:
    """Actions as AWS shows them, every default filled in; refuses what they cannot do."""
    if not asked:
        raise Fault("ValidationError", "At least one action must be specified")
    shown = []
    for index, action in enumerate(asked):
        kind = action["Type"]
        row: dict[str, Any] = {"Type": kind}
        if "Order" in action or len(asked) > 1:
            row["Order"] = action.get("Order", index + 1)
        if kind == "forward":
            row |= _forward(call, action, owner)
        elif kind == "redirect":
            config = action.get("RedirectConfig") or {}
            if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
                raise Fault("ValidationError", "A redirect action must have a status code of HTTP_301 or HTTP_302")
            row["RedirectConfig"] = {
                "Protocol": "#{protocol}",
                "Port": "#{port}",
                "Host": "#{host}",
                "Path": "/#{path}",
                "Query": "#{query}",
            } | config
            if (
                all(row["RedirectConfig"][name] == "#{" + name.lower() + "}" for name in ("Protocol", "Port", "Host"))
                and row["RedirectConfig"]["Path"] == "/#{path}"
            ):
                raise Fault(
                    "InvalidLoadBalancerAction",
                    "The redirect action would cause a loop: change protocol, port, host or path",
                )
        elif kind == "fixed-response":
            config = action.get("FixedResponseConfig") or {}
            if not (
                config.get("StatusCode", "").isdigit()
                and config["StatusCode"][0] in "245"
                and len(config["StatusCode"]) == 3
            ):
                raise Fault(
                    "ValidationError", f"Value '{config.get('StatusCode')}' at 'statusCode' must match ^(2|4|5)\\d\\d$"
                )
            if len(config.get("MessageBody", "")) > 1024:
                raise Fault("ValidationError", "The message body of a fixed response is at most 1024 characters")
            row["FixedResponseConfig"] = dict(config)
        else:
            row |= {name: value for name, value in action.items() if name not in row}
        shown.append(row)
    if asked and shown[-1]["Type"] not in ("forward", "redirect", "fixed-response"):
        raise Fault("InvalidLoadBalancerAction", "The last action must be forward, redirect or fixed-response")
    return shown


def _forward(call: Call, action: dict, owner: str) -> dict:
    config = action.get("ForwardConfig") or {}
    targets = [
        {"Weight": 1} | item
        for item in config.get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
    ]
    if not targets[0].get("TargetGroupArn"):
        raise Fault("ValidationError", "A target group ARN must be specified")
    for item in targets:
        arn = item["TargetGroupArn"]
        if arn not in elb.groups(call):
            raise Fault("TargetGroupNotFound", f"Target groups '{arn}' not found")
        # "A target group can be used with one load balancer": TargetGroupAssociationLimit
        if any(user != owner for user in elb.users(call, arn)):
            raise Fault(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            )
        balancer = elb.balancers(call)[owner]["row"]
        if elb.groups(call)[arn]["row"].get("VpcId", balancer["VpcId"]) != balancer["VpcId"]:
            raise Fault("InvalidConfigurationRequest", "The target group and the load balancer are in different VPCs")
    sticky = config.get("TargetGroupStickinessConfig") or {"Enabled": False}
    row: dict[str, Any] = {"ForwardConfig": {"TargetGroups": targets, "TargetGroupStickinessConfig": sticky}}
    if len(targets) == 1:
        row["TargetGroupArn"] = targets[0]["TargetGroupArn"]
    return row


def _certificate(call: Call, arn: str) -> str:
    """The certificate must be there, and issued."""
    name = call.account.name
    if ":acm:" in arn:
        held = acm_backends[name][call.region]._certificates.get(arn) if dict.__contains__(acm_backends, name) else None
        if held is None:
            raise Fault("CertificateNotFound", f"Certificate '{arn}' not found")
        if held.status != "ISSUED":
            raise Fault("UnsupportedCertificate", f"The certificate '{arn}' must have a fully-qualified domain name, a supported "
                                                  "signature, and a supported key size.")  # fmt: skip
        return arn
    held_names = {item.arn for item in iam_backends[name]["aws"].certificates.values()}
    if arn not in held_names:
        raise Fault("CertificateNotFound", f"Certificate '{arn}' not found")
    return arn


def _secure(call: Call, row: dict) -> None:
    """What the protocol asks for: a certificate and a policy, or neither."""
    if row["Protocol"] not in _SECURE:
        if call.get("Certificates") or call.get("SslPolicy"):
            raise Fault(
                "ValidationError", f"A certificate or SSL policy cannot be specified for {row['Protocol']} listeners"
            )
        row.pop("Certificates", None)
        row.pop("SslPolicy", None)
        return
    if "Certificates" in call.params:
        if len(call.params["Certificates"]) != 1:
            raise Fault(
                "TooManyCertificates" if call.params["Certificates"] else "ValidationError",
                "You must specify exactly one certificate",
            )
        row["Certificates"] = [{"CertificateArn": _certificate(call, call.params["Certificates"][0]["CertificateArn"])}]
    if not row.get("Certificates"):
        raise Fault("ValidationError", f"A certificate must be specified for {row['Protocol']} listeners")
    row["SslPolicy"] = call.get("SslPolicy", row.get("SslPolicy", _POLICY))
    if row["SslPolicy"] not in SSL_POLICIES and row["SslPolicy"] not in _NEWER:
        raise Fault("SSLPolicyNotFound", f"SSL policy '{row['SslPolicy']}' not found")


#: Policies younger than moto's list.
_NEWER = ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09")


@operation("elasticloadbalancing", "CreateListener")
def create_listener(call: Call) -> dict:
    """A port is taken once: the same settings get the same listener, others `DuplicateListener`."""
    owner = call.params["LoadBalancerArn"]
    balancer = elb.balancer(call, owner)
    tags = elb.tags_of(call)
    port, protocol = call.get("Port"), call.get("Protocol")
    kind = balancer["row"]["Type"]
    if port is None or protocol is None:
        raise Fault("ValidationError", "A listener " + ("port" if port is None else "protocol") + " must be specified")
    if protocol not in _PROTOCOLS[kind]:
        raise Fault("ValidationError", f"Listener protocol '{protocol}' must be one of '{', '.join(_PROTOCOLS[kind])}'")
    row: dict[str, Any] = {"LoadBalancerArn": owner, "Port": port, "Protocol": protocol}
    _secure(call, row)
    if "AlpnPolicy" in call.params:
        row["AlpnPolicy"] = call.params["AlpnPolicy"]
    if "MutualAuthentication" in call.params:
        row["MutualAuthentication"] = call.params["MutualAuthentication"]
    row["DefaultActions"] = actions(call, call.params["DefaultActions"], owner)
    for held in elb.listeners(call).values():
        if held["row"]["LoadBalancerArn"] == owner and held["row"]["Port"] == port:
            if {name: value for name, value in held["row"].items() if name != "ListenerArn"} == row and held[
                "tags"
            ] == tags:
                call.replayed = True
                return {"Listeners": [held["row"]]}
            raise Fault("DuplicateListener", f"A listener already exists on this port for this load balancer '{owner}'")
    arn = owner.replace(":loadbalancer/", ":listener/") + f"/{elb.hexadecimal()}"
    row["ListenerArn"] = arn
    elb.listeners(call)[arn] = {"row": row, "tags": tags, "more": [], "attributes": dict(_ATTRIBUTES)}
    rule = arn.replace(":listener/", ":listener-rule/") + f"/{elb.hexadecimal()}"
    elb.rules(call)[rule] = {
        "row": {"RuleArn": rule, "Priority": "default", "Conditions": [], "Actions": row["DefaultActions"], "IsDefault": True},
        "listener": arn, "tags": {},
    }  # fmt: skip
    return {"Listeners": [row]}


@operation("elasticloadbalancing", "DescribeListeners")
def describe_listeners(call: Call) -> dict:
    owner, arns = call.get("LoadBalancerArn"), call.get("ListenerArns")
    if not owner and not arns:
        raise Fault("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
    if arns:
        return {"Listeners": [elb.listener(call, arn)["row"] for arn in arns]}
    elb.balancer(call, owner)
    return {
        "Listeners": [held["row"] for held in elb.listeners(call).values() if held["row"]["LoadBalancerArn"] == owner]
    }


@operation("elasticloadbalancing", "ModifyListener")
def modify_listener(call: Call) -> dict:
    arn = call.params["ListenerArn"]
    held = elb.listener(call, arn)
    row = dict(held["row"])
    owner = row["LoadBalancerArn"]
    row |= {
        name: call.params[name]
        for name in ("Port", "Protocol", "AlpnPolicy", "MutualAuthentication")
        if name in call.params
    }
    if row["Protocol"] not in _PROTOCOLS[elb.balancer(call, owner)["row"]["Type"]]:
        raise Fault("ValidationError", f"Listener protocol '{row['Protocol']}' is not supported")
    for name, other in elb.listeners(call).items():
        if name != arn and other["row"]["LoadBalancerArn"] == owner and other["row"]["Port"] == row["Port"]:
            raise Fault("DuplicateListener", f"A listener already exists on this port for this load balancer '{owner}'")
    _secure(call, row)
    if "DefaultActions" in call.params:
        row["DefaultActions"] = actions(call, call.params["DefaultActions"], owner)
    held["row"] = row
    if row["Protocol"] not in _SECURE:
        held["more"] = []
    for rule in elb.rules(call).values():
        if rule["listener"] == arn and rule["row"]["IsDefault"]:
            rule["row"]["Actions"] = row["DefaultActions"]
    return {"Listeners": [row]}


@operation("elasticloadbalancing", "DeleteListener")
def delete_listener(call: Call) -> None:
    arn = call.params["ListenerArn"]
    elb.listener(call, arn)
    del elb.listeners(call)[arn]
    for rule in [name for name, held in elb.rules(call).items() if held["listener"] == arn]:
        del elb.rules(call)[rule]


@operation("elasticloadbalancing", "AddListenerCertificates")
def add_listener_certificates(call: Call) -> dict:
    held = elb.listener(call, call.params["ListenerArn"])
    if held["row"]["Protocol"] not in _SECURE:
        raise Fault("ValidationError", "Certificates can be added to secure listeners only")
    for item in call.params["Certificates"]:
        arn = _certificate(call, item["CertificateArn"])
        if arn not in held["more"]:
            held["more"].append(arn)
    return {
        "Certificates": [
            {"CertificateArn": item["CertificateArn"], "IsDefault": False} for item in call.params["Certificates"]
        ]
    }


@operation("elasticloadbalancing", "RemoveListenerCertificates")
def remove_listener_certificates(call: Call) -> None:
    held = elb.listener(call, call.params["ListenerArn"])
    for item in call.params["Certificates"]:
        if item["CertificateArn"] in [c["CertificateArn"] for c in held["row"].get("Certificates", [])]:
            raise Fault("OperationNotPermitted", "The default certificate cannot be removed")
        if item["CertificateArn"] in held["more"]:
            held["more"].remove(item["CertificateArn"])


@operation("elasticloadbalancing", "DescribeListenerCertificates")
def describe_listener_certificates(call: Call) -> dict:
    held = elb.listener(call, call.params["ListenerArn"])
    default = [
        {"CertificateArn": item["CertificateArn"], "IsDefault": True} for item in held["row"].get("Certificates", [])
    ]
    return {"Certificates": default + [{"CertificateArn": arn, "IsDefault": False} for arn in held["more"]]}


@operation("elasticloadbalancing", "DescribeListenerAttributes")
def describe_attributes(call: Call) -> dict:
    held = elb.listener(call, call.params["ListenerArn"])
    return {"Attributes": [{"Key": key, "Value": value} for key, value in held["attributes"].items()]}


@operation("elasticloadbalancing", "ModifyListenerAttributes")
def modify_attributes(call: Call) -> dict:
    held = elb.listener(call, call.params["ListenerArn"])
    for item in call.params["Attributes"]:
        if item["Key"] not in held["attributes"] and not item["Key"].startswith("routing.http.request."):
            raise Fault("ValidationError", f"Listener attribute key '{item['Key']}' is not recognized")
    for item in call.params["Attributes"]:
        held["attributes"][item["Key"]] = item.get("Value", "")
    return {"Attributes": [{"Key": key, "Value": value} for key, value in held["attributes"].items()]}
