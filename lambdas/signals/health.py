"""AWS Health: ``AWS_RISK_*`` events, which say that credentials were found or used by others.

Shapes seen: key ids in every ``affectedEntities[].entityValue`` and in ``resources``, with or without
``eventMetadata``; a user name or a user's ARN in place of a key id; the same event once per region
(us-east-1, and us-west-2 as backup) and once per page.

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

_NOT_OURS = "This Health event is not of the family that reports risks to credentials."
_SEVERITY = {
    "AWS_RISK_CREDENTIALS_EXPOSED": 8.0,
    "AWS_RISK_CREDENTIALS_COMPROMISED": 9.0,
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": 6.0,
    "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED": 6.0,
    "AWS_RISK_IAM_QUARANTINE": 8.0,
    "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE": 9.0,
}
_UNKNOWN_SEVERITY = 5.0
_TITLES = {
    "AWS_RISK_CREDENTIALS_EXPOSED": "AWS found an access key of yours in public",
    "AWS_RISK_CREDENTIALS_COMPROMISED": "AWS says that credentials of yours are compromised",
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": "AWS suspects that an access key of yours is public",
    "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED": "AWS suspects that credentials of yours are compromised",
    "AWS_RISK_IAM_QUARANTINE": "AWS put an IAM user of yours in quarantine",
    "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE": "AWS says that a console login of yours is compromised",
}


def parse(event: Json) -> Incident:
    """Read a Health event of EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    metadata = _metadata(detail)
    code = reading.text(detail.get("eventTypeCode"))
    account = reading.account_id(detail.get("affectedAccount"), metadata.get("accountId"), event.get("account"))
    ours = not code or code.startswith(_FAMILY)
    named, notes = _targets(event, detail, metadata, account) if ours else ([], (_NOT_OURS,))
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
        severity=_SEVERITY.get(code, _UNKNOWN_SEVERITY),
        title=_TITLES.get(code, "AWS Health reports a risk to this account"),
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


def _targets(event: Json, detail: Json, metadata: Json, account: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give what the event names, keys first, and a note for each value that could not be read."""
    values = [
        reading.mapping({"entity": entity}, "entity").get("entityValue")
        for entity in reading.items(detail.get("affectedEntities"))
    ]
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
