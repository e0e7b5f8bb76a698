"""GuardDuty: findings whose resource is an access key.

``resource.resourceType`` alone decides what a finding is about: access-key findings carry an
``instanceDetails`` block as filler. ``detail.accountId`` says whose account it is, not the envelope.

May touch: nothing.
Never: raises on odd input, or names a target that the finding does not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "aws.guardduty"

#: No filter on the finding's type: new types must be answered too. ``exists`` is for broken findings.
PATTERN: dict[str, Any] = {
    "source": [SOURCE],
    "detail-type": ["GuardDuty Finding"],
    "detail": {"resource": {"resourceType": ["AccessKey", *reading.BROKEN]}},
}

#: What GuardDuty writes into sample findings besides the flag; looked for where nobody can choose the text.
_FILLER = "GeneratedFinding"


def parse(event: Json) -> Incident:
    """Read a GuardDuty finding of EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    resource = reading.mapping(detail, "resource")
    service = reading.mapping(detail, "service")
    key = reading.mapping(resource, "accessKeyDetails")
    kind = reading.text(resource.get("resourceType"))
    finding = reading.text(detail.get("type"))
    account = reading.account_id(detail.get("accountId"), event.get("account"))
    region = reading.text(detail.get("region")) or reading.text(event.get("region"))
    targets: list[Target] = []
    notes: list[str] = []
    if kind == "AccessKey":
        target = _target(key, account)
        if target is None:
            notes.append("The finding names no access key, user or role that could be read.")
        else:
            targets.append(target)
    else:
        notes.append(f"Findings on the resource type {kind or '(none)'} have no automatic answer yet.")
    return Incident(
        signal=Signal(
            source=SOURCE,
            type=finding or "unknown",
            id=reading.fingerprint(detail.get("id") or event.get("id"), reading.text(event.get("region"))),
            account=account,
            region=region,
            severity=reading.number(detail.get("severity")),
            title=reading.text(detail.get("title")) or "GuardDuty reports unusual use of a credential",
            at=reading.text(service.get("eventLastSeen")) or reading.text(event.get("time")),
            inert=_inert(service, key),
        ),
        targets=tuple(targets),
        notes=tuple(notes),
        context=_context(service),
    )


def _target(key: Json, account: str) -> Target | None:
    """Give the principal of the finding in the form that planning knows."""
    key_id = reading.text(key.get("accessKeyId"))
    principal_id = reading.text(key.get("principalId"), limit=256)
    name = reading.text(key.get("userName"), limit=256)
    user_type = reading.text(key.get("userType"))
    if user_type == "Root":
        return Target(kind=Kind.ROOT, id=account, name="root", account=account)
    if user_type in {"AssumedRole", "Role"}:
        session = principal_id or name
        return Target(kind=Kind.ROLE_SESSION, id=session, name=name, account=account) if session else None
    if user_type in {"FederatedUser", "AWSAccount", "AWSService"}:
        named = principal_id or name
        return Target(kind=Kind.OTHER, id=named, name=name, account=account) if named else None
    user = name if reading.is_user_name(name) else ""
    if reading.is_key_id(key_id) and not reading.is_session_key(key_id):
        return Target(kind=Kind.ACCESS_KEY, id=key_id, name=user, account=account)
    unique = principal_id if principal_id.isalnum() and principal_id.startswith("AIDA") else ""
    return Target(kind=Kind.USER, id=unique, name=user, account=account) if user else None


def _inert(service: Json, key: Json) -> str:
    """Say why this finding may not change anything, or ``""``."""
    if _is_sample(reading.mapping(service, "additionalInfo")) or _FILLER in reading.text(key.get("accessKeyId")):
        return "this is a sample finding"
    return "the finding is archived" if service.get("archived") in (True, "true", "True") else ""


def _is_sample(info: Json) -> bool:
    """Look for the sample flag, plain or inside the JSON string ``value``."""
    inner: object = {}
    try:
        inner = json.loads(reading.text(info.get("value"), limit=65_536) or "{}")
    except (ValueError, RecursionError):
        inner = {}
    flags = (info.get("sample"), reading.mapping({"inner": inner}, "inner").get("sample"))
    return any(flag in (True, "true", "True") for flag in flags)


def _context(service: Json) -> tuple[tuple[str, str], ...]:
    """Give where the calls came from and which call it was."""
    call = reading.mapping(service, "action", "awsApiCallAction")
    caller = reading.mapping(call, "remoteIpDetails")
    pairs = (
        (
            "Call",
            ":".join(filter(None, (reading.text(call.get("serviceName")), reading.text(call.get("api"))))),
        ),
        ("From", reading.text(caller.get("ipAddressV4")) or reading.text(caller.get("ipAddressV6"))),
        ("Country", reading.text(reading.mapping(caller, "country").get("countryName"))),
    )
    return tuple(pair for pair in pairs if pair[1])
