"""How an execution meets the cases that hold its targets: what it runs in each, what it asks, what it leaves.

An open question is not asked twice. What a person released, turned down or left unanswered is not done again by itself:
a repeat without new activity changes nothing, new activity asks. What AWS vouches for is not held up by
a question that nobody answered.

May touch: dynamodb:GetItem, dynamodb:PutItem, dynamodb:Query and dynamodb:UpdateItem on the incident table, by
``journal``.
Never: leaves out a change because the table did not answer; asks where nobody could answer.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import errors, journal, planning
from lambdas import guardrails as rails
from lambdas.handoff import Meeting, question, waiting_name
from lambdas.journal import Ask, Asked
from lambdas.model import RELEASING, Mode, Outcome, PlanItem
from lambdas.targets import principal_of
from lambdas.telemetry import logger
from lambdas.text import minute

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lambdas.guardrails import Guardrails
    from lambdas.journal import Case, Opening, Table
    from lambdas.model import Incident, Json
    from lambdas.planning import Plan

_TRIES = 3
_SECONDS = 4.0
_SECONDS_TO_BRAKE = 7.0
_HOUR = timedelta(hours=1)
_OVER = {RELEASING, Outcome.RELEASED}
_GIVEN_BACK = "a person gave the case back, or is giving it back"
_NOBODY_TO_ASK = "the incident table did not answer, so nobody could be asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What an execution works with when it meets cases.

    ``alive`` tells of an execution's ARN whether it still runs. ``vouched`` says that AWS itself reports the credential
    as exposed or compromised.
    """

    table: Table
    opening: Opening
    guardrails: Guardrails
    alive: Callable[[str], bool]
    vouched: bool

    @property
    def passes(self) -> bool:
        """Whether the circuit breaker lets this signal pass."""
        return self.vouched or rails.insists(self.incident)

    @property
    def incident(self) -> Incident:
        """The signal, understood."""
        return self.opening.incident


def meet(desk: Desk, plan: Plan) -> list[Meeting]:
    """Claim the targets and decide, for each case that holds one, what this execution does in it.

    A table that is slow may take a few seconds of this and no more: what is left is run without asking it. Raises
    Unavailable or NotPermitted when it does not take the claims.
    """
    own, home, released = _home(desk)
    held = desk.table.claim(plan.claims, desk.opening, "" if home == own else home)
    items = planning.assign(plan.items, held, home)
    if released:
        items = tuple(_left(item) for item in items)
    meetings = []
    until = time.monotonic() + _SECONDS
    for case_id in sorted(set(held.values()) or {home}):
        mine = tuple(item for item in items if item.incident_id == case_id)
        if time.monotonic() > until:
            met = Meeting(incident_id=case_id, opened=case_id == own, signalled=False, items=mine, planned=bool(mine))
            meetings.append(met)
            continue
        first_at = _kept(desk, case_id)
        opened = Meeting(incident_id=own, opened=True, items=mine)
        met = opened if case_id == own else _join(desk, case_id, mine, first_at)
        meetings.append(replace(met, signalled=bool(first_at), planned=bool(mine)))
    return meetings


def _home(desk: Desk) -> tuple[str, str, bool]:
    """Give the case that this execution would open, the one that its signal belongs to, and whether that is given back.

    A signal that names no case, or one that nobody knows, belongs to the case that is opened.
    """
    own = desk.opening.incident_id
    if not desk.incident.case:
        return own, own, False
    case = desk.table.case(desk.incident.case)
    return own, case.incident_id if case.execution else own, case.outcome in _OVER


def _left(item: PlanItem) -> PlanItem:
    """Leave an item of a case that a person gave back: it is only told."""
    return replace(item, mode=Mode.OBSERVE, why=_GIVEN_BACK)


def alone(desk: Desk, plan: Plan) -> list[Meeting]:
    """Run a plan as a case of its own, because the table took no claims: nobody can be asked then."""
    own = desk.opening.incident_id
    items = tuple(_not_asked(item) for item in planning.assign(plan.items, {}, own))
    return [Meeting(incident_id=own, opened=True, recorded=False, items=items)]


def brake(desk: Desk, meetings: list[Meeting]) -> tuple[list[Meeting], int]:
    """Have people asked about what would be contained beyond the hourly limit.

    Gives the meetings, and the limit where this execution is the one to tell people that the breaker opened, else 0.
    What AWS vouches for, and what a person insists on, passes; it counts all the same.
    """
    new = [item for meeting in meetings for item in meeting.items if rails.acts(item) and item.id not in meeting.made]
    principals = list(dict.fromkeys(principal_of(item) for item in new))
    if not principals:
        return meetings, 0
    now, since, limit = desk.opening.at, _shifted(desk.opening.at, -_HOUR), desk.guardrails.limit
    try:
        granted = desk.table.brake(principals, limit, now, since, _SECONDS_TO_BRAKE)
        if desk.passes or len(granted) == len(principals):
            return meetings, 0
        stopped = {item.id for item in new if principal_of(item) not in granted}
        why = f"the circuit breaker asks about each principal beyond {limit} within an hour"
        braked = [_stopped(desk, meeting, stopped, why) for meeting in meetings]
        tell = braked != meetings and desk.table.trip(now, since)
    except errors.TourniquetError as error:
        logger.warning("the circuit breaker could not be asked: %s", error)
        return meetings, 0
    return braked, limit if tell else 0


def _stopped(desk: Desk, meeting: Meeting, stopped: Collection[str], why: str) -> Meeting:
    """Turn a case's stopped items into questions, unless a signal that passes the breaker met the case meanwhile."""
    mine = [item.id for item in meeting.items if item.id in stopped]
    if not mine or desk.table.withdraw(meeting.incident_id, mine):
        return meeting
    items = tuple(rails.ask_about(item, why) if item.id in mine else item for item in meeting.items)
    return replace(meeting, items=items)


def ask(desk: Desk, meetings: list[Meeting], answer: Callable[[list[Meeting]], Json]) -> list[Meeting]:
    """Keep a question for each case with items that wait for one; ``answer`` gives what triage would hand on."""
    asked = []
    for meeting in meetings:
        if not any(rails.asks(item) for item in meeting.items):
            asked.append(meeting)
            continue
        kept = _question(desk, meeting, question(answer([meeting]), meeting))
        try:
            desk.table.ask(kept)
        except errors.TourniquetError as error:
            logger.warning("a question could not be kept: %s", error)
            asked.append(replace(meeting, items=tuple(_not_asked(item) for item in meeting.items)))
            continue
        seconds = math.ceil(desk.guardrails.minutes * 60)
        about = {"id": kept.id, "answer_by": kept.answer_by, "then": kept.then, "seconds": seconds}
        asked.append(replace(meeting, ask=about))
    return asked


def _question(desk: Desk, meeting: Meeting, payload: Json) -> Ask:
    asked_by, case_id = desk.opening.execution, meeting.incident_id
    ask_id = hashlib.sha256(f"{asked_by}|{case_id}".encode()).hexdigest()[:16]
    waiting = f"{asked_by.rpartition(':')[0]}:{waiting_name(case_id, ask_id)}"
    return Ask(
        incident_id=case_id,
        id=ask_id,
        asked_by=asked_by,
        execution=waiting,
        asked_at=desk.opening.at,
        answer_by=_shifted(desk.opening.at, timedelta(minutes=desk.guardrails.minutes)),
        then=desk.guardrails.then,
        items=tuple(item.id for item in meeting.items if rails.asks(item)),
        payload=json.dumps(payload),
    )


def _not_asked(item: PlanItem) -> PlanItem:
    return replace(item, mode=Mode.OBSERVE, why=_NOBODY_TO_ASK) if rails.asks(item) else item


def _join(desk: Desk, case_id: str, items: tuple[PlanItem, ...], first_at: str) -> Meeting:
    """Meet a case that another execution opened; ``first_at`` is when the case first saw this signal.

    Where it cannot be read, or other executions keep taking it over, everything is run in it: making a change twice
    is safe, leaving one out is not.
    """
    try:
        if desk.passes:
            desk.table.vouch(case_id)
        for _ in range(_TRIES):
            case = desk.table.case(case_id)
            run = tuple(
                _after_release(case, item) for item in _to_run(desk, case, desk.table.asks(case_id), items, first_at)
            )
            targets = journal.target_ids([item.target for item in run])
            acting = [item.id for item in run if rails.acts(item)]
            left = case.outcome in _OVER and all(item.mode is Mode.OBSERVE for item in run)
            if not run or left or desk.table.run(case, desk.opening.execution, acting, targets):
                return Meeting(
                    incident_id=case_id,
                    opened=False,
                    told=tuple(case.told),
                    made=tuple(case.made),
                    items=run,
                )
    except errors.TourniquetError as error:
        logger.warning("the case could not be read: %s", error)
    return Meeting(incident_id=case_id, opened=False, items=items)


def _after_release(case: Case, item: PlanItem) -> PlanItem:
    """Say in an item when a person undid it: what is kept of an instance then is kept apart from what was before."""
    if item.id not in case.released:
        return item
    return replace(item, args={**item.args, "after_release": case.released[item.id]})


def _kept(desk: Desk, case_id: str) -> str:
    """Keep the signal with a case; give when the case first saw it, ``""`` where Notify has to make up for it."""
    try:
        return desk.table.signal(case_id, desk.opening)
    except errors.TourniquetError as error:
        logger.warning("the signal could not be kept: %s", error)
        return ""


def _to_run(
    desk: Desk, case: Case, asks: Collection[Ask], items: tuple[PlanItem, ...], first_at: str
) -> tuple[PlanItem, ...]:
    """Choose what this execution does in a case that another one opened.

    Never what another execution that is still alive set out to make. Otherwise everything, but for what people decided
    about, and for what is lesser (only planned, or refused) and was made already, where the case is contained or
    somebody is at work on it: of a contained case that means to look again, and to cut again where somebody undid it. A
    person who asks gets the whole answer.
    """
    alive = {owner for owner in set(case.acting.values()) - {desk.opening.execution} if desk.alive(owner)}
    waiting = {item_id for ask in asks if ask.state is Asked.WAITING for item_id in ask.items}  # nobody makes these now
    left = {item.id for item in items if case.outcome and item.id not in case.made}  # its run has told that it failed
    free = [item for item in items if item.id in waiting | left or case.acting.get(item.id) not in alive]
    free = [now for item in free if (now := _as_decided(desk, case, asks, item, first_at)) is not None]
    settled = case.outcome in {Outcome.CONTAINED, Outcome.PENDING, Outcome.REJECTED, Outcome.EXPIRED}
    if rails.by_person(desk.incident) or not (alive or settled):
        return tuple(free)
    return tuple(item for item in free if rails.acts(item) or item.id not in case.made)


def _as_decided(desk: Desk, case: Case, asks: Collection[Ask], item: PlanItem, first_at: str) -> PlanItem | None:
    """Give an item as it may be run after what people were asked, and decided, about it; ``None``: not at all."""
    if item.refused or item.mode is Mode.OBSERVE:
        return item
    about = [ask for ask in asks if item.id in ask.items]
    decided = _decided(desk, case, about, item)
    question = next((ask for ask in about if ask.state is Asked.WAITING and _heard(desk, ask)), None)
    if question is not None and (rails.asks(item) or decided or (_held(question, item) and not desk.passes)):
        return None
    if decided is None:
        return item
    since, what = decided
    if _newer(desk.incident.signal.at, since):
        news = "there is new activity since"
    elif not first_at or first_at > since:
        news = "this is another signal than those before"
    else:
        return None
    return replace(item, mode=Mode.APPROVE, why=f"{what} at {minute(since)}, and {news}", needs_yes=True)


def _heard(desk: Desk, ask: Ask) -> bool:
    """Tell whether an answer to a question would be heard: its run waits, or is about to."""
    return desk.alive(ask.execution) or desk.alive(ask.asked_by)


def _held(ask: Ask, item: PlanItem) -> bool:
    """Tell whether a question is not about what a weaker signal only asks, but about what nobody may do unasked."""
    items = [PlanItem.from_json(data) for case in json.loads(ask.payload)["cases"] for data in case["items"]]
    return any(one.needs_yes for one in items if one.id == item.id)


def _decided(desk: Desk, case: Case, about: Collection[Ask], item: PlanItem) -> tuple[str, str] | None:
    """Say when a person decided against an item, and what in words.

    ``None`` where nobody did, or where it does not count: for who insists, for what is made again by now; and for what
    AWS vouches for, a question that nobody answered.
    """
    if rails.insists(desk.incident) or item.id in case.made:
        return None
    if item.id in case.released:
        return case.released[item.id], "a person released it"
    ask = next((ask for ask in reversed(list(about)) if ask.state in {Asked.REJECTED, Asked.EXPIRED}), None)
    if ask is not None and ask.state is Asked.REJECTED:
        return ask.settled_at, "a person turned it down"
    if ask is not None and not (desk.vouched and rails.acts(item)):
        return ask.settled_at, "nobody answered the question about it"
    return None


def _newer(at: str, since: str) -> bool:
    """Tell whether a time is after another; one that cannot be read counts as new."""
    try:
        seen = datetime.fromisoformat(at)
        return (seen if seen.tzinfo else seen.replace(tzinfo=UTC)) > datetime.fromisoformat(since)
    except ValueError:
        return True


def _shifted(at: str, by: timedelta) -> str:
    """Move a time of ours, in the same form."""
    moved = datetime.fromisoformat(at) + by
    return moved.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
