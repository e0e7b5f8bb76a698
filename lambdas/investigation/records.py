"""CloudTrail's records, read: whatever arrives, a record without its secrets comes back, and nothing raises.

``scrubbed`` gives the record as it is kept for evidence, ``read`` what the investigation knows of it. A record comes
from LookupEvents (with the record as JSON text under ``CloudTrailEvent``), from a trail's file or from EventBridge.
Facts of AWS: many records have no ``userIdentity.accessKeyId`` (services, sign-ins); ``requestParameters`` and
``responseElements`` are often null; a refused call has no ``responseElements``; regions are not validated, new ones
come up.

May touch: nothing.
Never: raises; keeps a secret (``secretAccessKey``, ``sessionToken``, passwords, user data); guesses a credential or a
name.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lambdas.signals.reading import items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambdas.model import Json

REMOVED = "[removed]"

#: Policy documents and the like are kept, but only so far; lists too (a call can start a thousand instances).
_LONGEST, _MOST, _DEEPEST, _WIDEST = 4_096, 1_000, 24, 200

_SECRET = re.compile(
    r"password|passwd|secret_?access_?key|session_?token|security_?token|user_?data|secret_?string|secret_?binary"
    r"|secret_?value|key_?material|private_?key|plain_?text|saml_?assertion|identity_?token|auth(?:orization)?_?token"
    r"|access_?token|refresh_?token|signin_?token|client_?secret|consumer_?secret|credential_?blob",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?:FwoG|IQoJ|FQoG|AQoD)[A-Za-z0-9/+=%]{40,}")
_KEY_ID = re.compile(r"[A-Za-z0-9_]{4,128}")
_AT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]00:?00)?")
_IN_WORDS = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d)\s([AP])M")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOON = 12
_DENIED = re.compile(r"access_?denied|unauthorized|not_?authorized|forbidden|AuthorizationError", re.IGNORECASE)

_KINDS = {
    "GetSessionToken": "session",
    "GetFederationToken": "federation",
    "CreateAccessKey": "access_key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who called, as CloudTrail's ``userIdentity`` says.

    ``issuer_arn``, ``issuer_name`` and ``issuer_id`` are of the role or user that temporary credentials were issued
    for. ``service`` is the AWS service that called on somebody's behalf.
    """

    type: str = ""
    id: str = ""
    arn: str = ""
    name: str = ""
    account: str = ""
    issuer_arn: str = ""
    issuer_name: str = ""
    issuer_id: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A credential that a record says was issued.

    ``kind`` is ``access_key``, ``session``, ``federation`` or ``role_session``. ``principal`` is the unique id of
    whose it is where the record says it (``AROA…:<session>``, ``<account>:<federated name>``), ``name`` the user or
    role.
    """

    key_id: str
    kind: str
    expires: str = ""
    principal: str = ""
    arn: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event of CloudTrail. ``at`` is ISO 8601 in UTC with a ``Z``, or ``""``.

    ``request`` and ``response`` are without secrets, and bounded. ``error`` is the error code, ``""`` where the call
    succeeded. ``console`` says that the credentials are those of a session in the console.
    """

    event_id: str
    at: str = ""
    region: str = ""
    account: str = ""
    service: str = ""
    name: str = ""
    key_id: str = ""
    by: Principal = field(default_factory=Principal)
    address: str = ""
    agent: str = ""
    error: str = ""
    read_only: bool = False
    console: bool = False
    category: str = ""
    type: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    issued: tuple[Issued, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the call succeeded; a sign-in that failed has no error code, it says so in its answer."""
        return not self.error and self.response.get(self.name) != "Failure"

    @property
    def denied(self) -> bool:
        """Whether the caller was not permitted."""
        return is_denied(self.error)

    @property
    def actor(self) -> str:
        """What tells callers apart: the key that signed, or else the principal in brackets."""
        return self.key_id or f"({self.by.id or self.by.arn or self.by.service or self.by.type})"


def is_denied(code: str) -> bool:
    """Tell whether an error code means that the caller was not permitted (services spell it differently)."""
    return _DENIED.search(code) is not None


def scrubbed(event: object) -> Json:
    """Give CloudTrail's own record out of an event of LookupEvents, or out of a record, without secrets and bounded.

    It always has an ``eventID``: a record without one gets the hash of its content.
    """
    outer = mapping(event)
    inner = _parsed(outer["CloudTrailEvent"]) if "CloudTrailEvent" in outer else outer.get("detail", outer)
    record: Json = dict(mapping(_clean(inner, 0)))
    for name, ours in (("EventId", "eventID"), ("EventName", "eventName"), ("EventSource", "eventSource")):
        if not record.get(ours) and (value := text(outer.get(name))):
            record[ours] = value
    if not record.get("eventTime") and (at := moment(outer.get("EventTime"))):
        record["eventTime"] = at
    if "readOnly" not in record and (said := text(outer.get("ReadOnly"))):
        record["readOnly"] = said
    identity = mapping(record, "userIdentity")
    if not identity.get("accessKeyId") and (key_id := _key(outer.get("AccessKeyId"))):
        record["userIdentity"] = {**identity, "accessKeyId": key_id}
    record["eventID"] = text(record.get("eventID"), 256) or _hashed(record)
    return record


def _hashed(record: Json) -> str:
    return "none-" + hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:24]


def from_event(event: object) -> Record:
    """Read an event of LookupEvents, or a record as a trail writes it."""
    return read(scrubbed(event))


def read(record: Json) -> Record:
    """Read what ``scrubbed`` gave."""
    response, name = _object(record.get("responseElements")), text(record.get("eventName"), 256)
    request = _object(record.get("requestParameters"))
    error = text(record.get("errorCode"), 256)
    return Record(
        event_id=text(record.get("eventID"), 256),
        at=moment(record.get("eventTime")),
        region=text(record.get("awsRegion"), 64),
        account=text(record.get("recipientAccountId"), 64)
        or text(mapping(record, "userIdentity").get("accountId"), 64),
        service=text(record.get("eventSource"), 256),
        name=name,
        key_id=_key(mapping(record, "userIdentity").get("accessKeyId")),
        by=_principal(mapping(record, "userIdentity")),
        address=text(record.get("sourceIPAddress"), 256),
        agent=text(record.get("userAgent"), _LONGEST)[:512],
        error=error,
        read_only=_truth(record.get("readOnly")),
        console=_truth(record.get("sessionCredentialFromConsole")),
        category=text(record.get("eventCategory"), 64),
        type=text(record.get("eventType"), 64),
        request=request,
        response=response,
        resources=tuple(_named(record.get("resources"))),
        issued=() if error else tuple(_issued(name, request, response)),
    )


def moment(value: object) -> str:
    """Read a time as ISO 8601 in UTC: from ISO, from a ``datetime``, or from CloudTrail's words; or give ``""``.

    A response has its dates in words: ``Jul 30, 2024, 9:46:15 PM``, with or without the second comma, and in newer
    records with a narrow space.
    """
    spelled = getattr(value, "isoformat", None)
    said = text(spelled() if callable(spelled) else value, 64)
    if iso := _AT.fullmatch(said):
        return f"{iso[1]}T{iso[2]}Z"
    if (words := _IN_WORDS.fullmatch(said)) and words[1] in _MONTHS:
        month, day, year, hour, minute, second, half = words.groups()
        hours = int(hour) % _NOON + (_NOON if half == "P" else 0)
        return f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{hours:02}:{minute}:{second}Z"
    return ""


def _principal(identity: Json) -> Principal:
    issuer = mapping(identity, "sessionContext", "sessionIssuer")
    return Principal(
        type=text(identity.get("type"), 64),
        id=text(identity.get("principalId"), 256),
        arn=text(identity.get("arn")),
        name=text(identity.get("userName"), 256),
        account=text(identity.get("accountId"), 64),
        issuer_arn=text(issuer.get("arn")),
        issuer_name=text(issuer.get("userName"), 256),
        issuer_id=text(issuer.get("principalId"), 256),
        service=text(identity.get("invokedBy"), 256),
    )


def _issued(name: str, request: Json, response: Json) -> Iterator[Issued]:
    """Find the credentials that an answer names: STS', IAM's, and those of services that answer in the same form."""
    sets = [mapping(one, "credentials") for one in items(response.get("credentialSet"))]
    for credentials in [mapping(response, "credentials"), mapping(response, "accessKey"), *sets]:
        key_id = _key(credentials.get("accessKeyId"))
        if not key_id:
            continue
        role, federated = mapping(response, "assumedRoleUser"), mapping(response, "federatedUser")
        user = text(credentials.get("userName"), 256)
        arn = text(role.get("arn")) or text(federated.get("arn"))
        yield Issued(
            key_id=key_id,
            kind=_KINDS.get(name) or ("access_key" if user else "role_session"),
            expires=moment(credentials.get("expiration")),
            principal=text(role.get("assumedRoleId"), 256) or text(federated.get("federatedUserId"), 256),
            arn=arn,
            name=user or text(request.get("name"), 256) or _role_of(text(request.get("roleArn")) or arn),
        )


def _role_of(arn: str) -> str:
    """Name the role in ``arn:…:role/path/NAME`` or ``arn:…:assumed-role/NAME/session``."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]


def _key(value: object) -> str:
    found = text(value, 128)
    return found if _KEY_ID.fullmatch(found) else ""


def _truth(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _object(value: object) -> Json:
    """Give an object; text that holds one is read, anything else counts as none."""
    return mapping(_clean(_parsed(value), 0)) if isinstance(value, str) else mapping(value)


def _named(resources: object) -> Iterator[str]:
    for one in items(resources)[:_MOST]:
        if said := text(mapping(one).get("ARN")) or text(mapping(one).get("ResourceName")):
            yield said


def _parsed(value: object) -> object:
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _clean(value: object, depth: int) -> object:
    """Copy JSON without what is secret, and bounded in depth, width and length."""
    if depth > _DEEPEST:
        return REMOVED
    if isinstance(value, dict):
        some = list(value.items())[:_WIDEST]
        return {str(key)[:256]: _kept(str(key), inner, depth) for key, inner in some}
    if isinstance(value, list | tuple):
        return [_clean(one, depth + 1) for one in value[:_MOST]]
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
        return _TOKEN.sub(REMOVED, cut)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:_LONGEST]


def _kept(key: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    return REMOVED if _is_secret(key) else _clean(value, depth + 1)


@lru_cache(maxsize=4096)
def _is_secret(key: str) -> bool:
    return _SECRET.search(key) is not None
