"""What may arrive, and how it becomes an incident: one module a source.

May touch: nothing.
Never: raises; whatever arrives becomes an incident, if need be one that names no target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Signal
from lambdas.signals import found, guardduty, health, manual, quarantine, reading, trusted_advisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.model import Json

#: The sources that EventBridge brings: name of the rule → the events it lets through.
PATTERNS: Mapping[str, dict[str, Any]] = {
    "Health": health.PATTERN,
    "HealthAbuse": health.ABUSE_PATTERN,
    "TrustedAdvisor": trusted_advisor.PATTERN,
    "GuardDuty": guardduty.PATTERN,
    "Quarantine": quarantine.PATTERN,
}

_READERS: Mapping[str, Callable[[Json], Incident]] = {
    health.SOURCE: health.parse,
    trusted_advisor.SOURCE: trusted_advisor.parse,
    guardduty.SOURCE: guardduty.parse,
    quarantine.SOURCE: quarantine.parse,
}


def incident_from(event: object) -> Incident:
    """Read an execution's input: an event of EventBridge, what an investigation found, or a person's request.

    Total: any JSON value gives an incident; one that cannot be understood names no target and says so
    in its notes.
    """
    if not isinstance(event, dict):
        return manual.parse({})
    source = event.get("source")
    if source is None and found.MARK in event:
        return found.parse(event)
    if source is None and "detail" not in event:
        return manual.parse(event)
    reader = _READERS.get(source) if isinstance(source, str) else None
    if reader is None:
        return Incident(
            signal=Signal(
                source="unknown",
                type=reading.text(event.get("detail-type")) or "unknown",
                id=reading.fingerprint(source, event.get("id")),
                account=reading.account_id(event.get("account")),
                title="An event of an unknown source",
            ),
            notes=("The event comes from a source that is not answered.",),
        )
    incident = reader(event)
    if incident.targets or incident.notes:
        return incident
    return Incident(
        signal=incident.signal,
        notes=("The event names nothing that could be read as a key, a user, a role or an instance.",),
        context=incident.context,
    )
