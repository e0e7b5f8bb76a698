"""AWS Health: credentials that were found or used by others (``AWS_RISK_*``), and instances that attack others (Abuse).

Shapes seen: key ids in every ``affectedEntities[].entityValue`` and in ``resources``, with or without
``eventMetadata``; a user name or a user's ARN in place of a key id; the same event once per region
(us-east-1, and us-west-2 as backup) and once per page. An Abuse event names instances by id or ARN; its ``region`` is
where it was delivered, ``detail.eventRegion`` where the instances are, either may be ``global``.

May touch: nothing.
Never: raises on odd input, or names a target that the event does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "aws.health"

_FAMILY = "AWS_RISK_"

#: Everything of the family, known or not, and events too broken to say what they are.
PATTERN: dict[str, Any] = {
    "source": [SOURCE],
    "detail-type": ["AWS Health Event"],
    "detail": {"eventTypeCode": [{"prefix": _FAMILY}, *reading.BROKEN]},
}

ABUSE = "AWS Health Abuse Event"
ABUSE_PATTERN: dict[str, Any] = {"source": [SOURCE], "detail-type": [ABUSE]}

_ABUSE_FAMILY = "AWS_ABUSE_"
_NOT_OURS = "This Health event is not of a family that reports risks to credentials or abuse."
_CONSOLE = "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE"
_WHO_SIGNED_IN = "The event names no principal: look in CloudTrail for who signed in to the console, and from where."
_SEVERITY = {
    "AWS_RISK_CREDENTIALS_EXPOSED": 8.0,
    "AWS_RISK_CREDENTIALS_COMPROMISED": 9.0,
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": 6.0,
    "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED": 6.0,
    "AWS_RISK_IAM_QUARANTINE": 8.0,
    _CONSOLE: 9.0,
}
_ABUSE_SEVERITY = 8.0
_UNKNOWN_SEVERITY = 5.0
_TITLES = {
    "AWS_RISK_CREDENTIALS_EXPOSED": "AWS found an access key of yours in public",
    "AWS_RISK_CREDENTIALS_COMPROMISED": "AWS says that credentials of yours are compromised",
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": "AWS suspects that an access key of yours is public",
    "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED": "AWS suspects that credentials of yours are compromised",
    "AWS_RISK_IAM_QUARANTINE": "AWS put an IAM user of yours in quarantine",
    _CONSOLE: "AWS says that a console login of yours is compromised",
}
_ABUSE_TITLE = "AWS received a report that resources of yours are used against others"


def parse(event: Json) -> Incident:
    """Read a Health event of EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    metadata = _metadata(detail)
    code = reading.text(detail.get("eventTypeCode"))
    account = reading.account_id(detail.get("affectedAccount"), metadata.get("accountId"), event.get("account"))
    abuse = _is_abuse(event, code)
    if abuse:
        named, notes = _instances(event, detail, account)
    elif not code or code.startswith(_FAMILY):
        named, notes = _targets(event, detail, metadata, account)
        notes += (_WHO_SIGNED_IN,) if code == _CONSOLE and not named else ()
    else:
        named, notes = [], (_NOT_OURS,)
    targets, left = reading.capped(named)
    closed = reading.text(detail.get("statusCode")).lower() == "closed"
    region = reading.text(event.get("region"))
    signal = Signal(
        source=SOURCE,
        type=code or "unknown",
        id=reading.fingerprint(
            detail.get("eventArn") or event.get("id"),
            detail.get("communicationId"),
            detail.get("page"),
            region,
        ),
        account=account,
        region=region,
        severity=_ABUSE_SEVERITY if abuse else _SEVERITY.get(code, _UNKNOWN_SEVERITY),
        title=_ABUSE_TITLE if abuse else _TITLES.get(code, "AWS Health reports a risk to this account"),
        at=reading.text(event.get("time")),
        inert="the Health event is closed" if closed else "",
    )
    found_at = reading.text(metadata.get("exposedUrl"))
    return Incident(
        signal=signal,
        targets=targets,
        notes=(*notes, *left),
        context=(("Seen at", found_at),) if found_at else (),
    )


def _metadata(detail: Json) -> Json:
    """Give the event's metadata, wherever this form of the event keeps it."""
    found = dict(reading.mapping(detail, "eventMetadata"))
    for entity in reading.items(detail.get("affectedEntities")):
        for key, value in reading.mapping(entity, "entityMetadata").items():
            found.setdefault(key, value)
    return found


def _is_abuse(event: Json, code: str) -> bool:
    """Tell an Abuse event, by its code where it has one of a known family, else by what the envelope says."""
    if code.startswith((_FAMILY, _ABUSE_FAMILY)):
        return code.startswith(_ABUSE_FAMILY)
    return reading.text(event.get("detail-type")) == ABUSE


def _entities(detail: Json) -> list[Any]:
    """Give the values of the affected entities."""
    return [reading.mapping(entity).get("entityValue") for entity in reading.items(detail.get("affectedEntities"))]


def _instances(event: Json, detail: Json, account: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give the instances that an Abuse event names; an ARN says more than an id, which may stand beside it."""
    where = reading.region(detail.get("eventRegion"), event.get("region"))
    values = [*_entities(detail), *reading.items(event.get("resources"))]
    named = dict.fromkeys(reading.text(value) for value in values if value not in (None, ""))
    read = {value: reading.instance(value, account, where) for value in named if value != account}
    by_arn = {target.id for value, target in read.items() if target and value != target.id}
    targets = [target for value, target in read.items() if target and (value != target.id or value not in by_arn)]
    odd = sum(target is None for target in read.values())
    return targets, (f"{odd} affected entities of the event are not instances.",) if odd else ()


def _targets(event: Json, detail: Json, metadata: Json, account: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give what the event names, keys first, and a note for each value that could not be read."""
    values = _entities(detail)
    values += reading.items(metadata.get("publicKey"))
    values += reading.items(event.get("resources"))
    keys: list[Target] = []
    users: list[Target] = []
    odd = 0
    for value in values:
        if value in (None, "") or reading.text(value) == account:
            continue
        read = reading.principal(reading.text(value), account)
        if read is None:
            odd += 1
        else:
            (keys if read.kind is Kind.ACCESS_KEY else users).append(read)
    names = [reading.text(value) for value in reading.items(metadata.get("userName"))]
    users += [Target(kind=Kind.USER, name=name, account=account) for name in names if reading.is_user_name(name)]
    keys = list(dict.fromkeys(keys))
    users = list(dict.fromkeys(users))
    if len(keys) == 1 and len(users) == 1 and users[0].kind is Kind.USER and users[0].account == account:
        keys = [Target(kind=Kind.ACCESS_KEY, id=keys[0].id, name=users[0].name, account=account)]
        users = []
    notes = (f"{odd} affected entities of the event are neither a key id nor a user.",) if odd else ()
    return keys + users, notes
