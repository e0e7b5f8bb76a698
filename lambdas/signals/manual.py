"""A person's request: the respond workflow started by hand.

``{"access_key_id": "…"}``, ``{"user_name": "…"}``, ``{"role_name": "…"}`` or ``{"instance_id": "i-…", "region": "…"}``,
each with an optional ``mode`` (``observe``, ``approve`` or ``contain``) and ``reason``. A key may have its user's name
beside it. Answers to a question of the responder are read elsewhere; only one that is not of their form arrives here.

May touch: nothing.
Never: raises on odd input; a request that cannot be read becomes an incident whose note says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.model import Incident, Kind, Mode, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "manual"

_NAMING = ("access_key_id", "user_name", "role_name", "instance_id")
_KNOWN = {*_NAMING, "region", "mode", "reason"}
_ANSWERING = {"answer", "ask", "incident_id"}
_FORM = (
    'Give {"access_key_id": "…"}, {"user_name": "…"}, {"role_name": "…"} or {"instance_id": "i-…", "region": "…"}, '
    'with an optional "mode" ("observe", "approve" or "contain") and "reason": the input is not a request that can be '
    "answered."
)
_ANSWER = (
    'Give an answer as {"incident_id": "inc-…", "answer": "approve" or "reject"}, with the incident id of the alert '
    "that asks: the input is not an answer that can be read."
)
_ONE = (
    'Name one thing in a request, and start another execution for each other one; only "access_key_id" and "user_name" '
    "may stand together."
)
_MODE = 'Give "observe", "approve" or "contain" as "mode", or leave it out: the request\'s "mode" is none of them.'
_KEY = 'Give the whole id as "access_key_id": the request\'s does not have the form of one (AKIA… or ASIA…).'
_USER = 'Give the name as "user_name", not the ARN: the request\'s is not a name that IAM allows.'
_ROLE = 'Give the name as "role_name", not the ARN: the request\'s is not a name that IAM allows.'
_INSTANCE = (
    'Give the id as "instance_id": the request\'s does not have the form of one (i- and 8 or 17 hexadecimal digits).'
)
_REGION = 'Give the instance\'s region as "region" (us-east-1, say): without it the instance cannot be found.'
_NO_REGION = 'Leave out "region": it goes with "instance_id" only, users and roles are in no region.'


def parse(event: Json) -> Incident:
    """Read the input of an execution that a person started into an incident.

    A request with an unknown field or mode names no target: acting on half of what somebody asked
    for is worse than asking again.
    """
    wish = event.get("mode")
    mode = wish if isinstance(wish, str) and wish in set(Mode) else ""
    reason = reading.text(event.get("reason"))
    note = _refusal(event)
    targets = () if note else (_target(event),)
    given = [reading.text(event.get(name)) for name in (*_NAMING, "region")]
    return Incident(
        signal=Signal(
            source=SOURCE,
            type="request",
            id=reading.fingerprint(SOURCE, *given, mode, reason),
            severity=8.0 if targets else 0.0,
            title="A person asked for containment" if targets else "A request could not be understood",
        ),
        targets=targets,
        notes=(note,) if note else (),
        wanted=Mode(mode) if mode else None,
        context=(("Reason", reason),) if reason else (),
    )


def _refusal(event: Json) -> str:  # noqa: PLR0911  (one sentence for each thing that may be wrong)
    """Say what to do about a request that cannot be read, or give ``""``."""
    key, user, role, instance = (reading.text(event.get(name)) for name in _NAMING)
    named = {name for name in _NAMING if event.get(name)}
    if _ANSWERING & set(event):
        return _ANSWER
    if event.get("mode") is not None and event.get("mode") not in list(Mode):
        return _MODE
    if set(event) - _KNOWN or not named:
        return _FORM
    if len(named) > 1 and named != {"access_key_id", "user_name"}:
        return _ONE
    if "access_key_id" in named and not reading.is_key_id(key):
        return _KEY
    if "user_name" in named and not reading.is_user_name(user):
        return _USER
    if "role_name" in named and not reading.is_role_name(role):
        return _ROLE
    if "instance_id" in named and not reading.is_instance_id(instance):
        return _INSTANCE
    if "instance_id" in named and not reading.is_region(reading.text(event.get("region"))):
        return _REGION
    return _NO_REGION if "instance_id" not in named and event.get("region") else ""


def _target(event: Json) -> Target:
    """Give what a request that can be read names."""
    key, user, role, instance = (reading.text(event.get(name)) for name in _NAMING)
    if key:
        return Target(kind=Kind.ACCESS_KEY, id=key, name=user)
    if user:
        return Target(kind=Kind.USER, name=user)
    if role:
        return Target(kind=Kind.ROLE, name=role)
    return Target(kind=Kind.INSTANCE, id=instance, region=reading.text(event.get("region")))
