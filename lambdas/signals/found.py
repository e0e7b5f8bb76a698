"""What an investigation found alive: the respond workflow, started for a case that is known.

``{"incident_id": "inc-…", "found": [{"kind", "id", "name", "region", "why"}, …]}``: ``kind`` is ``user``,
``access_key``, ``role``, ``role_session`` or ``instance``; ``id`` and ``name`` are those of ``model.Target``. A record
ties each to the credentials that the case is about: that is for the investigation to prove, and nothing here.

May touch: nothing.
Never: raises on odd input; names a target that it could only read in part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "investigation"
MARK = "found"
#: So many are taken at once: all that is done about them must fit into what a workflow carries (256 KiB).
MOST = reading.MOST_TARGETS

_CASE = re.compile(r"inc-\d{8}-[0-9a-f]{10}")
_SESSION = re.compile(r"AROA[A-Z0-9]{12,124}:[A-Za-z0-9_+=,.@-]{2,64}")
_SEVERITY = 8.0
_FORM = (
    'Give {"incident_id": "inc-…", "found": [{"kind": "user", "id": "AIDA…", "name": "…"}, …]}: the input names no '
    "case, or holds no list of what was found."
)
_UNREADABLE = "{} of what was found could not be read as a user, key, role, session or instance, and was left out."
_TOO_MANY = f"More than {MOST} were found; the rest was left out: start the workflow again for them."


def parse(event: Json) -> Incident:
    """Read what an investigation found into an incident of the case that it belongs to."""
    case = reading.text(event.get("incident_id"))
    listed = event.get(MARK)
    known = _CASE.fullmatch(case) is not None and isinstance(listed, list)
    given = reading.items(listed) if known else []
    targets = tuple(dict.fromkeys(target for one in given[:MOST] if (target := _target(reading.mapping(one)))))
    notes = [] if known else [_FORM]
    unread = sum(_target(reading.mapping(one)) is None for one in given[:MOST])
    notes += [_UNREADABLE.format(unread)] if unread else []
    notes += [_TOO_MANY] if len(given) > MOST else []
    named = sorted(f"{target.kind}#{target.id}#{target.name}" for target in targets)
    return Incident(
        signal=Signal(
            source=SOURCE,
            type=MARK,
            id=reading.fingerprint(SOURCE, case, *named),
            severity=_SEVERITY if targets else 0.0,
            title="The investigation found what the compromised credentials left alive",
        ),
        targets=targets,
        notes=tuple(notes),
        context=(("Found by", f"the investigation of case {case}"),) if known else (),
        case=case if known else "",
    )


def _target(one: Json) -> Target | None:
    """Read one thing that was found; ``None`` where it is not whole."""
    kind, unique, name = reading.text(one.get("kind")), reading.text(one.get("id")), reading.text(one.get("name"))
    match kind:
        case Kind.USER if reading.is_user_name(name):
            return Target(kind=Kind.USER, id=unique, name=name)
        case Kind.ACCESS_KEY if reading.is_key_id(unique):
            return Target(kind=Kind.ACCESS_KEY, id=unique, name=name)
        case Kind.ROLE if reading.is_role_name(name):
            return Target(kind=Kind.ROLE, id=unique, name=name)
        case Kind.ROLE_SESSION if _SESSION.fullmatch(unique) and reading.is_role_name(name):
            return Target(kind=Kind.ROLE_SESSION, id=unique, name=name)
        case Kind.INSTANCE if reading.is_instance_id(unique) and reading.is_region(reading.text(one.get("region"))):
            return Target(kind=Kind.INSTANCE, id=unique, region=reading.text(one.get("region")))
    return None
