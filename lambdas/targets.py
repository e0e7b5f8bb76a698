"""Targets as people and claims name them.

May touch: nothing.
Never: shows a whole key id, or untrusted text that was not made safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.model import Kind, Target
from lambdas.text import line, tail

if TYPE_CHECKING:
    from lambdas.model import PlanItem, Signal


def claim_key(target: Target) -> str:
    """Name a target so that every signal about it finds the same case."""
    return f"{target.kind}#{target.id or 'name/' + target.name}"


def signal_key(signal: Signal) -> str:
    """Name a signal that names no target, so that its repeats find the same case."""
    return f"signal#{signal.source}/{signal.id}"


def principal_of(item: PlanItem) -> str:
    """Name whom an item cuts off: ``user/<name>`` or ``role/<name>``; one session of a role by its claim.

    What is done about an instance's credentials is done about the instance.
    """
    if instance := instance_of(item):
        return claim_key(Target(kind=Kind.INSTANCE, id=instance))
    for kind in ("user", "role") if item.target.kind is not Kind.ROLE_SESSION else ():
        if name := item.args.get(kind):
            return f"{kind}/{name}"
    return claim_key(item.target)


def instance_of(item: PlanItem) -> str:
    """Give the id of the instance that an item is about, as its target or by its credentials; or ``""``."""
    return item.target.id if item.target.kind is Kind.INSTANCE else str(item.args.get("instance", ""))


def session_name(target: Target) -> str:
    """Give the name of a role's session, or ``""``."""
    return target.id.partition(":")[2] if target.kind is Kind.ROLE_SESSION else ""


def describe(target: Target) -> str:  # noqa: PLR0911  (one sentence a kind)
    """Say what a target is, for a person: ``access key …ABCD of user ci-user``."""
    name = line(target.name, 64)
    match target.kind:
        case Kind.ACCESS_KEY:
            return f"access key {tail(target.id)}" + (f" of user {name}" if name else "")
        case Kind.USER:
            return f"user {name or line(target.id, 64)}"
        case Kind.ROLE:
            return f"role {name or line(target.id, 64)}"
        case Kind.ROLE_SESSION:
            session = line(session_name(target), 64)
            return (f"session {session}" if session else "a session") + f" of role {name or line(target.id, 64)}"
        case Kind.FEDERATED_USER:
            return f"federated user {name or line(target.id, 64)}"
        case Kind.INSTANCE:
            return f"instance {line(target.id, 64)}"
        case Kind.ROOT:
            return "the root user"
        case Kind.OTHER:
            return f"the principal {name or line(target.id, 64)}"
