"""Triage: what is this, what is known of it, what is to be done, and which case does it belong to.

Input: ``{"event": <the execution's input>, "execution": "<ARN>", "started_at": "<ISO 8601>"}``.
Output: see ``_answer``. Everything that decides is pure and elsewhere; this puts it in order. A table
that does not answer holds up nothing: the plan then runs as a case of its own.

May touch: iam:GetAccessKeyLastUsed, iam:GetUser, iam:ListAccessKeys; states:DescribeExecution on the respond
workflow; dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on the incident table.
Never: changes anything in the account.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from lambdas import actions, aws, errors, facts, journal, planning
from lambdas.aws import Grant
from lambdas.handlers import environment
from lambdas.model import Json, Mode, Outcome, incident_id, placed
from lambdas.playbooks import playbook_for
from lambdas.signals import incident_from, manual
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from lambdas.journal import Case, Opening, Table
    from lambdas.model import Incident, PlanItem
    from lambdas.planning import Guardrails, Plan

GRANTS = (
    *facts.GRANTS,
    *journal.CLAIM_GRANTS,
    Grant(action="states:DescribeExecution", resource="{executions}"),
)

_STILL_RUNNING = "RUNNING"
_TRIES = 3
_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meeting:
    """How this execution meets one case: whether it opened it, what was told and made, which items it runs."""

    incident_id: str
    opened: bool
    told: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    recorded: bool = True
    signalled: bool = True
    items: tuple[PlanItem, ...]


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises nothing on purpose: what cannot be understood is announced."""
    execution, at = str(event["execution"]), environment.now()
    incident = incident_from(event.get("event"))
    guardrails = environment.guardrails()
    playbook = playbook_for(incident.signal)
    known = facts.gather(aws.client("iam"), incident)
    plan = planning.plan(incident, known, playbook, guardrails)
    own = incident_id(execution, str(event.get("started_at", "")))
    opening = journal.Opening(
        incident_id=own,
        execution=execution,
        incident=incident,
        acting=[item.id for item in _acting(planning.assign(plan.items, {}, own))],
        targets=journal.target_ids([*incident.targets, *(item.target for item in plan.items)]),
        at=at,
    )
    table = journal.Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    try:
        meetings = _meet(table, plan, opening)
    except errors.TourniquetError as error:
        logger.warning("the case could not be recorded: %s", error)
        items = planning.assign(plan.items, {}, own)
        meetings = [_Meeting(incident_id=own, opened=True, recorded=False, items=items)]
    logger.info("triaged", extra={"playbook": playbook.name, "cases": [meeting.incident_id for meeting in meetings]})
    return _answer(placed(incident, execution), playbook.name, plan, meetings, guardrails)


def _meet(table: Table, plan: Plan, opening: Opening) -> list[_Meeting]:
    """Claim the targets and decide, for each case that holds one, what this execution does in it.

    A table that is slow may take a few seconds of this and no more: what is left is run without asking it.
    """
    own = opening.incident_id
    held = table.claim(plan.claims, opening)
    items = planning.assign(plan.items, held, own)
    meetings = []
    until = time.monotonic() + _SECONDS
    for case_id in sorted(set(held.values()) or {own}):
        mine = tuple(item for item in items if item.incident_id == case_id)
        if time.monotonic() > until:
            meetings.append(_Meeting(incident_id=case_id, opened=case_id == own, signalled=False, items=mine))
            continue
        signalled = _kept(table, case_id, opening)
        if case_id == own:
            meetings.append(_Meeting(incident_id=own, opened=True, signalled=signalled, items=mine))
        else:
            joined = _join(table, case_id, mine, opening)
            meetings.append(replace(joined, signalled=signalled))
    return meetings


def _join(table: Table, case_id: str, items: tuple[PlanItem, ...], opening: Opening) -> _Meeting:
    """Meet a case that another execution opened.

    Where it cannot be read, or other executions keep taking it over, everything is run in it: making a change twice
    is safe, leaving one out is not.
    """
    try:
        for _ in range(_TRIES):
            case = table.case(case_id)
            run = _to_run(case, items, opening)
            targets = journal.target_ids([item.target for item in run])
            if not run or table.run(case, opening.execution, [item.id for item in _acting(run)], targets):
                return _Meeting(
                    incident_id=case_id,
                    opened=False,
                    told=tuple(case.told),
                    made=tuple(case.made),
                    items=run,
                )
    except errors.TourniquetError as error:
        logger.warning("the case could not be read: %s", error)
    return _Meeting(incident_id=case_id, opened=False, items=items)


def _kept(table: Table, case_id: str, opening: Opening) -> bool:
    """Keep the signal with a case; tell whether that worked, so that Notify can make up for it."""
    try:
        table.signal(case_id, opening)
    except errors.TourniquetError as error:
        logger.warning("the signal could not be kept: %s", error)
        return False
    return True


def _to_run(case: Case, items: tuple[PlanItem, ...], opening: Opening) -> tuple[PlanItem, ...]:
    """Choose what this execution does in a case that another one opened.

    Never what another execution that is still alive set out to make. Otherwise everything, but for what is lesser (only
    planned, or refused) and was made already, where the case is contained or somebody is at work on it: of a
    contained case that means to look again, and to cut again where somebody undid it. A person who asks gets the
    whole answer.
    """
    alive = {owner for owner in set(case.acting.values()) - {opening.execution} if _alive(owner)}
    free = [item for item in items if case.acting.get(item.id) not in alive]
    if opening.incident.signal.source == manual.SOURCE or not (alive or case.outcome == Outcome.CONTAINED):
        return tuple(free)
    acting = {item.id for item in _acting(items)}
    return tuple(item for item in free if item.id in acting or item.id not in case.made)


def _acting(items: tuple[PlanItem, ...]) -> tuple[PlanItem, ...]:
    return tuple(item for item in items if item.mode is Mode.CONTAIN and not item.refused)


def _alive(execution: str) -> bool:
    """Tell whether a case's workflow still runs; one that cannot be asked about counts as dead."""
    if not execution:
        return False
    try:
        with aws.translated():
            found = aws.client("stepfunctions").describe_execution(executionArn=execution)
    except errors.TourniquetError as error:
        logger.warning("an execution could not be looked up: %s", error)
        return False
    return bool(found["status"] == _STILL_RUNNING)


def _answer(incident: Incident, playbook: str, plan: Plan, meetings: list[_Meeting], guardrails: Guardrails) -> Json:
    """Give what the workflow carries on: the incident, the cases, and one list of items per action to run."""
    items = [item for meeting in meetings for item in meeting.items]
    run: dict[str, list[Json]] = {name: [] for name in actions.names()}
    for item in _acting(tuple(items)):
        run[item.action].append(item.to_json())
    return {
        "incident": asdict(incident),
        "playbook": playbook,
        "mode": plan.mode,
        "why_mode": plan.why_mode,
        "observe_all": guardrails.observe_all,
        "not_done": list(plan.not_done),
        "cases": [
            {key: value for key, value in asdict(meeting).items() if key != "items"}
            | {"items": [item.to_json() for item in meeting.items]}
            for meeting in meetings
        ],
        "run": run,
    }
