"""One server for the whole run, one fresh account per test."""

import itertools
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = Path(__file__).resolve().parent.parent
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def endpoint():
    """A server of this run's own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "terrace_aws", "--port", "0"],
        cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    yield line.split()[-1]
    process.stdin.close()
    assert process.wait(10) == 0


class Cloud:
    """Clients of one account, and the server's control endpoint."""

    region = "us-east-1"

    def __init__(self, endpoint: str, account: str):
        self.endpoint = endpoint
        self.account = account
        self._clients = {}

    def __getattr__(self, service: str):
        if service.startswith("_"):
            raise AttributeError(service)
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, endpoint_url=self.endpoint, region_name=self.region,
                aws_access_key_id=f"AKIATEST{self.account}", aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
            )  # fmt: skip
        return self._clients[service]

    def get(self, path: str, **query):
        """GET from the control endpoint."""
        return self._control("GET", path, query, None)

    def post(self, path: str, **values):
        """POST to the control endpoint."""
        return self._control("POST", path, {}, values)

    def _control(self, method, path, query, values):
        query = "&".join(f"{k}={v}" for k, v in ({"account": self.account} | query).items())
        request = urllib.request.Request(
            f"{self.endpoint}/_terrace/{path}?{query}", method=method,
            data=json.dumps(values).encode() if values is not None else None,
        )  # fmt: skip
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def settings(self, **values):
        """Sets the account's settings."""
        return self.post("settings", **values)

    def inventory(self):
        """Ids by kind."""
        return self.get("inventory")

    # What many tests need.

    def vpc(self, cidr="10.0.0.0/16"):
        """A VPC's id."""
        return self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]

    def subnet(self, vpc, cidr="10.0.1.0/24", zone="a"):
        """A subnet's id."""
        made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=self.region + zone)
        return made["Subnet"]["SubnetId"]

    def two_subnets(self, vpc):
        """Two subnets in two zones."""
        return [self.subnet(vpc, "10.0.1.0/24", "a"), self.subnet(vpc, "10.0.2.0/24", "b")]

    def group(self, vpc, name="web"):
        """A security group's id."""
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    def image(self):
        """An image's id."""
        found = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["al2023-ami-2023.*-x86_64"]}])
        return found["Images"][0]["ImageId"]


@pytest.fixture
def cloud(endpoint):
    """An account of this test's own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    return Cloud(endpoint, f"{9_000_000_000 + worker * 10_000_000 + next(_NUMBERS):012d}")


@pytest.fixture
def refused():
    """`refused("Code", call, **arguments)`: the call must fail with this code; returns the message."""

    def check(code, call, **arguments):
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        return error["Message"]

    return check
