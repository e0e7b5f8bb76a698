"""What is to be investigated, as the input of an execution says it: a case, a target, or who made a resource.

``{"incident_id": "inc-…"}``, or one of the requests of respond (``access_key_id``, ``user_name``, ``role_name``,
``instance_id`` with ``region``), or ``{"resource": "<id or ARN>"}``; each with an optional ``since`` (ISO 8601) and
``reason``. ``look`` and ``first`` are the workflow's own, of its second look.

May touch: nothing.
Never: raises on odd input; what cannot be read is refused with a sentence that says what to give.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.investigation.lineage import Subject
from lambdas.investigation.rounds import subject_of
from lambdas.model import Kind
from lambdas.signals import manual, reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.model import Change, Json, Target

_CASE = re.compile(r"inc-\d{8}-[0-9a-f]{10}")
_NAMING = ("incident_id", "access_key_id", "user_name", "role_name", "instance_id", "resource")
_OWN = ("look", "after", "first")
_KNOWN = {*_NAMING, *_OWN, "region", "since", "reason"}
_LONGEST = 2_048
_DAY = 86_400.0
_FORM = (
    'Give {"incident_id": "inc-…"}, {"access_key_id": "…"}, {"user_name": "…"}, {"role_name": "…"}, {"instance_id": '
    '"i-…", "region": "…"} or {"resource": "<id or ARN>"} whose maker is wanted, with an optional "since" '
    '("2026-11-20T00:00:00Z") and "reason".'
)
_CASE_FORM = 'Give the case\'s whole id as "incident_id" (inc-, the day, ten characters), as the alert has it.'
_SINCE = 'Give "since" as a time like 2026-11-20T00:00:00Z that is not in the future.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted: the id of a case or ``""``, a target, a resource; ``refused`` says what is wrong, or is empty.

    ``since`` is ISO 8601 or ``""``; ``look`` is 1, or 2 for the second look, whose first one's folder is ``first``, and
    which waited ``after`` seconds before it began.
    """

    case: str = ""
    target: Target | None = None
    resource: str = ""
    since: str = ""
    look: int = 1
    first: str = ""
    after: float = 0.0
    refused: str = ""


def read(event: object, now: datetime) -> Request:  # noqa: PLR0911  (one sentence for each thing that may be wrong)
    """Read the input of an execution."""
    given = event if isinstance(event, dict) else {}
    named = [name for name in _NAMING if given.get(name)]
    if set(given) - _KNOWN or len(named) != 1:
        return Request(refused=_FORM)
    since = _since(given.get("since"), now)
    if since is None:
        return Request(refused=_SINCE)
    look = 2 if given.get("look") == 2 else 1  # noqa: PLR2004  (the second look)
    first = reading.text(given.get("first"))
    match named[0]:
        case "incident_id":
            case = reading.text(given["incident_id"])
            if not _CASE.fullmatch(case):
                return Request(refused=_CASE_FORM)
            return Request(case=case, since=since, look=look, first=first, after=_after(given.get("after")))
        case "resource":
            resource = reading.text(given["resource"], limit=_LONGEST)
            return Request(resource=resource, since=since) if resource else Request(refused=_FORM)
    asked = manual.parse({name: value for name, value in given.items() if name not in {*_OWN, "since"}})
    if asked.notes:
        return Request(refused=asked.notes[0])
    return Request(target=asked.targets[0], since=since)


def _since(value: object, now: datetime) -> str | None:
    """Read a time; ``""`` where none is given, ``None`` where it is none."""
    if value is None or value == "":
        return ""
    try:
        read_ = datetime.fromisoformat(reading.text(value))
    except ValueError:
        return None
    moment = (read_ if read_.tzinfo else read_.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment < now else None


def _after(value: object) -> float:
    """Read for how many seconds the workflow waited, a day at most."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return min(max(float(value), 0.0), _DAY)


def roots(changes: Iterable[Change], named: Iterable[str], account: str) -> list[Subject]:
    """Give what was compromised in a case: of whom the callers are followed.

    A key stands for its user, because the user's other keys may be in good hands; a session for its role. Only where
    nothing narrower is known of a user or a role are all its callers followed. ``named`` are the ids that the case's
    signals named, temporary keys among them.
    """
    targets = list(dict.fromkeys(change.target for change in changes))
    users = {one.name for one in targets if one.kind is Kind.ACCESS_KEY}
    sessions = {one.name for one in targets if one.kind is Kind.ROLE_SESSION}
    wide = {
        Kind.USER: lambda one: one.name not in users,
        Kind.ROLE: lambda one: one.name not in sessions,
    }
    chosen = [one for one in targets if wide.get(one.kind, lambda _: True)(one)]
    found = [subject for one in chosen if (subject := subject_of(one))]
    found += [
        Subject(kind="key", value=one, account=account)
        for one in named
        if reading.is_key_id(one) and reading.is_session_key(one)
    ]
    return list(dict.fromkeys(found))


def root(request: Request, account: str) -> list[Subject]:
    """Give what is followed where a person names a target or a resource."""
    if request.resource:
        return [Subject(kind="resource", value=request.resource, account=account)]
    subject = subject_of(request.target) if request.target else None
    return [subject] if subject else []


def shown(subject: Subject) -> Json:
    """Give a subject as the report names it."""
    kinds = {"key": "access_key", "principal": "role_session", "signed_in": "user", "console": "user"}
    kind = kinds.get(subject.kind, subject.kind)
    name = "" if kind == "access_key" else subject.value
    return {
        "kind": kind,
        "id": f"…{subject.value[-4:]}" if kind == "access_key" else subject.value,
        "name": name,
        "arn": subject.arn,
    }
