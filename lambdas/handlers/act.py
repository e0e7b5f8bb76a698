"""Act: make one change, with the journal before it and a reading after it.

One function per action, each with its own role; ``TOURNIQUET_ACTION`` says which. Input: ``{"item":
<plan item>, "execution": "<ARN>"}``, from a hold with ``"undone": true`` besides: somebody undid the change, and what
was there in between is the attacker's and nothing to give back; ``"seen"`` is then what the hold just read of the
target, which is not read again. Output: a change.

May touch: what the action's module says; dynamodb:PutItem and dynamodb:UpdateItem on the incident table.
Never: makes a change whose reading-back it does not check; waits for the table for more than about a second; makes
anything again of a case that a person gave back.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas import actions, aws, errors
from lambdas.actions.shape import Place
from lambdas.handlers import environment
from lambdas.journal import Kept, Table
from lambdas.model import Change, Json, PlanItem, Result
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from lambdas.actions.shape import Action

_READS = 4
_MOST_CHARACTERS = 2_000
_MOST_UNJOURNALED = 60_000
_SECONDS_BETWEEN_READS = 0.3


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with the change. Raises the named errors of ``lambdas.errors``."""
    item = PlanItem.from_json(event["item"])
    action = actions.load(environment.get(environment.ACTION))
    if item.action != action.name:
        raise errors.Unexpected(f"The item is for {item.action}; this function only does {action.name}.")
    if item.refused:
        raise errors.Protected(item.refused)
    execution = str(event["execution"])
    table = Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    undone = event.get("undone") is True
    change = perform(action, power(action, item), item, table, execution, undone=undone, seen=event.get("seen"))
    logger.info("acted", extra={"action": action.name, "case": item.incident_id, "result": change.result})
    return _short(change).to_json()


def _short(change: Change) -> Change:
    """Leave out what is too long to travel through the workflow, which carries 256 KiB for all the changes together.

    What is in no journal may be longer, because it is nowhere else.
    """
    if len(json.dumps(change.to_json())) <= (_MOST_CHARACTERS if change.journaled else _MOST_UNJOURNALED):
        return change
    return replace(change, before={}, after={}, omitted=True)


def power(action: Action, item: PlanItem) -> Any:  # noqa: ANN401  (IAM's client, or a Place)
    """Give an action what it works with."""
    if not action.on_instances:
        return aws.client("iam")
    return Place(
        clients=aws.client,
        region=item.target.region,
        bucket=environment.get(environment.EVIDENCE),
        days=int(environment.get(environment.RETENTION)),
    )


def perform(  # noqa: PLR0913  (what one change needs)
    action: Action,
    power: Any,  # noqa: ANN401  (IAM's client, or a Place)
    item: PlanItem,
    table: Table,
    execution: str,
    *,
    undone: bool = False,
    seen: Json | None = None,
) -> Change:
    """Look, journal, apply, look again. Can be repeated and killed at any point.

    ``done`` means that this execution made the change, ``already`` that there was nothing to make. What
    was there at first is read back from the journal, so that a retry does not take its own change for
    the state before it. ``undone`` says that a hold saw the change undone, ``seen`` what it read then. Raises Released
    when a person gave the case back by then.
    """
    seen = seen if undone and seen else action.look(power, item)
    change = Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        before=seen,
        result=Result.FAILED,
        at=environment.now(),
    )
    changed = not action.verify(seen)
    if changed and undone:
        _watched(table, change)
    kept, journaled = _journaled(action, table, change, execution, item.args, changed=changed and not undone)
    after = seen
    if changed:
        _apply(action, power, change, table)
        after = _reread(action, power, item, 1 if undone else _READS)
    if kept.remark:
        raise errors.StillTracked(kept.remark)
    before = action.rebase(kept.before, kept.again) if kept.again else kept.before
    undone_first = kept.by == execution and not action.verify(kept.before)
    undone_again = kept.again_by == execution and kept.again is not None and not action.verify(kept.again)
    made_here = changed or undone_first or undone_again
    ended = replace(
        change,
        before=before,
        after=after,
        result=Result.DONE if made_here else Result.ALREADY,
        changed=made_here,
        journaled=journaled,
        at=environment.now(),
    )
    if journaled and (made_here or kept.by == execution):
        try:
            table.record_after(ended)
        except errors.TourniquetError as error:
            logger.warning("the journal could not be completed: %s", error)
    return ended


def _watched(table: Table, change: Change) -> None:
    """Count an undone change, unless a person gave the case back; a table that does not answer holds up nothing."""
    try:
        watched = table.watch_on(change)
    except errors.TourniquetError as error:
        logger.warning("an undone change could not be counted: %s", error)
        return
    if not watched:
        raise errors.Released("A person gave the case back, so nothing of it is made again.")


def _apply(action: Action, power: Any, change: Change, table: Table) -> None:  # noqa: ANN401  (IAM's client, or a Place)
    """Make the change. What an error leaves undone is kept, because no later reading shows it."""
    try:
        action.apply(power, change.before)
    except errors.TourniquetError as error:
        if error.remark:
            try:
                table.record_remark(change, error.remark)
            except errors.TourniquetError as lost:
                logger.warning("a remark could not be kept: %s", lost)
        raise


def _journaled(  # noqa: PLR0913  (what a change is journaled with)
    action: Action, table: Table, change: Change, execution: str, args: Json, *, changed: bool
) -> tuple[Kept, bool]:
    """Write what is there now, before anything is changed; tell whether that worked."""
    try:
        kept = table.record_before(change, execution, args)
        if changed and execution not in {kept.by, kept.again_by}:
            again = action.rebase(kept.again, change.before) if kept.again else change.before
            table.record_again(replace(change, before=again), execution)
            kept = replace(kept, again=again, again_by=execution)
    except errors.TourniquetError as error:
        logger.warning("the journal could not be written: %s", error)
        return Kept(before=change.before, by=execution), False
    return kept, True


def _reread(action: Action, power: Any, item: PlanItem, reads: int) -> Json:  # noqa: ANN401  (as above)
    """Read until the change shows, so often at most. Raises StateChanged if it does not: four times are a second.

    A hold reads on by itself, and what somebody undid meanwhile is not waited for.
    """
    for attempt in range(reads):
        if attempt:
            time.sleep(_SECONDS_BETWEEN_READS)
        state = action.look(power, item)
        if action.verify(state):
            return state
    raise errors.StateChanged(
        f"{action.name} was accepted, but reading back does not show it: somebody else may be changing this target."
    )
