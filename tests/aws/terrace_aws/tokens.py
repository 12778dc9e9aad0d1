"""Client tokens: the same token with the same parameters makes nothing new and gets the first answer again.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html: other parameters under a used token are
`IdempotentParameterMismatch`. A create that failed leaves its token free.
"""

import copy
from functools import wraps
from typing import Any

from .call import Call, Handler
from .fault import Fault


def idempotent(member: str = "ClientToken") -> Any:
    """Makes a create handler honour the client token in this parameter."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def checked(call: Call) -> dict[str, Any] | None:
            token = call.params.get(member)
            if not token:
                return handler(call)
            asked = {name: value for name, value in call.params.items() if name not in (member, "DryRun")}
            key = (call.service, call.action, f"{call.region}/{token}")
            known = call.account.tokens.get(key)
            if known is not None:
                if known[0] != asked:
                    raise Fault(
                        "IdempotentParameterMismatch",
                        f"The client token you have provided was used with different parameters: {token}",
                    )
                call.replayed = True
                return copy.deepcopy(known[1])
            asked = copy.deepcopy(asked)
            result = handler(call)
            call.account.tokens[key] = (asked, copy.deepcopy(result))
            return result

        return checked

    return decorate
