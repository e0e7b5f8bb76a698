"""Restore: open a case's journal for undoing, and close the case when that has ended. On every path it tells people.

Input: ``{"do": "open", "event": <the execution's input>, "execution": "<ARN>"}`` or ``{"do": "close", "opened": <the
answer of open> | null, "results": [<an undo's answer, or {"item", "error", "cause"}>, in lists] | null, "failure":
{"state", "error", "cause"} | null, "event": …, "execution": …}``. Output of ``open``: ``{"incident_id", "reason",
"reactivate_keys", "undo": {<action>: [<item>]}, "stays": [<item with "why">]}`` or, where nothing may be undone,
``{"refused": "<sentence>", "incident_id"}``; an item is ``{"incident_id", "item_id", "action", "target"}``. Output of
``close``: ``{"released": "<incident id>", "undone": [<item id>], "not_undone": [<item id>]}``, ``{"refused":
"<sentence>", "incident_id"}`` or ``{"failed": "<sentence>", "incident_id"}``.

May touch: states:DescribeExecution on the respond and the restore workflow; sns:Publish on the alert topic;
dynamodb:GetItem, dynamodb:Query, dynamodb:Scan and dynamodb:UpdateItem on the incident table.
Never: changes anything in the account; undoes a case that somebody is at work on; lifts what another open case needs.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lambdas import actions, aws, errors, executions, journal, release_alert, restoring
from lambdas.aws import Grant
from lambdas.handlers import environment, topic
from lambdas.handlers.undo import UNDONE
from lambdas.journal import Table
from lambdas.model import RELEASING, Change, Json, Kind, Outcome, Result, Target
from lambdas.release_alert import Ended, Release, Step
from lambdas.telemetry import logger
from lambdas.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambdas.journal import Case, Entry

GRANTS = (
    *journal.RESTORE_GRANTS,
    *executions.GRANTS,
    Grant(action="states:DescribeExecution", resource="{restores}"),
    *topic.GRANTS,
)

_ID = re.compile(r"inc-\d{8}-[0-9a-f]{10}")
_KNOWN = {"incident_id", "reactivate_keys", "reason"}
_LONGEST = 500
_TRIES = 3
_FORM = (
    'Start the workflow again with {"incident_id": "inc-…"}, where the id is that of the alert, and optional '
    '"reactivate_keys": true or false and "reason": "…".'
)
_KEY_STAYS = (
    "a leaked key is to be replaced and not used again, so it stays disabled; a restore with "
    '"reactivate_keys": true makes it active'
)
_NOT_BEGUN = "Nothing was undone, because the restore could not begin: "


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors``."""
    execution = str(event["execution"])
    table = Table(aws.client("dynamodb"), environment.get(environment.TABLE), seconds=journal.PATIENT)
    match event["do"]:
        case "open":
            return _open(table, event.get("event"), execution)
        case "close":
            return _close(table, event, execution)
    raise errors.Unexpected(f"The restore function does not know how to {line(event['do'], 40)}.")


def _open(table: Table, event: object, execution: str) -> Json:
    """Take a case for this run, and say what is to be undone in it and what stays. Can be repeated."""
    given = event if isinstance(event, dict) else {}
    incident_id, keys, reason = given.get("incident_id"), given.get("reactivate_keys", False), given.get("reason", "")
    if not isinstance(incident_id, str) or not _ID.fullmatch(incident_id):
        return _refused("", f"The input names no case. {_FORM}")
    if not isinstance(keys, bool) or not isinstance(reason, str) or set(given) - _KNOWN:
        return _refused(incident_id, f"The input could not be understood. {_FORM}")
    for _ in range(_TRIES):
        case = table.case(incident_id)
        if why := _why_not(case, execution):
            return _refused(incident_id, why)
        entries = table.entries(incident_id)
        items = {*case.made, *(entry.change.item_id for entry in entries if not entry.released_at)}
        mine = case.outcome == RELEASING and case.restoring == execution
        if mine or table.begin_release(case, execution, items, environment.now()):
            undo, stays = _sorted(table, entries, reactivate_keys=keys)
            logger.info("opened", extra={"case": incident_id, "to_undo": sum(map(len, undo.values()))})
            return {
                "incident_id": incident_id,
                "reason": reason[:_LONGEST],
                "reactivate_keys": keys,
                "undo": undo,
                "stays": stays,
            }
    return _refused(incident_id, "The case kept changing, because other runs are at work on it. Start it again later.")


def _why_not(case: Case, execution: str) -> str:
    """Say why a case may not be restored now, or ``""``. Raises the named errors when nobody says who is at work."""
    if not case.execution:
        return f"There is no case of this id in the incident table. {_FORM}"
    if case.outcome == RELEASING and case.restoring != execution and executions.runs(case.restoring):
        return (
            f"Another restore of this case is at work, the run {_name(case.restoring)}. Wait for its alert; start this "
            "again only if that says that something was not undone."
        )
    at_work = [one for one in sorted({case.execution, *case.acting.values()}) if executions.runs(one)]
    if at_work:
        return (
            f"The run {_name(at_work[0])} is still at work on this case. Wait for its alert, then start the restore "
            "again."
        )
    return ""


def _name(execution: str) -> str:
    return line(execution.rpartition(":")[2], 80)


def _refused(incident_id: str, sentence: str) -> Json:
    return {"refused": sentence, "incident_id": incident_id}


def _sorted(table: Table, entries: Iterable[Entry], *, reactivate_keys: bool) -> tuple[Json, list[Json]]:
    """Sort what is not undone yet: one list per action of what is to be undone, and what stays, with the reason."""
    left = [entry for entry in entries if not entry.released_at and entry.change.before and _undoes(entry)]
    meets = any(restoring.identities(entry.change) for entry in left)
    standing = [entry.change for entry in table.standing()] if meets else []
    outcomes = {one: table.case(one).outcome for one in _others(left, standing)}
    undo: dict[str, list[Json]] = {name: [] for name in actions.names() if actions.load(name).undo_grants}
    stays = []
    for entry in left:
        why = _stays(entry.change, standing, outcomes, reactivate_keys=reactivate_keys)
        if why:
            stays.append({**_item(entry.change), "why": why})
        else:
            undo[entry.change.action].append(_item(entry.change))
    return undo, stays


def _undoes(entry: Entry) -> bool:
    return entry.change.action in actions.names() and bool(actions.load(entry.change.action).undo_grants)


def _others(left: Iterable[Entry], standing: list[Change]) -> set[str]:
    made = (Result.DONE, Result.ALREADY)
    return {case for entry in left for case in restoring.others(entry.change, standing, made)}


def _stays(change: Change, standing: list[Change], outcomes: Mapping[str, str], *, reactivate_keys: bool) -> str:
    """Say why a change is not undone now; ``""`` where it is."""
    if change.result is Result.ALREADY:
        makers = [one for one in restoring.others(change, standing, (Result.DONE,)) if one != change.incident_id]
        by = f"; the case {makers[0]} made it, so restore that one to undo it" if makers else ""
        return f"it was so before this case, which is never undone{by}"
    if change.action == "disable_key" and not reactivate_keys:
        return _KEY_STAYS
    over = {Outcome.RELEASED.value, RELEASING}
    needing = [
        one
        for one in restoring.others(change, standing, (Result.DONE, Result.ALREADY))
        if outcomes.get(one) not in over
    ]
    if needing:
        return (
            f"the case {needing[0]} needs it too and is not released; when that one is restored, restore this one again"
        )
    return ""


def _item(change: Change) -> Json:
    return {
        "incident_id": change.incident_id,
        "item_id": change.item_id,
        "action": change.action,
        "target": asdict(change.target),
    }


def _close(table: Table, event: Json, execution: str) -> Json:
    """Tell how a restore ended, and write that into the case. Can be repeated."""
    opened, failure = event.get("opened"), event.get("failure")
    if not opened or "refused" in opened:
        return _tell_refusal(opened, failure, event.get("event"), execution)
    incident_id = str(opened["incident_id"])
    entries, about, notes = _known(table, incident_id)
    if failure:
        notes.append(_failed(failure))
    steps = _steps(opened, event.get("results") or [], entries, execution)
    if not _ended(table, incident_id, execution, entries):
        notes.append(
            "The case is not marked as released, because another run took it over, or the incident table did not "
            "answer. A repeat of its signals may contain again."
        )
    topic.publish(
        release_alert.compose(
            Release(
                incident_id=incident_id,
                about=about,
                reason=str(opened["reason"]),
                steps=steps,
                notes=tuple(notes),
                kept=any(entry.change.target.kind is Kind.INSTANCE for entry in entries.values()),
                execution=execution,
                restore=environment.get(environment.RESTORE),
                respond=environment.get(environment.RESPOND),
                at=environment.now(),
            )
        )
    )
    undone = [step.change.item_id for step in steps if step.ended in {Ended.UNDONE, Ended.BACK}]
    return {
        "released": incident_id,
        "undone": undone,
        "not_undone": [step.change.item_id for step in steps if step.change.item_id not in undone],
    }


def _tell_refusal(opened: Json | None, failure: Json | None, event: object, execution: str) -> Json:
    """Tell that nothing was undone, and why."""
    given = event if isinstance(event, dict) else {}
    found = opened or {}
    incident_id = line(found.get("incident_id") or given.get("incident_id") or "", 60)
    sentence = str(found.get("refused") or _NOT_BEGUN + _failed(failure or {}))
    outcome = Outcome.REFUSED if "refused" in found else Outcome.FAILED
    restore = environment.get(environment.RESTORE)
    topic.publish(release_alert.refusal(incident_id, outcome, sentence, execution, restore, environment.now()))
    return {outcome.lower(): sentence, "incident_id": incident_id}


def _known(table: Table, incident_id: str) -> tuple[dict[str, Entry], Json, list[str]]:
    """Read what the journal holds of a case, and what its item tells; what cannot be read is a note."""
    try:
        entries = {entry.change.item_id: entry for entry in table.entries(incident_id)}
        return entries, table.case(incident_id).about, []
    except errors.TourniquetError as error:
        logger.warning("the journal could not be read: %s", error)
        return {}, {}, ["The incident table could not be read, so the lines to undo the rest by hand are missing here."]


def _steps(opened: Json, results: list[Any], entries: Mapping[str, Entry], execution: str) -> tuple[Step, ...]:
    """Say of each change of the case how it ended."""
    ended = {str(one.get("item_id") or one["item"]["item_id"]): one for one in _answers(results)}
    steps = []
    for item in (item for items in opened["undo"].values() for item in items):
        entry = entries.get(item["item_id"])
        answer = ended.get(item["item_id"], {})
        if not answer and entry is not None and entry.released_by == execution:
            answer = {"result": UNDONE}  # it was undone, and its answer was lost
        steps.append(_step(item, answer, entry))
    return (*steps, *(Step(change=_change(one, None), ended=Ended.STAYS, why=one["why"]) for one in opened["stays"]))


def _step(item: Json, answer: Json, entry: Entry | None) -> Step:
    change = _change(item, entry)
    if "result" in answer:
        return Step(change=change, ended=Ended(answer["result"]))
    error = line(answer.get("error", "NotRun"), 80)
    by_hand = actions.load(change.action).undo_command(change) if entry else ()
    reason = _reason(answer.get("cause"))
    gone = error == errors.TargetGone.__name__
    return Step(change=change, ended=Ended.GONE if gone else Ended.FAILED, error=error, why=reason, by_hand=by_hand)


def _change(item: Json, entry: Entry | None) -> Change:
    """Give the change of an item, with what is to be given back where the journal could be read."""
    if entry is None:
        return Change(
            item_id=item["item_id"],
            incident_id=item["incident_id"],
            action=item["action"],
            target=Target.from_json(item["target"]),
            result=Result.DONE,
        )
    return restoring.to_give_back(entry.change, entry.again, actions.load(item["action"]).rebase)


def _answers(branches: Iterable[Any]) -> Iterator[Json]:
    """Give what the undo functions answered: lists in lists, as the branches of the workflow are in each other."""
    for answer in branches:
        if isinstance(answer, list):
            yield from _answers(answer)
        elif answer:
            yield answer


def _ended(table: Table, incident_id: str, execution: str, entries: Mapping[str, Entry]) -> bool:
    """Write that the restore has ended; what can have no undo, or was so before, begins anew with the next attack."""
    try:
        if not table.end_release(incident_id, execution, environment.now()):
            return False
        for entry in entries.values():
            over = entry.change.result is Result.ALREADY or not entry.change.before or not _undoes(entry)
            if over and not entry.released_at:
                table.mark_released(incident_id, entry.change.item_id, execution, environment.now())
    except errors.TourniquetError as error:
        logger.warning("the end of a restore could not be recorded: %s", error)
        return False
    return True


def _failed(failure: Json) -> str:
    return (
        f'The step "{line(failure.get("state"), 60)}" failed with {line(failure.get("error"), 80)}: '
        f"{_reason(failure.get('cause'))}"
    )


def _reason(cause: object) -> str:
    """Read the message out of what Step Functions keeps of a Lambda error."""
    try:
        read = json.loads(str(cause or "{}"))
    except ValueError:  # cut off, or not JSON: the message comes first in it
        found = re.search(r'"errorMessage":\s*"((?:[^"\\]|\\.)*)', str(cause))
        return line(found[1] if found else cause, 1200)
    return line(read.get("errorMessage", "") if isinstance(read, dict) else cause, 1200)
