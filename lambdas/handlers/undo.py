"""Undo: give back what one change took, where it is still as the responder left it, and read that back.

One function per action, each with its own role; ``TOURNIQUET_ACTION`` says which. Input: ``{"item": {"incident_id",
"item_id", …}, "execution": "<ARN>"}``. Output: ``{"incident_id", "item_id", "action", "result"}``, where ``result`` is
``undone`` or ``back``: there was nothing (more) to undo.

May touch: what an action's undo grants say; dynamodb:GetItem and dynamodb:UpdateItem on the incident table.
Never: writes over what somebody else wrote since; undoes what was so before the case; undoes anything in a case that
this run does not restore; contains anything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lambdas import actions, aws, errors, journal, restoring
from lambdas.actions.shape import Place
from lambdas.handlers import environment
from lambdas.journal import Table
from lambdas.model import RELEASING, Json, Result
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from lambdas.actions.shape import Action
    from lambdas.journal import Entry

_READS = 4
_SECONDS_BETWEEN_READS = 0.3
UNDONE, BACK = "undone", "back"


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with how it ended. Raises the named errors of ``lambdas.errors``."""
    action = actions.load(environment.get(environment.ACTION))
    item, execution = event["item"], str(event["execution"])
    table = Table(aws.client("dynamodb"), environment.get(environment.TABLE), seconds=journal.PATIENT)
    entry = _entry(table, action, str(item["incident_id"]), str(item["item_id"]), execution)
    result = BACK
    if not entry.released_at:
        result = perform(action, _power(action, entry), entry)
        table.mark_released(entry.change.incident_id, entry.change.item_id, execution, environment.now())
    elif entry.released_by == execution:
        result = UNDONE
    logger.info("undone", extra={"action": action.name, "case": entry.change.incident_id, "result": result})
    return {
        "incident_id": entry.change.incident_id,
        "item_id": entry.change.item_id,
        "action": action.name,
        "result": result,
    }


def _entry(table: Table, action: Action, incident_id: str, item_id: str, execution: str) -> Entry:
    """Read what is to be undone. Raises Superseded where this run does not restore the case (any more)."""
    case = table.case(incident_id)
    if case.outcome != RELEASING or case.restoring != execution:
        raise errors.Superseded("Another run has taken the case over, so nothing more of it is undone here.")
    entry = table.entry(incident_id, item_id)
    if entry is None or not entry.change.before:
        raise errors.Unexpected("The journal does not say what was there before the change.")
    if entry.change.action != action.name:
        raise errors.Unexpected(f"The change is of {entry.change.action}; this function only undoes {action.name}.")
    if entry.change.result is Result.ALREADY:
        raise errors.Unexpected("It was so before the case: that is never undone.")
    return entry


def _power(action: Action, entry: Entry) -> Any:  # noqa: ANN401  (IAM's client, or a Place)
    """Give an action what it works with; evidence is none of an undo's business."""
    if not action.on_instances:
        return aws.client("iam")
    return Place(clients=aws.client, region=entry.change.target.region)


def perform(action: Action, power: Any, entry: Entry) -> str:  # noqa: ANN401  (IAM's client, or a Place)
    """Look, compare, undo, look again; tell whether there was anything to undo. Can be repeated, and killed anywhere.

    Raises StateChanged with what differs, after what does not was undone.
    """
    change = restoring.to_give_back(entry.change, entry.again, action.rebase)
    item = restoring.item_of(change, entry.args)
    before = action.fields(change.before)
    left = action.fields(change.after) if change.after else None
    found = restoring.compare(before, left, action.fields(action.look(power, item)))
    missing: tuple[str, ...] = ()
    if found.undo:
        action.undo(power, change)
        for attempt in range(_READS):
            if attempt:
                time.sleep(_SECONDS_BETWEEN_READS)
            missing = restoring.not_back(before, action.fields(action.look(power, item)), found.undo)
            if not missing:
                break
    if differs := (*missing, *found.differs):
        rest = " What is not named here was undone." if len(missing) < len(found.undo) else ""
        raise errors.StateChanged(
            f"It is not as the responder left it, so it was not written over. {'; '.join(differs)}.{rest}"
        )
    return UNDONE if found.undo else BACK
