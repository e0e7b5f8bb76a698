"""Trusted Advisor: items of the check "Exposed Access Keys".

The item's keys have spaces; the user may be the account's root user; ``Fraud Type`` tells a key that
was found in public from one that is only suspected. The notification comes again for days; ``Time Updated``
(milliseconds since 1970, in a string) says when the item itself changed.

May touch: nothing.
Never: raises on odd input, or names a target that the event does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "aws.trustedadvisor"
CHECK = "Exposed Access Keys"

PATTERN: dict[str, Any] = {
    "source": [SOURCE],
    "detail-type": ["Trusted Advisor Check Item Refresh Notification"],
    "detail": {"check-name": [CHECK, *reading.BROKEN]},
}

_SEVERE, _SUSPECTED = 8.0, 6.0


def parse(event: Json) -> Incident:
    """Read a Trusted Advisor item of EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    item = reading.mapping(detail, "check-item-detail")
    account = reading.account_id(event.get("account"))
    check = reading.text(detail.get("check-name"))
    fraud = reading.text(item.get("Fraud Type"))
    key = reading.text(item.get("Access Key ID"))
    user = reading.text(item.get("User Name (IAM or Root)"))
    targets: list[Target] = []
    notes: list[str] = []
    if check and check != CHECK:
        notes.append("This Trusted Advisor check is not one that reports exposed keys.")
    elif reading.is_key_id(key):
        name = user if reading.is_user_name(user) or reading.is_root_name(user) else ""
        targets.append(Target(kind=Kind.ACCESS_KEY, id=key, name=name, account=account))
    elif reading.is_root_name(user):
        targets.append(Target(kind=Kind.ROOT, id=account, name="root", account=account))
    elif reading.is_user_name(user):
        targets.append(Target(kind=Kind.USER, name=user, account=account))
    if key and not reading.is_key_id(key):
        notes.append("The value that the event gives as access key id does not have the form of one.")
    resolved = reading.text(detail.get("status")).upper() == "OK"
    location = reading.text(item.get("Location"))
    region = reading.text(event.get("region"))
    return Incident(
        signal=Signal(
            source=SOURCE,
            type=f"{check or 'unknown'}/{fraud or 'unknown'}",
            id=reading.fingerprint(*_identity(event, detail, item, key), region),
            account=account,
            region=region,
            severity=_SUSPECTED if fraud.lower() == "suspected" else _SEVERE,
            title="Trusted Advisor found an exposed access key",
            at=reading.instant(item.get("Time Updated")) or reading.text(event.get("time")),
            inert="Trusted Advisor says that the item is resolved (status OK)" if resolved else "",
        ),
        targets=tuple(targets),
        notes=tuple(notes),
        context=(("Seen at", location),) if location else (),
    )


def _identity(event: Json, detail: Json, item: Json, key: str) -> tuple[object, ...]:
    """Give what tells one report from another: the item as it was updated, which is sent again for days."""
    case, updated = reading.text(item.get("Case ID")), reading.text(item.get("Time Updated"))
    if case and updated:
        return case, updated, key
    return detail.get("uuid") or event.get("id"), case, key
