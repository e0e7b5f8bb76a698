"""A person's request: the respond workflow started by hand.

``{"access_key_id": "…"}`` or ``{"user_name": "…"}``, each with an optional ``mode`` (``observe`` or
``contain``) and ``reason``.

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

_KNOWN = {"access_key_id", "user_name", "mode", "reason"}
_FORM = (
    'The input of the execution is not a request that can be answered. Give {"access_key_id": "…"} or '
    '{"user_name": "…"}, with an optional "mode" ("observe" or "contain") and "reason".'
)


def parse(event: Json) -> Incident:
    """Read the input of an execution that a person started into an incident.

    A request with an unknown field or mode names no target: acting on half of what somebody asked
    for is worse than asking again.
    """
    key = reading.text(event.get("access_key_id"))
    user = reading.text(event.get("user_name"))
    wish = event.get("mode")
    mode = wish if isinstance(wish, str) and wish in set(Mode) else ""
    reason = reading.text(event.get("reason"))
    notes: list[str] = []
    targets: list[Target] = []
    if wish is not None and not mode:
        notes.append('The request\'s "mode" must be "observe" or "contain".')
    elif set(event) - _KNOWN or not (event.get("access_key_id") or event.get("user_name")):
        notes.append(_FORM)
    elif event.get("access_key_id") and not reading.is_key_id(key):
        notes.append('The request\'s "access_key_id" does not have the form of one (AKIA…).')
    elif event.get("user_name") and not reading.is_user_name(user):
        notes.append('The request\'s "user_name" is not a name that IAM allows (give the name, not the ARN).')
    elif key:
        targets.append(Target(kind=Kind.ACCESS_KEY, id=key, name=user))
    else:
        targets.append(Target(kind=Kind.USER, name=user))
    return Incident(
        signal=Signal(
            source=SOURCE,
            type="request",
            id=reading.fingerprint(SOURCE, key, user, mode, reason),
            severity=8.0 if targets else 0.0,
            title="A person asked for containment" if targets else "A request could not be understood",
        ),
        targets=tuple(targets),
        notes=tuple(notes),
        wanted=Mode(mode) if mode else None,
        context=(("Reason", reason),) if reason else (),
    )
