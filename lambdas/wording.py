"""How an alert says what each action does, what was read back, and how a person does it by hand.

May touch: nothing.
Never: shows a whole key id, or untrusted text that was not made safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas import commands
from lambdas.model import Kind
from lambdas.targets import describe
from lambdas.text import line, tail

if TYPE_CHECKING:
    from lambdas.model import Change, PlanItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What an item does to whom: ``done`` ("disabled"), ``to_do`` ("disable"), and the object of both."""

    done: str
    to_do: str
    object: str


def phrase(item: PlanItem) -> Phrase:
    """Say what an item does."""
    shown = _object(item)
    match item.action:
        case "disable_key":
            return Phrase(done="disabled", to_do="disable", object=shown)
        case "revoke_sessions" if item.target.kind is Kind.ROLE:
            return Phrase(done="revoked", to_do="revoke", object=f"every session of {shown} that began until now")
    return Phrase(done="denied everything to", to_do="deny everything to", object=shown)


def _object(item: PlanItem) -> str:
    """Name what an action acts on; a deny may know its user only by a key."""
    if item.action == "deny_principal" and item.target.kind is Kind.ACCESS_KEY:
        return f"the user of access key {tail(item.target.id)}"
    return describe(item.target)


def read_back(change: Change) -> str:
    """Say what was read back after a change."""
    match change.action:
        case "disable_key":
            return "the key reads Inactive"
        case "revoke_sessions":
            policy = line(change.after.get("policy", ""), 128)
            return f"the role has the inline policy {policy}"
    if change.after.get("attached"):
        return "the policy AWSDenyAll is attached"
    return "its permissions boundary is AWSDenyAll, because it has as many policies as IAM allows"


def by_hand(item: PlanItem, deny: str, error: str) -> tuple[str, str] | None:
    """Give the step, and the line for a shell, that makes an item by hand; ``None`` where the name is not known.

    ``deny`` is the ARN of AWSDenyAll, ``error`` what the responder failed with, if it tried.
    """
    name, words = item.target.name, phrase(item)
    if not name or (item.action == "revoke_sessions" and error == "QuotaFull"):  # it would be refused again
        return None
    step = f"{words.to_do[0].upper()}{words.to_do[1:]} {words.object} by hand:"
    match item.action, item.target.kind:
        case "disable_key", _:
            return step, commands.set_key_status(name, item.target.id, "Inactive")
        case "revoke_sessions", Kind.ROLE_SESSION:
            return step, commands.deny_session(name, _policy(item), item.target.id)
        case "revoke_sessions", _:
            return step, commands.deny_older_sessions(name, _policy(item))
        case _, Kind.ROLE:
            bound = commands.set_role_boundary if error == "QuotaFull" else commands.attach_role_policy
            return step, bound(name, deny)
    set_deny = commands.set_boundary if error == "QuotaFull" else commands.attach_policy
    return step, set_deny(name, deny)


def _policy(item: PlanItem) -> str:
    return f"Tourniquet-{item.incident_id}-{item.id}"


def request(item: PlanItem) -> dict[str, str] | None:
    """Give the request that has the workflow make an item and what belongs to it; ``None`` where there is none.

    A single session has no request of its own: its key id may not be shown, and its role is more than was asked.
    """
    name = item.target.name
    if not name:
        return None
    match item.action, item.target.kind:
        case ("disable_key", _) | ("deny_principal", Kind.USER | Kind.ACCESS_KEY):
            return {"user_name": name}
        case "deny_principal", Kind.ROLE:
            return {"role_name": name}
    return None
