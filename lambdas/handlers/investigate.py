"""Investigate: begin a look at what was done, and say after each round what the records ask for next.

Input: ``{"do": "open", "event": <the execution's input>, "execution": "<ARN>", "started_at": "<ISO 8601>"}`` or
``{"do": "follow", "folder", "round"}``. Output of ``open``: ``{"incident_id", "case": true | false, "folder", "look",
"first", "round", "lookups", "left_out", "regions": […], "groups": [{"regions": […]}], "regions_error", "since",
"until", "stock_since", "items": [<plan item>, …], "principals": [{"kind", "name"}, …], "again": <seconds until the
second look>, "live": true | false}``, or ``{"refused": "<sentence>", "incident_id"}``. ``items`` are the case's cuts
that can be watched, ``live`` says that what is found is to be contained. Output of ``follow``: ``{"round", "lookups",
"left_out"}`` of the next round. See ``investigation.rounds``.

May touch: ec2:DescribeRegions; dynamodb:GetItem and dynamodb:Query on the incident table; s3:GetObject, s3:ListBucket
and s3:PutObject on the evidence bucket.
Never: changes anything in the account.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import aws, errors, journal
from lambdas.aws import Grant
from lambdas.handlers import environment
from lambdas.holding import OF_CREDENTIALS, OF_INSTANCES
from lambdas.investigation import parts, request, rounds
from lambdas.investigation.parts import Shelf
from lambdas.journal import Table
from lambdas.model import FOUND, RELEASING, Kind, Mode, Outcome, PlanItem, Result, incident_id
from lambdas.telemetry import logger
from lambdas.text import line

if TYPE_CHECKING:
    from lambdas.investigation.lineage import Subject
    from lambdas.investigation.request import Request
    from lambdas.journal import Case, Entry
    from lambdas.model import Change, Json

GRANTS = (
    *journal.READ_GRANTS,
    *parts.GRANTS,
    Grant(action="ec2:DescribeRegions", resource="*"),
)

#: Where IAM's and STS' global calls are recorded.
_GLOBAL = "us-east-1"
_DAYS = 90
#: The regions are shared out over so many functions at once; a function asks those of its group side by side.
_GROUPS = 5
#: What was made so long before the signal is listed too: nobody knows when the compromise began.
_BEFORE = timedelta(days=7)
_MADE = {Result.DONE, Result.ALREADY}
_OVER = {RELEASING, Outcome.RELEASED.value}
_MOST_ITEMS = 40
_UNKNOWN = (
    "There is no case of this id in the incident table. Give the id of an alert, or investigate a target by itself: "
    '{"access_key_id": "…"}, {"user_name": "…"}.'
)
_NOBODY = "The case has nobody whose calls could be looked up: no credential was contained in it, and none was named."


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors``."""
    if event["do"] == "follow":
        return rounds.follow(_shelf(str(event["folder"])), int(event["round"]))
    if event["do"] == "open":
        return _open(event)
    raise errors.Unexpected(f"The investigate function does not know how to {line(event['do'], 40)}.")


def _shelf(folder: str) -> Shelf:
    return Shelf(s3=aws.client("s3"), bucket=environment.get(environment.EVIDENCE), folder=folder)


def _open(event: Json) -> Json:
    """Begin a look, or say why it cannot begin. A retry finds what the first try wrote."""
    execution = str(event["execution"])
    started = datetime.fromisoformat(str(event["started_at"])).astimezone(UTC)
    asked = request.read(event.get("event"), started)
    if asked.refused:
        return {"refused": asked.refused, "incident_id": asked.case}
    account = execution.split(":")[4]
    table = Table(aws.client("dynamodb"), environment.get(environment.TABLE), seconds=journal.PATIENT)
    case = table.case(asked.case) if asked.case else None
    if case is not None and not case.execution:
        return {"refused": _UNKNOWN, "incident_id": asked.case}
    entries = table.entries(asked.case) if case else ()
    subjects = request.root(asked, account)
    if case is not None:
        subjects = request.roots(_first(entries), sorted(case.targets), account)
        if not subjects:
            return {"refused": _NOBODY, "incident_id": asked.case}
    subjects = [_with_arn(one, partition=execution.split(":")[1], account=account) for one in subjects]
    named = asked.case or incident_id(execution, str(event["started_at"]))
    until = _stamp(started + timedelta(seconds=asked.after))
    folder = _folder(named, asked.look, until)
    since = asked.since or _stamp(started - timedelta(days=_DAYS))
    opened = rounds.open_look(_shelf(folder), subjects, since=since, until=until)
    regions, error = _regions()
    logger.info("investigating", extra={"case": named, "look": asked.look, "lookups": opened["lookups"]})
    return {
        "incident_id": named,
        "case": case is not None,
        "folder": folder,
        "look": asked.look,
        "first": asked.first,
        **opened,
        "regions": regions,
        "groups": [{"regions": regions[first::_GROUPS]} for first in range(min(_GROUPS, len(regions)))],
        "regions_error": error,
        "since": since,
        "until": until,
        "stock_since": asked.since or _stamp(_first_at(entries, started) - _BEFORE),
        "items": _items(case, entries, asked),
        "principals": [{"kind": one.kind, "name": one.value} for one in subjects if one.kind in {"user", "role"}]
        + [{"kind": "user", "name": name} for name in _users(entries)],
        "again": round(environment.guardrails().look * 60),
        "live": case is not None and case.outcome not in _OVER and any(one.change.result in _MADE for one in entries),
    }


def _with_arn(subject: Subject, partition: str, account: str) -> Subject:
    """Give a role its ARN, by which CloudTrail names it where its sessions begin; one of another path is not found."""
    if subject.kind != "role" or subject.arn:
        return subject
    return replace(subject, arn=f"arn:{partition}:iam::{subject.account or account}:role/{subject.value}")


def _folder(named: str, look: int, until: str) -> str:
    """Name the look's folder; one of its own where the case was looked at before: that has what was known then."""
    folder = rounds.folder(named, look)
    before = rounds.begun(_shelf(folder))
    return folder if before in {"", until} else f"{folder}-{''.join(one for one in until if one.isalnum())}"


def _first(entries: tuple[Entry, ...]) -> list[Change]:
    """Give the changes that the case's signals were answered with, without those of what an investigation found.

    The records tie that to the case once more; and others may use the name of a role's session that was found.
    """
    return [one.change for one in entries if not one.args.get(FOUND)] or [one.change for one in entries]


def _users(entries: tuple[Entry, ...]) -> list[str]:
    """Name the users that the case is about, by their keys or themselves."""
    kinds = {Kind.ACCESS_KEY, Kind.USER}
    return sorted({one.change.target.name for one in entries if one.change.target.kind in kinds} - {""})


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _first_at(entries: tuple[Entry, ...], otherwise: datetime) -> datetime:
    """Give when the case's first change was made."""
    times = sorted(one.change.at for one in entries if one.change.at)
    return datetime.fromisoformat(times[0]).astimezone(UTC) if times else otherwise


def _regions() -> tuple[list[str], str]:
    """List the regions that are switched on; where EC2 does not say, those that it would be worst to miss."""
    own = str(aws.client("ec2").meta.region_name)
    try:
        with aws.translated():
            found = [str(one["RegionName"]) for one in aws.client("ec2").describe_regions()["Regions"]]
    except errors.TourniquetError as error:
        logger.warning("the regions could not be listed: %s", error)
        return sorted({own, _GLOBAL}), f"The regions could not be listed, so only {own} was looked at."
    return sorted({*found, own}), ""


def _items(case: Case | None, entries: tuple[Entry, ...], asked: Request) -> list[Json]:
    """Give the cuts of the case that a second look reads again: those that are made, and were not given back."""
    if case is None or asked.look == 1 or case.outcome in _OVER:
        return []
    watched = [
        one
        for one in entries
        if one.change.action in {*OF_CREDENTIALS, *OF_INSTANCES} and one.change.result in _MADE and not one.released_at
    ]
    return [
        PlanItem(
            incident_id=case.incident_id,
            action=one.change.action,
            target=one.change.target,
            args=one.args,
            mode=Mode.CONTAIN,
        ).to_json()
        for one in watched[:_MOST_ITEMS]
    ]
