"""What is handed back to be contained: what is alive and what a record ties to the compromised credentials.

Role sessions that they assumed, users, roles and access keys that they made, instances that they launched: each with
the event that proves it. Sessions of a user that GetSessionToken and GetFederationToken gave end with the user's own
denial.

May touch: nothing.
Never: hands over what no record ties to the case, what a failed call meant to make, what is gone or expired, or the
responder's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.investigation.made import change_of, resources
from lambdas.investigation.makings import REMOVED
from lambdas.model import Kind
from lambdas.text import tail

if TYPE_CHECKING:
    from collections.abc import Collection

    from lambdas.investigation.lineage import Birth, Tree
    from lambdas.investigation.records import Record
    from lambdas.model import Json

_REMOVALS = {"DeleteUser", "DeleteAccessKey", "DeleteRole", "TerminateInstances"}
_WHAT = {
    Kind.USER: "This user was made",
    Kind.ROLE: "This role was made",
    Kind.ACCESS_KEY: "This access key was made",
    Kind.ROLE_SESSION: "This session of a role was issued",
    Kind.INSTANCE: "This instance was launched",
}


@dataclass(slots=True, kw_only=True)
class Removals:
    """When which user, role, access key or instance was last removed, whoever did it."""

    at: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take in what a record removed."""
        if record.name not in _REMOVALS or change_of(record) != REMOVED:
            return
        for one in resources(record):
            if one.id:
                key = one.kind, one.id
                self.at[key] = max(self.at.get(key, ""), one.at)

    def gone(self, kind: str, name: str, since: str) -> bool:
        """Tell whether a thing was removed after it was made; in the same second it may have been made again."""
        return self.at.get((kind, name), "") > since


def found(  # noqa: PLR0913  (what decides about it)
    tree: Tree, removals: Removals, *, now: str, own: Collection[str] = (), gone: Collection[str] = (), since: str = ""
) -> list[Json]:
    """List what is alive, in the order in which it came up, each once.

    ``own`` has the names and ids of the roles of the responder and of the CDK; ``gone`` what is known to be gone, by id
    or name; ``now`` is ISO 8601. Where a role is all that is known, neither its sessions nor what they made is listed:
    others may use it, and its own cut decides. Nor is what was made before ``since``, when the credentials may have
    been in good hands.
    """
    listed: dict[tuple[str, str], Json] = {}
    births = [(tie.birth, tie.parent) for tie in tree.ties.values() if tie.birth is not None and not tie.shared]
    for birth, caller in sorted(births, key=lambda one: (one[0].at, one[0].event_id)):
        target = _target(birth)
        if target is None or "" < birth.at < since or _is_ours(target, own) or _over(birth, removals, now):
            continue
        if target["id"] in gone or (target["kind"] == Kind.USER and target["name"] in gone):
            continue
        why = _why(Kind(target["kind"]), birth, caller)
        listed.setdefault((target["kind"], target["id"]), {**target, "why": why, "proof": birth.event_id})
    return list(listed.values())


def _target(birth: Birth) -> Json | None:
    """Say what a birth is as a target; None for what the responder cuts off in another way."""
    place = {"account": birth.account, "region": ""}
    match birth.kind:
        case "user":
            return {"kind": Kind.USER.value, "id": birth.principal or birth.name, "name": birth.name, **place}
        case "role":
            return {"kind": Kind.ROLE.value, "id": birth.principal, "name": birth.name, **place}
        case "access_key":
            return {"kind": Kind.ACCESS_KEY.value, "id": birth.subject.value, "name": birth.name, **place}
        case "role_session" if birth.principal:
            return {"kind": Kind.ROLE_SESSION.value, "id": birth.principal, "name": birth.name, **place}
        case "instance":
            return {
                "kind": Kind.INSTANCE.value,
                "id": birth.name,
                "name": "",
                "account": birth.account,
                "region": birth.region,
            }
    return None


def _over(birth: Birth, removals: Removals, now: str) -> bool:
    """Tell whether it expired or was removed; a key goes with its user."""
    if birth.expires and birth.expires <= now:
        return True
    kinds = {name: ((name, birth.name),) for name in ("user", "role", "instance")}
    ways = kinds.get(birth.kind, (("access_key", birth.subject.value), ("user", birth.name)))
    if birth.kind == "role_session":
        ways = (("role", birth.name),)
    return any(removals.gone(kind, name, birth.at) for kind, name in ways)


def _is_ours(target: Json, own: Collection[str]) -> bool:
    """Tell whether it is a role of the responder's, or its session; anybody may give a user a role's name or path."""
    if target["kind"] not in {Kind.ROLE, Kind.ROLE_SESSION}:
        return False
    return bool({target["name"], target["id"].partition(":")[0]} & set(own) - {""})


def _why(kind: Kind, birth: Birth, caller: str) -> str:
    by = f"with the credential {tail(caller)}" if caller and not caller.startswith("(") else "by a caller of this case"
    return f"{_WHAT[kind]} {by}: {birth.event} at {birth.at}."
