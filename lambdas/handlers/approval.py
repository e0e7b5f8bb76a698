"""Approval: keep by which token a waiting execution is woken, take a person's answer, settle the question.

Input: ``{"do": "wait", "ask": {"incident_id", "id"}, "token": "<task token>"}``, ``{"do": "settle", "ask": {…},
"ended": "answered" | "expired" | "lost", "execution": "<ARN>"}`` or ``{"do": "answer", "event": {"incident_id",
"answer", "reason"}, "execution": "<ARN>"}``. Output of ``settle``: what triage hands on, for the items that were
asked about (see ``handoff.resumed``). Output of ``answer``: ``{"taken": "approve" | "reject", "incident_id"}``. Where
there is nothing to go on with, both give ``{"refusal": {"incident_id", "sentence"}}``, which Notify tells. The token
lives in the table and never leaves it but for Step Functions.

May touch: states:SendTaskSuccess; states:DescribeExecution on the respond workflow; dynamodb:GetItem, dynamodb:Query
and dynamodb:UpdateItem on the incident table.
Never: changes anything else; takes an answer after the time, twice, or for another incident.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lambdas import aws, errors, executions, handoff, journal
from lambdas.aws import Grant
from lambdas.handlers import environment
from lambdas.handoff import Decision
from lambdas.journal import Asked, Table
from lambdas.model import Json, PlanItem
from lambdas.telemetry import logger
from lambdas.text import line

if TYPE_CHECKING:
    from lambdas.journal import Ask, Case

GRANTS = (
    *journal.ANSWER_GRANTS,
    *executions.GRANTS,
    Grant(action="states:SendTaskSuccess", resource="*"),
)

_ID = re.compile(r"inc-\d{8}-[0-9a-f]{10}")
_STATES = {"approve": Asked.APPROVED, "reject": Asked.REJECTED}
_KNOWN = {"incident_id", "answer", "reason"}
_LONGEST = 500
_TRIES = 3
_NOBODY_WAITS = (
    "The answer was not taken, because the run that waited for it has ended without it (somebody may have stopped it). "
    "Nothing was changed by the answer. To contain now, start the respond workflow by hand for the same target."
)
_FORM = (
    'An answer is {"incident_id": "inc-…", "answer": "approve"} or {"incident_id": "inc-…", "answer": "reject"}, with '
    'an optional "reason".'
)


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors`` when the table does not answer."""
    table = Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    match event["do"]:
        case "wait":
            return _wait(table, event["ask"], str(event["token"]))
        case "settle":
            return _settle(table, event)
        case "answer":
            return _take(table, event["event"], str(event["execution"]))
    raise errors.Unexpected(f"The approval function does not know how to {line(event['do'], 40)}.")


def _wait(table: Table, ask: object, token: str) -> Json:
    """Keep the token; where the question was settled before its waiting began, wake it at once."""
    incident_id, ask_id = _named(ask)
    kept = table.keep_token(incident_id, ask_id, token)
    if kept is None or kept.state is not Asked.WAITING:
        _wake(token)
    return {}


def _settle(table: Table, event: Json) -> Json:
    """End a question: as it was answered, or as the time that is up says."""
    incident_id, ask_id = _named(event["ask"])
    found = [ask for ask in table.asks(incident_id) if ask.id == ask_id]
    if not found:
        return _refused(incident_id, "An execution was to wait for an answer to a question that does not exist.")
    ask = found[0]
    if ask.state is Asked.WAITING:
        if event["ended"] == "answered":
            raise errors.StateChanged("The question was said to be answered, and it is not.")
        ask = table.settle(ask, Asked.EXPIRED, environment.now(), str(event["execution"])) or _again(table, ask)
    payload = json.loads(ask.payload)
    answer = _answer(ask, lost=event["ended"] == "lost")
    decision = Decision(answer=answer, at=ask.settled_at, asked_at=ask.asked_at, reason=ask.reason)
    if decision.answer in {"approve", "contain"}:
        case = _taken_over(table, payload["cases"][0], str(event["execution"]))
    else:
        case = table.case(incident_id)
    logger.info("settled", extra={"case": incident_id, "answer": decision.answer})
    guardrails = environment.guardrails()
    return handoff.resumed(payload, decision, told=case.told, made=case.made, guardrails=guardrails)


def _answer(ask: Ask, *, lost: bool) -> str:
    """Say how a question ended; one that nobody could wait for is not taken for a yes."""
    if ask.state is Asked.EXPIRED:
        return "contain" if ask.then == "contain" and not lost else "expire"
    return "approve" if ask.state is Asked.APPROVED else "reject"


def _taken_over(table: Table, planned: Json, execution: str) -> Case:
    """Make this execution the one that runs the case; where others keep taking it over, it runs all the same."""
    items = [PlanItem.from_json(item) for item in planned["items"]]
    targets = journal.target_ids([item.target for item in items])
    for _ in range(_TRIES):
        case = table.case(planned["incident_id"])
        if table.run(case, execution, [item.id for item in items], targets):
            break
    return case


def _again(table: Table, ask: Ask) -> Ask:
    """Read a question that somebody settled in the very moment."""
    return next(one for one in table.asks(ask.incident_id) if one.id == ask.id)


def _take(table: Table, event: object, execution: str) -> Json:
    """Take a person's answer, or say why it cannot be taken."""
    given = event if isinstance(event, dict) else {}
    incident_id, answer, reason = given.get("incident_id"), given.get("answer"), given.get("reason", "")
    if not isinstance(incident_id, str) or not _ID.fullmatch(incident_id):
        return _refused("", f"The answer names no case. {_FORM}")
    if not isinstance(answer, str) or answer not in _STATES or set(given) - _KNOWN or not isinstance(reason, str):
        return _refused(incident_id, f"The answer could not be understood, and the question is as it was. {_FORM}")
    asks = table.asks(incident_id)
    if not asks:
        known = table.exists(incident_id)
        about = "nobody asked anything in it" if known else "there is no case of this id in the incident table"
        return _refused(incident_id, f"The answer was not taken, because {about}. Nothing was changed by it.")
    now = environment.now()
    waiting = [ask for ask in asks if ask.state is Asked.WAITING and now < ask.answer_by]
    heard = [ask for ask in waiting if executions.alive(ask.execution) or executions.alive(ask.asked_by)]
    taken = [one for ask in heard if (one := table.settle(ask, _STATES[answer], now, execution, reason[:_LONGEST]))]
    if not taken:
        return _refused(incident_id, _NOBODY_WAITS if waiting and not heard else _why_not(table.asks(incident_id)[-1]))
    for ask in taken:
        if ask.token:
            _wake(ask.token)
    return {"taken": answer, "incident_id": incident_id}


def _why_not(latest: Ask) -> str:
    if latest.state in {Asked.EXPIRED, Asked.WAITING}:
        return (
            f"The answer came too late: the question was open until {latest.answer_by}. Nothing was changed by the "
            "answer. To contain now, start the respond workflow by hand for the same target."
        )
    said = "approved" if latest.state is Asked.APPROVED else "turned down"
    return (
        f"The question was {said} already at {latest.settled_at}, and an answer counts once. Nothing was changed by "
        "this one. To contain now, start the respond workflow by hand for the same target."
    )


def _wake(token: str) -> None:
    """Wake the waiting execution; one that does not wait any more looks at the table by itself."""
    try:
        with aws.translated():
            aws.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    except errors.TargetGone:
        logger.info("the waiting execution had stopped waiting")


def _refused(incident_id: str, sentence: str) -> Json:
    return {"refusal": {"incident_id": incident_id, "sentence": sentence}}


def _named(ask: object) -> tuple[str, str]:
    given = ask if isinstance(ask, dict) else {}
    return str(given.get("incident_id") or "none")[:100], str(given.get("id") or "none")[:100]
