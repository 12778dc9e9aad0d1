"""What the EC2 rules share: describing moto's objects with filters, and finding who uses a thing.

Filters are matched here rather than in moto, which knows only some of each operation's and treats values as patterns of its
own. A filter this server does not know is refused, so that no test passes by a filter that was never applied.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from .bridge import prepared
from .call import Call
from .fault import Fault
from .kinds import BY_NAME
from .stale import ghosts

Row = dict[str, Any]
Filter = Callable[[Row], Any]


def missing(kind: str, name: str) -> Fault:
    """The error for a resource that does not exist."""
    code, text = BY_NAME[kind].missing
    return Fault(code, text.format(name))


def dependent(what: str, name: str) -> Fault:
    """`DependencyViolation`, in the words EC2 uses for most kinds."""
    return Fault("DependencyViolation", f"The {what} '{name}' has dependencies and cannot be deleted.")


def tag_specifications(call: Call, resource: str) -> dict[str, str]:
    """The tags for one resource type in `TagSpecifications`; refuses types the operation does not make."""
    tags: dict[str, str] = {}
    for specification in call.get("TagSpecifications") or []:
        if specification.get("ResourceType") != resource:
            raise Fault(
                "InvalidParameterValue",
                f"'{specification.get('ResourceType')}' is not a valid taggable resource type for this operation.",
            )
        for tag in specification.get("Tags", []):
            check_tag(tag.get("Key", ""), tag.get("Value", ""))
            tags[tag["Key"]] = tag.get("Value", "")
    if len(tags) > 50:
        raise Fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    return tags


def check_tag(key: str, value: str) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"""
    if key.lower().startswith("aws:"):
        raise Fault("InvalidParameterValue", f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
    if not 1 <= len(key) <= 127 + 1 or len(value) > 256:
        raise Fault("InvalidParameterValue", f"Tag key or value too long: {key}")


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    if "*" not in text and "?" not in text:
        return None
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text) + r"\Z", re.DOTALL)


def matches(wanted: Iterable[str], have: Any) -> bool:
    """Whether a filter's values (with `*` and `?`) match a value or one of several."""
    if isinstance(have, (list, tuple, set)):
        return any(matches(wanted, each) for each in have)
    if have is None:
        return False
    text = ("true" if have else "false") if isinstance(have, bool) else str(have)
    for value in wanted:
        pattern = _pattern(value)
        if value == text or (pattern is not None and pattern.match(text)):
            return True
    return False


def tags_match(tags: dict[str, str], name: str, values: list[str]) -> bool:
    """Whether a `tag:Key` or `tag-key` filter matches."""
    if name.startswith("tag:"):
        return name[4:] in tags and matches(values, tags[name[4:]])
    return matches(values, list(tags))


def split(filters: list[Row] | None) -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]:
    """The filters on tags, and the others."""
    on_tags, others = [], []
    for item in filters or []:
        name = item.get("Name", "")
        (on_tags if name.startswith("tag:") or name == "tag-key" else others).append((name, item.get("Values", [])))
    return on_tags, others


def keep(rows: Iterable[Row], filters: list[tuple[str, list[str]]], known: dict[str, str | Filter]) -> list[Row]:
    """The rows that every filter matches."""
    for name, _ in filters:
        if name not in known:
            raise Fault("InvalidParameterValue", f"The filter '{name}' is invalid")
    kept = list(rows)
    for name, values in filters:
        how = known[name]
        kept = [row for row in kept if matches(values, row.get(how) if isinstance(how, str) else how(row))]
    return kept


def describe(
    call: Call, kind: str, objects: dict[str, Any], ids: str, known: dict[str, str | Filter],
    dress: Callable[[Row], Row | None] | None = None,
) -> Row:  # fmt: skip
    """Answers a Describe over moto's objects, by id: existence, tag filters, other filters, in that order.

    `dress` changes a row (or drops it by None) before the other filters see it.
    """
    wanted = call.get(ids) or []
    gone = ghosts(call, kind)
    for name in wanted:
        if name not in objects and name not in gone:
            raise missing(kind, name)
    chosen = {name: objects[name] for name in wanted if name in objects} if wanted else objects
    on_tags, others = split(call.get("Filters"))
    if on_tags:
        tags = call.ec2.tags
        chosen = {
            name: item for name, item in chosen.items()
            if all(tags_match(tags.get(name, {}), filter_name, values) for filter_name, values in on_tags)
        }  # fmt: skip
    key = BY_NAME[kind].lists[0][1]
    _, _, pick = prepared("ec2", call.action)
    rows = pick({key: list(chosen.values())})[key]
    for row in rows:
        if row.get("Tags"):
            row["Tags"] = [tag for tag in row["Tags"] if "Key" in tag]
    if dress is not None:
        rows = [dressed for row in rows if (dressed := dress(row)) is not None]
    rows += still_listed(gone, wanted, on_tags)
    return {key: keep(rows, others, known)}


def still_listed(gone: dict[str, Row], wanted: list[str], on_tags: list[tuple[str, list[str]]]) -> list[Row]:
    """The rows of what is deleted but still listed, as far as ids and tag filters ask for them."""
    rows = []
    for name, row in gone.items():
        tags = {tag["Key"]: tag["Value"] for tag in row.get("Tags", [])}
        if (not wanted or name in wanted) and all(tags_match(tags, one, values) for one, values in on_tags):
            rows.append(row)
    return rows


#: What brings the region up to now: gateways, endpoints, interfaces, groups. Rule modules add theirs.
SETTLERS: list[Callable[[Call], None]] = []


def settle(call: Call) -> None:
    """Brings everything in the region that changes with time up to now."""
    for settler in SETTLERS:
        settler(call)


# Who uses what.


def subnet(call: Call, name: str) -> Any:
    """A subnet of moto's, or the AWS error."""
    for zone in call.ec2.subnets.values():
        if name in zone:
            return zone[name]
    raise missing("subnet", name)


def vpc(call: Call, name: str) -> Any:
    """A VPC of moto's, or the AWS error."""
    found = call.ec2.vpcs.get(name)
    if found is None:
        raise missing("vpc", name)
    return found


def group(call: Call, name: str) -> Any:
    """A security group of moto's, or the AWS error."""
    for groups in call.ec2.groups.values():
        if name in groups:
            return groups[name]
    raise missing("security-group", name)


def groups(call: Call) -> Iterator[Any]:
    """Every security group."""
    for found in call.ec2.groups.values():
        yield from found.values()


def subnets(call: Call) -> dict[str, Any]:
    """Every subnet, by id."""
    return {name: item for zone in call.ec2.subnets.values() for name, item in zone.items()}


def load_balancers(call: Call) -> list[Any]:
    """Every load balancer of the region, as the API shows it."""
    return [held["row"] for held in call.table("elb.balancer").values()]


def live_instances(call: Call) -> Iterator[Any]:
    """Every instance that is not terminated."""
    for reservation in call.ec2.reservations.values():
        for instance in reservation.instances:
            if instance.state != "terminated":
                yield instance
