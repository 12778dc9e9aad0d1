"""The error codes that rules raise are ones the services' models know."""

import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

#: Codes of every query service, which the models leave out; and one of ELB's that only its guide names.
COMMON = {
    "ValidationError", "InvalidParameterValue", "InvalidParameterCombination", "MissingParameter", "NotImplemented", "Throttling",
    "InvalidParameterException", "UnsupportedCertificate",
}  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "service"),
    [("elb", "elasticloadbalancing"), ("asg", "autoscaling"), ("rds", "rds"), ("iam", "iam"), ("tagging", "tagging")],
)
def test_codes_are_the_services_own(prefix, service):
    from moto.core.errors import ErrorLookupFactory

    from terrace_aws.bridge import model

    known = ErrorLookupFactory().for_service(model(service))
    files = [*HERE.glob(f"terrace_aws/rules/{prefix}*.py"), *HERE.glob(f"terrace_aws/{prefix}*.py")]
    raised = {code for file in files for code in re.findall(r'Fault\(\s*"([A-Za-z.]+)"', file.read_text())}
    assert raised
    assert [code for code in sorted(raised - COMMON) if known.from_code(code) is None] == []


def test_every_handler_is_of_an_operation_there_is():
    from terrace_aws import rules
    from terrace_aws.bridge import operation_model
    from terrace_aws.call import HANDLERS

    rules.load()
    assert len(HANDLERS) > 150
    for service, action in HANDLERS:
        assert operation_model(service, action).name == action
