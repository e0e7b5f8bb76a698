"""What the stack tells a function, and the hour.

May touch: nothing but the environment and the clock.
Never: is read at import.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from lambdas.guardrails import Guardrails
from lambdas.model import Mode

TABLE = "TOURNIQUET_TABLE"
TOPIC = "TOURNIQUET_TOPIC"
ACTION = "TOURNIQUET_ACTION"
GUARDRAILS = "TOURNIQUET_GUARDRAILS"
RESPOND = "TOURNIQUET_RESPOND"
EVIDENCE = "TOURNIQUET_EVIDENCE"
RESTORE = "TOURNIQUET_RESTORE"
INVESTIGATE = "TOURNIQUET_INVESTIGATE"
RETENTION = "TOURNIQUET_RETENTION_DAYS"


def get(name: str) -> str:
    """Give a variable that the stack sets. Raises KeyError when it does not: that is a bug of ours."""
    return os.environ[name]


def guardrails() -> Guardrails:
    """Read the owner's settings, as ``stacks/functions.py`` wrote them."""
    data = json.loads(get(GUARDRAILS))
    return Guardrails(
        account=data["account"],
        observe_all=data["observe_all"],
        modes={
            name: tuple((float(least), Mode(mode)) for least, mode in modes) for name, modes in data["modes"].items()
        },
        protected=frozenset(data["protected"]),
        own=frozenset(prefix + name for prefix, names in data["own"].items() for name in names),
        instances=frozenset(data["instances"]),
        vpcs=frozenset(data["vpcs"]),
        extras={name: tuple(actions) for name, actions in data["extras"].items()},
        limit=data["limit"],
        minutes=data["minutes"],
        then=data["then"],
        hold=data["hold"],
        look=data["look"],
        investigate=data["investigate"],
    )


def now() -> str:
    """Give the time as ISO 8601 in UTC, to the millisecond."""
    return stamp(datetime.now(UTC))


def as_ours(at: str) -> str:
    """Give a time that a workflow gives in the form of ``now``, by which they can be compared; ``""`` if unreadable."""
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return ""
    return stamp(read if read.tzinfo else read.replace(tzinfo=UTC))


def stamp(moment: datetime) -> str:
    """Give a time in the form of ``now``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
