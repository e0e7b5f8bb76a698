"""Notify: judge each case, tell people, and write down how it ended. On every path.

Input: ``{"triage": <triage's answer> | null, "changes": [<change>, or a list of such, …] | null, "asked": [{"id",
"error"}], "failure": {"state", "error", "cause"} | null, "notice": {"outcome", "incident_id", "sentence"} | null,
"event": <the execution's input, where triage failed>, "held": [<see holding.Held> | {"error"} | null, …] | null,
"told": <what this answered when the cuts were made> | null, "execution": "<ARN>", "started_at": "<ISO 8601>"}``. With
``held`` the cuts were watched, and this is the last alert of the run. Output:
``{"cases": [{"incident_id", "outcome", "alerted"}]}``, or of a notice ``{"<its outcome in small letters>":
"<sentence>", "incident_id"}``.

May touch: sns:Publish on the alert topic, sns:GetTopicAttributes; dynamodb:GetItem, dynamodb:Query and
dynamodb:UpdateItem on the incident table.
Never: changes anything in the account; fails because the table does.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lambdas import actions, alert, aws, errors, journal, planning, wording
from lambdas.alert import Alert, Notice, Story
from lambdas.aws import Grant
from lambdas.handlers import environment, topic
from lambdas.journal import Asked, Table
from lambdas.model import Change, Incident, Json, Kind, Outcome, PlanItem, Result, incident_id, placed
from lambdas.playbooks import playbook_for
from lambdas.playbooks.shape import mode_at
from lambdas.signals import incident_from, manual
from lambdas.telemetry import logger
from lambdas.text import line
from lambdas.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

GRANTS = (
    *journal.OUTCOME_GRANTS,
    Grant(action="sns:GetTopicAttributes", resource="{topic}"),
    *topic.GRANTS,
)

_REASON = 500  # characters
_QUIET = {Outcome.CONTAINED, Outcome.OBSERVED, Outcome.ANNOUNCED, Outcome.REFUSED}
_MADE = {Result.DONE, Result.ALREADY}
_SETTLED = {"reject": Result.REJECTED.value, "expire": Result.EXPIRED.value, "contain": Result.EXPIRED.value}
_ASKED = {Asked.WAITING: Result.PENDING, Asked.REJECTED: Result.REJECTED, Asked.EXPIRED: Result.EXPIRED}
_WHAT = {
    Outcome.REFUSED: "an answer to {} was refused.",
    Outcome.FAILED: "a question of {} could not be settled.",
    Outcome.RELEASED: "{} was undone by a person.",
}
_NOT_ASKED = (
    "People could not be asked, because the run that waits for the answer could not be started: what needs an answer "
    "was only planned."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What is to be told of one run: what triage handed on, what became of it, how it held, what was told before."""

    execution: str
    started_at: str
    triage: Json
    understood: bool
    incident: Incident
    changes: Mapping[str, Change]
    asked: Mapping[str, object]
    failure: Json | None
    watched: Watched | None
    told: Json | None
    table: Table


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors`` when the alert cannot be sent."""
    execution = str(event["execution"])
    if notice := event.get("notice"):
        return _tell(notice, execution)
    triage = event.get("triage") or _without_triage(event, execution)
    run = _Run(
        execution=execution,
        started_at=environment.as_ours(str(event.get("started_at", ""))),
        triage=triage,
        understood=bool(event.get("triage")),
        incident=Incident.from_json(triage["incident"]),
        changes=_changes(event.get("changes") or []),
        asked={str(one.get("id")): one.get("error") for one in event.get("asked") or [] if isinstance(one, dict)},
        failure=event.get("failure"),
        watched=_watched(event.get("held")),
        told=event.get("told"),
        table=Table(aws.client("dynamodb"), environment.get(environment.TABLE), seconds=journal.PATIENT),
    )
    told = [_tell_of(run, case) for case in triage["cases"]]
    if triage.get("breaker") and not run.told:
        _tell_breaker(triage["breaker"], run.incident, told[0]["incident_id"], execution)
    return {"cases": told}


def _tell_of(run: _Run, case: Json) -> Json:
    """Judge one case, tell people, write down how it ended; give what became of it."""
    incident_id = case["incident_id"]
    before = next((one for one in (run.told or {}).get("cases", []) if one["incident_id"] == incident_id), None)
    items = tuple(PlanItem.from_json(item) for item in case["items"])
    watch = run.watched.of(items) if run.watched else None
    if before is not None:
        if watch is None:  # nothing of it was watched: there is nothing to add
            return dict(before)
        case, items = _without_answered(run, case, items)
    story = _story(run, case, items, watch)
    alerted = _worth_telling(case, story) or bool(before and before["alerted"])
    lost = _lost(story) if alerted else None
    _record(run, story, case, alerted=alerted and lost is None)
    if lost is not None:
        raise lost
    return {"incident_id": incident_id, "outcome": story.outcome, "alerted": alerted}


def _without_answered(run: _Run, case: Json, items: tuple[PlanItem, ...]) -> tuple[Json, tuple[PlanItem, ...]]:
    """Leave out what people answered while the cuts were watched: the run that waited for it tells of that."""
    if not case.get("ask"):
        return case, items
    try:
        asks = run.table.asks(case["incident_id"])
    except errors.TourniquetError as error:
        logger.warning("a question could not be read: %s", error)
        return case, items
    answered = next((one for one in asks if one.id == case["ask"]["id"] and one.state is not Asked.WAITING), None)
    if answered is None:
        return case, items
    return {**case, "ask": None}, tuple(item for item in items if item.id not in answered.items)


def _story(run: _Run, case: Json, items: tuple[PlanItem, ...], watch: Watched | None) -> Story:
    """Put together all that there is to tell about one case."""
    changes = {item.id: run.changes[item.id] for item in items if item.id in run.changes}
    if run.failure or any(_may_be_made(change) for change in changes.values()):
        kept = _finished(run.table, case["incident_id"], items, run.started_at)
        made = {item_id: change for item_id, change in kept.items() if change.result in _MADE}
        again = {item_id for item_id, change in changes.items() if _may_be_made(change)} & set(made)
        changes = kept | {item_id: change for item_id, change in changes.items() if item_id not in again}
    changes = {item_id: _whole(run.table, change) for item_id, change in changes.items()}
    ask, waiting = _question(run.table, case, run.asked, run.execution)
    decision = case.get("decision")
    settled = _SETTLED.get(decision["answer"], "") if decision else ""
    standing = planning.standing(items, changes, waiting=waiting, settled=settled)
    outcome = _outcome(case, standing, changes, failed=run.failure is not None)
    if watch and watch.lost and outcome in {Outcome.CONTAINED, Outcome.REPEATED}:
        outcome = Outcome.PARTIAL
    if watch and watch.released:
        outcome = Outcome.RELEASED
    return Story(
        incident_id=case["incident_id"],
        incident=run.incident,
        outcome=outcome,
        mode=run.triage["mode"],
        why_mode=run.triage["why_mode"],
        observe_all=run.triage["observe_all"],
        items=items,
        results=standing,
        changes=changes,
        not_done=_not_done(run, case, ask),
        next_steps=playbook_for(run.incident.signal).steps(_kinds(run.incident, items)),
        execution=run.execution,
        respond=environment.get(environment.RESPOND),
        restore=environment.get(environment.RESTORE),
        at=environment.now(),
        undo=_undo,
        nothing_made=not case["made"] and (bool(items) or not case["planned"]),
        ask=ask,
        decision=decision,
        watch=watch,
    )


def _not_done(run: _Run, case: Json, ask: Json | None) -> tuple[str, ...]:
    """Say what was not done besides the items that were not made."""
    notes = [*run.triage["not_done"]]
    if run.failure:
        notes.insert(0, _failed(run.failure))
    if case.get("ask") and not ask:
        notes.insert(0, _NOT_ASKED)
    if not case["recorded"] and run.understood:
        notes.append(
            "The incident table did not answer when this case began, so a repeat of the signal may not be "
            "recognised as one. The history of the run has everything."
        )
    return tuple(notes)


def _watched(held: object) -> Watched | None:
    """Put together how the cuts of both kinds held; ``None`` where nothing was watched."""
    parts = [part for part in held if isinstance(part, dict)] if isinstance(held, list) else []
    if not parts:
        return None
    return Watched(
        items={item_id: said for part in parts for item_id, said in part.get("items", {}).items()},
        born=tuple(one for part in parts for one in part.get("born", [])),
        more_born=sum(int(part.get("more_born", 0)) for part in parts),
        born_error=next((part["born_error"] for part in parts if part.get("born_error")), ""),
        seconds=min((float(part["seconds"]) for part in parts if "seconds" in part), default=0.0),
        released=tuple(case for part in parts for case in part.get("released", ())),
        errors=tuple(line(part["error"], 80) for part in parts if "error" in part),
    )


def _question(table: Table, case: Json, asked: Mapping[str, object], execution: str) -> tuple[Json | None, set[str]]:
    """Give the question that people can answer now, and the ids of the items that wait for it.

    One whose waiting run could not be started is closed: nobody would hear the answer.
    """
    ask = case.get("ask")
    if not ask:
        return None, set()
    items = {item["id"] for item in case["items"]}
    if ask["id"] in asked and not asked[ask["id"]]:
        return ask, items
    try:
        for kept in table.asks(case["incident_id"]):
            if kept.id == ask["id"]:
                table.settle(kept, Asked.EXPIRED, environment.now(), execution, "the run that waits did not start")
    except errors.TourniquetError as error:
        logger.warning("a question could not be closed: %s", error)
    return None, set()


def _tell(notice: Json, execution: str) -> Json:
    """Tell what became of a person's answer where no other run does; nothing is written, the case is as it was."""
    incident_id, sentence = line(notice.get("incident_id", ""), 60), line(notice.get("sentence", ""), 600)
    outcome = Outcome(notice["outcome"])
    case = f"case {incident_id}" if incident_id else "a question"
    _send(
        alert.notice(
            Notice(
                incident_id=incident_id,
                outcome=outcome,
                what=_WHAT[outcome].format(case),
                sentences=(sentence,),
                steps=(),
                source=manual.SOURCE,
                type="answer",
                execution=execution,
                at=environment.now(),
            )
        )
    )
    return {outcome.lower(): sentence, "incident_id": incident_id}


def _tell_breaker(limit: int, incident: Incident, incident_id: str, execution: str) -> None:
    """Tell, once, that the circuit breaker opened."""
    _send(
        alert.notice(
            Notice(
                incident_id=incident_id,
                outcome=Outcome.PENDING,
                what=f"the circuit breaker opened at its limit of {limit} an hour.",
                sentences=(
                    (
                        "Each further principal is asked about instead of contained by itself, until fewer than the "
                        "limit were contained within the hour before. What AWS itself reports as exposed or "
                        "compromised is contained all the same."
                    ),
                    (
                        "This is an attack on many principals at once, or a fault in what reports them; or somebody "
                        "makes noise to have you cut off your own production."
                    ),
                ),
                steps=(
                    "Look at what was contained within the last hour, and answer the questions of the cases that wait.",
                    (
                        "If it is a fault, deploy again with the setting mode=observe. If the limit is too low for "
                        "this account, raise the setting max_containments_per_hour."
                    ),
                ),
                source=incident.signal.source,
                type="circuit breaker",
                execution=execution,
                at=environment.now(),
            )
        )
    )


def _kinds(incident: Incident, items: Iterable[PlanItem]) -> set[Kind]:
    """Give what people have to follow up: what the signal names, and the instances that are behind it."""
    instances = {item.target.kind for item in items} & {Kind.INSTANCE}
    return {target.kind for target in incident.targets} | instances


def _undo(change: Change) -> tuple[str, ...]:
    if change.omitted and not change.before:  # neither the workflow nor the journal could give it back
        return ()
    return actions.load(change.action).undo_command(change)


def _outcome(
    case: Json, standing: dict[str, tuple[Result, str]], changes: dict[str, Change], *, failed: bool
) -> Outcome:
    judged = planning.outcome(result for result, _ in standing.values())
    if failed and judged is not Outcome.CONTAINED:
        return Outcome.PARTIAL if judged is Outcome.PARTIAL else Outcome.FAILED
    if not case["opened"] and not standing:
        return Outcome.REPEATED
    undone = any(change.changed and item_id in case["made"] for item_id, change in changes.items())
    return Outcome.REPEATED if undone and judged is Outcome.CONTAINED else judged


def _worth_telling(case: Json, story: Story) -> bool:
    """Tell every new case and every person who asked; of a known case only what is new, failed or was undone."""
    if story.watch and story.watch.eventful:
        return True
    if case["opened"] or story.decision or story.incident.signal.source == manual.SOURCE:
        return True
    fresh = bool(alert.tellings(story) - set(case["told"]))
    if story.items and (story.outcome not in _QUIET or any(change.changed for change in story.changes.values())):
        failed = [item for item in story.items if story.results[item.id][0] is Result.FAILED]
        return fresh or not failed or not all(wording.is_half_done(i, story.results[i.id][1]) for i in failed)
    return fresh


def _lost(story: Story) -> errors.TourniquetError | None:
    """Send the alert; give the error if that failed, because the case has to be recorded all the same."""
    try:
        _send(alert.compose(story))
    except errors.TourniquetError as error:
        return error
    return None


def _send(ready: Alert) -> None:
    """Send an alert, and say in the log when nobody has confirmed a subscription to read it."""
    topic.publish(ready)
    try:
        with aws.translated():
            arn = environment.get(environment.TOPIC)
            attributes = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        if attributes.get("SubscriptionsConfirmed", "0") == "0":
            logger.error("nobody reads the alerts: no subscription to the topic is confirmed")
    except errors.TourniquetError as error:
        logger.warning("the topic's subscriptions could not be counted: %s", error)


def _record(run: _Run, story: Story, case: Json, *, alerted: bool) -> None:
    """Write failures into the journal and the outcome into the case; a table that fails is only logged."""
    table, execution = run.table, run.execution
    told = alert.told_after(case["told"], story) if alerted else case["told"]
    try:
        _make_up(table, story, execution, case)
        for item in story.items:
            result, error = story.results[item.id]
            if result in {Result.FAILED, Result.SKIPPED} and item.id in story.changes:
                table.record_after(_failure(item, result, error), unless_made_since=run.started_at)
        if case["opened"] or story.items:
            _close(table, story, execution, told)
        if alerted and (not (case["opened"] or story.items) or _is_left(table, story)):
            table.remember(story.incident_id, told)
    except errors.TourniquetError as error:
        logger.warning("the outcome could not be recorded: %s", error)


def _is_left(table: Table, story: Story) -> bool:
    """Tell whether a run only told something of a case that a person gave back: its end is written already."""
    planned = all(result is Result.PLANNED for result, _ in story.results.values())
    return planned and table.case(story.incident_id).outcome == Outcome.RELEASED


def _make_up(table: Table, story: Story, execution: str, case: Json) -> None:
    """Write what triage could not: the case's own item, the signal."""
    opening = journal.Opening(
        incident_id=story.incident_id,
        execution=execution,
        incident=story.incident,
        acting=(),
        targets=journal.target_ids([*story.incident.targets, *(item.target for item in story.items)]),
        at=story.at,
    )
    if not case["recorded"]:
        table.open(opening)
    if not (case["recorded"] and case["signalled"]):
        table.signal(story.incident_id, opening)


def _close(table: Table, story: Story, execution: str, told: Collection[str]) -> None:
    """Write how the case stands. Looked at twice: what another run ended meanwhile must not be written over."""
    written = None
    for _ in range(2):
        judged, made = _judged(table, story)
        if (judged, made) == written:
            return
        if story.watch and story.watch.lost and judged is Outcome.CONTAINED:
            judged = Outcome.PARTIAL
        held = story.watch.held if story.watch else None
        end = {"outcome": judged, "ended_at": story.at, "held": held, "mode": story.mode, "told": told, "made": made}
        if not table.close(story.incident_id, execution, end):
            return
        written = judged, made


def _judged(table: Table, story: Story) -> tuple[Outcome, list[str]]:
    """Judge the whole case: this run's items, and what other runs made or set out to make in it."""
    merged = {item_id: result for item_id, (result, _) in story.results.items()}
    for item_id in table.case(story.incident_id).acting:
        if merged.get(item_id, Result.PLANNED) is Result.PLANNED:
            merged[item_id] = Result.FAILED  # until its own run says better
    for ask in table.asks(story.incident_id):
        if ask.state in _ASKED:
            merged |= dict.fromkeys((item for item in ask.items if merged.get(item) not in _MADE), _ASKED[ask.state])
    for item_id, change in table.changes(story.incident_id).items():
        if item_id not in story.changes and merged.get(item_id) is not Result.REFUSED:
            merged[item_id] = change.result
    made = sorted(item_id for item_id, result in merged.items() if result in _MADE)
    if story.outcome is Outcome.FAILED and not story.items:
        return Outcome.FAILED, made
    acted = [result for result in merged.values() if result is not Result.PLANNED]
    return planning.outcome(acted or merged.values()), made


def _may_be_made(change: Change) -> bool:
    """Tell whether a hold may have made a change that somebody undid before it could be read back."""
    return change.result is Result.FAILED and change.error == errors.StateChanged.__name__


def _finished(table: Table, incident_id: str, items: Collection[PlanItem], since: str) -> dict[str, Change]:
    """Ask the journal for what this run made before the workflow lost the answers."""
    try:
        kept = table.changes(incident_id, since)
    except errors.TourniquetError as error:
        logger.warning("the journal could not be read: %s", error)
        return {}
    return {item.id: kept[item.id] for item in items if item.id in kept}


def _whole(table: Table, change: Change) -> Change:
    """Fetch what was too long to travel, and what was there before a change that failed half way."""
    half = change.result is Result.FAILED and change.target.kind is Kind.INSTANCE
    if not (change.omitted or half):
        return change
    try:
        before, after = table.kept(change.incident_id, change.item_id)
    except errors.TourniquetError as error:
        logger.warning("a change could not be read from the journal: %s", error)
        return change
    return replace(change, before=before, after=after or change.after)


def _answers(branches: list[Any]) -> Iterator[Json]:
    """Give what the actions answered: lists in lists, as the branches of the workflow are in each other."""
    for answer in branches:
        if isinstance(answer, list):
            yield from _answers(answer)
        else:
            yield answer


def _changes(branches: list[Any]) -> dict[str, Change]:
    """Read what the actions answered: changes, and for those that failed the item and the error."""
    found: dict[str, Change] = {}
    for answer in _answers(branches):
        if "item" in answer:
            item = PlanItem.from_json(answer["item"])
            found[item.id] = _failure(item, Result.FAILED, answer["error"], _reason(answer.get("cause")))
        else:
            change = Change.from_json(answer)
            found[change.item_id] = change
    return found


def _failure(item: PlanItem, result: Result, error: str, reason: str = "") -> Change:
    return Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        result=result,
        error=line(error, 80),
        reason=reason,
        at=environment.now(),
    )


def _reason(cause: object) -> str:
    """Read the message out of what Step Functions keeps of a Lambda error."""
    try:
        read = json.loads(str(cause))
    except ValueError:  # cut off, or not JSON: the message comes first in it
        found = re.search(r'"errorMessage":\s*"((?:[^"\\]|\\.)*)', str(cause))
        return line(found[1] if found else cause or "", _REASON)
    return line(read.get("errorMessage", "") if isinstance(read, dict) else cause, _REASON)


def _failed(failure: Json) -> str:
    return (
        f'The step "{line(failure.get("state"), 60)}" failed with {line(failure.get("error"), 80)}: '
        f"{_reason(failure.get('cause'))}"
    )


def _without_triage(event: Json, execution: str) -> Json:
    """Stand in for triage where it failed: read the signal again, so that the alert can say what it was."""
    incident = placed(incident_from(event.get("event")), execution)
    case = {
        "incident_id": incident_id(execution, str(event.get("started_at", ""))),
        "opened": True,
        "told": [],
        "made": [],
        "recorded": False,
        "signalled": False,
        "planned": False,
        "items": [],
    }
    return {
        "incident": asdict(incident),
        "mode": mode_at(playbook_for(incident.signal).modes, incident.signal.severity),
        "why_mode": "the playbook says so",
        "observe_all": False,
        "not_done": list(incident.notes),
        "cases": [case],
    }
