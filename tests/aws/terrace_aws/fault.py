"""The one exception a rule raises: an AWS error, by its code, as the service would send it."""


class Fault(Exception):
    """An AWS error reply. `status` overrides the one the service's model gives for the code."""

    def __init__(self, code: str, message: str, status: int | None = None):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
