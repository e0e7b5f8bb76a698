"""Approval: keep by which token a waiting execution is woken, take a person's answer, settle the question.

Input: ``{"do": "wait", "ask": {"incident_id", "id"}, "token": "<task token>", "execution": "<ARN>"}``, ``{"do":
"settle", "ask": {…}, "ended": "answered" | "expired" | "lost", "execution": "<ARN>"}`` or ``{"do": "answer", "event":
{"incident_id", "answer", "question", "reason"}, "execution": "<ARN>"}``, where ``answer`` is ``approve``, ``reject`` or
``released``. Output of ``settle``: what triage hands on, for the items that were asked about (see
``handoff.resumed``). Output of ``answer``: ``{"taken": "<answer>", "incident_id"}``. Where no run goes on with it, both
give ``{"notice": {"outcome", "incident_id", "sentence"}}``, which Notify tells. The token lives in the table and never
leaves it but for Step Functions.

May touch: states:SendTaskSuccess; states:DescribeExecution on the respond workflow; dynamodb:GetItem, dynamodb:Query
and dynamodb:UpdateItem on the incident table.
Never: changes anything else; takes an answer after the time, twice, or for another incident.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lambdas import aws, errors, executions, handoff, journal
from lambdas import guardrails as rails
from lambdas.aws import Grant
from lambdas.handlers import environment
from lambdas.handoff import Decision
from lambdas.journal import Asked, Table
from lambdas.model import Json, Outcome, PlanItem
from lambdas.telemetry import logger
from lambdas.text import line, minute

if TYPE_CHECKING:
    from lambdas.journal import Ask

GRANTS = (
    *journal.ANSWER_GRANTS,
    *executions.GRANTS,
    Grant(action="states:SendTaskSuccess", resource="*"),
)

_ID = re.compile(r"inc-\d{8}-[0-9a-f]{10}")
_STATES = {"approve": Asked.APPROVED, "reject": Asked.REJECTED}
_RELEASED = "released"
_KNOWN = {"incident_id", "answer", "question", "reason"}
_LONGEST = 500
_TRIES = 3
_BY_HAND = 'To contain now, start the respond workflow by hand: {"user_name": "…", "mode": "contain"}, say.'
_FORM = (
    'An answer is {"incident_id": "inc-…", "answer": "approve"} or {"incident_id": "inc-…", "answer": "reject"}, with '
    'the "question" of the alert where several are open, and an optional "reason"; {"incident_id": "inc-…", "answer": '
    '"released"} says that you undid what was done.'
)
_NOTED = (
    "A person said that what was done in this case was undone. From now on a repeat of its signals changes nothing by "
    "itself; another signal, or new activity, asks first. This changed nothing in the account: the lines of the alert "
    "undo."
)
_NOBODY_WAITS = (
    "The answer was not taken, because the run that waited for it has ended without it (somebody may have stopped it). "
    f"Nothing was changed by the answer. {_BY_HAND}"
)


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors`` when AWS does not answer."""
    table = Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    execution = str(event["execution"])
    match event["do"]:
        case "wait":
            return _wait(table, event["ask"], str(event["token"]), execution)
        case "settle":
            return _settle(table, event["ask"], str(event["ended"]), execution)
        case "answer":
            return _take(table, event["event"], execution)
    raise errors.Unexpected(f"The approval function does not know how to {line(event['do'], 40)}.")


def _wait(table: Table, ask: object, token: str, execution: str) -> Json:
    """Keep the token of the run that is to wait; where the question was settled before, wake it at once."""
    found = _found(table, ask, execution)
    kept = table.keep_token(found.incident_id, found.id, token) if found else None
    if kept is None or kept.state is not Asked.WAITING:
        _wake(token)
    return {}


def _settle(table: Table, named: object, ended: str, execution: str) -> Json:
    """End a question: as it was answered, or as the time that is up says."""
    ask = _found(table, named, execution)
    if ask is None:
        return _refused(_named(named)[0], "An execution was to wait for an answer to a question that is not its own.")
    if ask.state is Asked.WAITING:
        if ended == "answered":
            raise errors.StateChanged("The question was said to be answered, and it is not.")
        ask = table.settle(ask, Asked.EXPIRED, environment.now(), execution) or _again(table, ask)
    in_time = ask.settled_at < ask.answer_by
    decision = Decision(
        answer=_answer(ask, lost=ended == "lost" or in_time),
        at=ask.settled_at,
        asked_at=ask.asked_at,
        reason=ask.reason,
        by=ask.settled_by,
    )
    case, guardrails = table.case(ask.incident_id), environment.guardrails()
    go_on = handoff.resumed(json.loads(ask.payload), decision, case.told, case.made, guardrails)
    items = [PlanItem.from_json(item) for item in go_on["cases"][0]["items"]]
    acting = [item for item in items if rails.acts(item)]
    if acting:
        _take_over(table, ask.incident_id, acting, execution)
    logger.info("settled", extra={"case": ask.incident_id, "answer": decision.answer})
    return go_on


def _answer(ask: Ask, *, lost: bool) -> str:
    """Say how a question ended; one that nobody could wait for is not taken for a yes."""
    if ask.state is Asked.EXPIRED:
        return "contain" if ask.then == "contain" and not lost else "expire"
    return "approve" if ask.state is Asked.APPROVED else "reject"


def _take_over(table: Table, incident_id: str, acting: list[PlanItem], execution: str) -> None:
    """Make this execution the one that runs the case; where others keep taking it over, it runs all the same."""
    targets = journal.target_ids([item.target for item in acting])
    for _ in range(_TRIES):
        if table.run(table.case(incident_id), execution, [item.id for item in acting], targets):
            return


def _again(table: Table, ask: Ask) -> Ask:
    """Read a question that somebody settled in the very moment."""
    return next(one for one in table.asks(ask.incident_id) if one.id == ask.id)


def _take(table: Table, event: object, execution: str) -> Json:
    """Take a person's answer, or say why it cannot be taken. Can be repeated: it then finds its own."""
    given = event if isinstance(event, dict) else {}
    incident_id, answer, reason = given.get("incident_id"), given.get("answer"), given.get("reason", "")
    if not isinstance(incident_id, str) or not _ID.fullmatch(incident_id):
        return _refused("", f"The answer names no case. {_FORM}")
    known = isinstance(reason, str) and not set(given) - _KNOWN
    if not isinstance(answer, str) or answer not in {*_STATES, _RELEASED} or not known:
        return _refused(incident_id, f"The answer could not be understood, and the question is as it was. {_FORM}")
    if answer == _RELEASED:
        return _release(table, incident_id)
    asks = [ask for ask in table.asks(incident_id) if given.get("question") in {None, ask.id}]
    if not asks:
        return _refused(incident_id, _nothing_asked(table, incident_id, given.get("question")))
    mine = [ask for ask in asks if ask.settled_by == execution]
    if not mine:
        taken = _one_taken(table, asks, _STATES[answer], execution, reason[:_LONGEST])
        if isinstance(taken, str):
            return _refused(incident_id, taken)
        mine = [taken]
    if mine[0].token:
        _wake(mine[0].token)
    return {"taken": answer, "incident_id": incident_id}


def _one_taken(table: Table, asks: list[Ask], state: Asked, execution: str, reason: str) -> Ask | str:
    """Settle the one question that is open, or say why none can be."""
    now = environment.now()
    waiting = [ask for ask in asks if ask.state is Asked.WAITING and now < ask.answer_by]
    heard = [ask for ask in waiting if executions.runs(ask.execution) or executions.runs(ask.asked_by)]
    if len(heard) > 1:
        questions = ", ".join(f'"{ask.id}" (of {minute(ask.asked_at)})' for ask in heard)
        return (
            "The answer was not taken, because several questions are open in this case. Give the answer of the alert "
            f'that you mean, which has its "question"; open are {questions}.'
        )
    if not heard:
        return _NOBODY_WAITS if waiting else _why_not(asks[-1])
    return table.settle(heard[0], state, now, execution, reason) or _why_not(_again(table, heard[0]))


def _nothing_asked(table: Table, incident_id: str, question: object) -> str:
    if question is not None:
        about = "there is no such question in this case"
    elif table.exists(incident_id):
        about = "nobody asked anything in it"
    else:
        about = "there is no case of this id in the incident table"
    return f"The answer was not taken, because {about}. Nothing was changed by it."


def _release(table: Table, incident_id: str) -> Json:
    """Note that a person undid a case, so that a repeat of its signals does not contain again by itself."""
    if not table.exists(incident_id):
        return _refused(incident_id, _nothing_asked(table, incident_id, None))
    if not table.release(incident_id, environment.now()):
        return _refused(incident_id, "The case was not marked as released, because a run is at work on it. Try again.")
    return _notice(Outcome.RELEASED, incident_id, _NOTED)


def _why_not(latest: Ask) -> str:
    if latest.state in {Asked.EXPIRED, Asked.WAITING}:
        until = minute(latest.answer_by)
        return f"The answer came too late: the question was open until {until}. It changed nothing. {_BY_HAND}"
    said, at = "approved" if latest.state is Asked.APPROVED else "turned down", minute(latest.settled_at)
    return f"The question was {said} already at {at}, and an answer counts once. This one changed nothing. {_BY_HAND}"


def _found(table: Table, named: object, execution: str) -> Ask | None:
    """Give the question that an execution waits for; only the run that was started for it may."""
    incident_id, ask_id = _named(named)
    return next((ask for ask in table.asks(incident_id) if ask.id == ask_id and ask.execution == execution), None)


def _wake(token: str) -> None:
    """Wake the waiting execution; one that does not wait any more looks at the table by itself."""
    try:
        with aws.translated():
            aws.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    except errors.TargetGone:
        logger.info("the waiting execution had stopped waiting")


def _refused(incident_id: str, sentence: str) -> Json:
    return _notice(Outcome.REFUSED, incident_id, sentence)


def _notice(outcome: Outcome, incident_id: str, sentence: str) -> Json:
    return {"notice": {"outcome": outcome, "incident_id": incident_id, "sentence": sentence}}


def _named(ask: object) -> tuple[str, str]:
    given = ask if isinstance(ask, dict) else {}
    return str(given.get("incident_id") or "none")[:100], str(given.get("id") or "none")[:100]
