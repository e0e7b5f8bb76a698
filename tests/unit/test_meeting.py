"""Stories of how an execution meets cases: what it runs, what it asks about, what people decided before."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas import errors, meeting
from lambdas.guardrails import Guardrails
from lambdas.handoff import Meeting
from lambdas.journal import Ask, Asked, Case, Opening
from lambdas.meeting import Desk
from lambdas.model import Incident, Mode, PlanItem
from lambdas.planning import assign
from lambdas.text import minute
from tests.unit.cases import (
    ACCOUNT,
    AT,
    CASE,
    EXECUTION,
    USER_ID,
    here,
    incident,
    key,
    of_role,
    planned,
    session,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from lambdas.journal import Table
    from lambdas.model import Json
    from lambdas.planning import Plan

OBSERVE, APPROVE, CONTAIN = Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN
SINCE = "2026-11-20T03:00:00.000Z"
OLD, NEW = "2026-11-20T02:59:59Z", "2026-11-20T03:00:01Z"
WAITS, ASKS = EXECUTION.replace("5be1c0de", "0a0a0a0a"), EXECUTION.replace("5be1c0de", "0b0b0b0b")
OTHER = "inc-20261119-00000000aa"
SUSPECTED = "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED"
(DENY,) = assign(planned(incident(user()), {user(): here(keys=())}).items, {}, CASE)


@pytest.mark.parametrize(
    ("at", "newer"),
    [
        (NEW, True),
        (OLD, False),
        (SINCE, False),
        ("2026-11-20T03:00:00.001Z", True),
        ("2026-11-20T03:00:00", False),
        ("2026-11-20T03:00:01", True),
        ("2026-11-20T05:00:01+02:00", True),
        ("2026-11-20T04:59:59+02:00", False),
        ("2026-11-20", False),
        ("2026-11-21", True),
        ("", True),
        ("yesterday", True),
        ("2026-13-40T99:00:00Z", True),
        ("\ud800", True),
        ("1793415600000", True),
    ],
)
def test_a_time_is_new_if_it_is_later_or_cannot_be_read(at: str, newer: bool) -> None:  # noqa: FBT001 - a table's column
    """Given when people decided, what a signal tells of is new when it is later, and when nobody can say when."""
    assert meeting._newer(at, SINCE) is newer  # noqa: SLF001 - the rule by itself


@given(st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()))
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
@settings(derandomize=True, database=None, deadline=None)
def test_no_time_is_beyond_comparing(at: str) -> None:
    """Given any text as a signal's time, when it is compared, it is new or it is not."""
    assert meeting._newer(at, SINCE) in {True, False}  # noqa: SLF001 - as above


def test_what_cannot_be_read_of_the_decision_counts_as_new() -> None:
    """Given a decision without a time, when a signal comes, people are asked rather than kept in the dark."""
    assert meeting._newer(NEW, "")  # noqa: SLF001 - as above


def desk(
    found: Incident | None = None,
    *,
    alive: Collection[str] = (),
    vouched: bool = False,
    table: Table | None = None,
    incident_id: str = CASE,
    **settings: Any,
) -> Desk:
    """Give what an execution works with; without a table nothing may ask it."""
    opening = Opening(
        incident_id=incident_id,
        execution=EXECUTION,
        incident=found or incident(user()),
        acting=(),
        targets=(),
        at=AT,
    )
    return Desk(
        table=cast("Table", table),
        opening=opening,
        guardrails=Guardrails(account=ACCOUNT, **settings),
        alive=set(alive).__contains__,
        vouched=vouched,
    )


def question(state: Asked = Asked.WAITING, items: tuple[str, ...] = (DENY.id,), *, needs_yes: bool = False) -> Ask:
    """Give a question about the deny; ``needs_yes``: because it may not be made unasked."""
    asked = replace(DENY, mode=APPROVE, needs_yes=needs_yes).to_json()
    return Ask(
        incident_id=CASE,
        id="0123456789abcdef",
        asked_by=ASKS,
        execution=WAITS,
        asked_at="2026-11-20T02:00:00.000Z",
        answer_by="2026-11-20T04:00:00.000Z",
        then="expire",
        items=items,
        payload=json.dumps({"cases": [{"items": [asked]}]}),
        state=state,
        settled_at="" if state is Asked.WAITING else SINCE,
    )


ACTIVITY, ANOTHER = "there is new activity since", "this is another signal than those before"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One line of the matrix: what people decided, the item as planned, who reports it, and what becomes of it."""

    name: str
    mode: Mode = CONTAIN
    becomes: Mode | None
    why: str = ""
    news: str = ""
    state: Asked | None = None
    released: bool = False
    made: bool = False
    refused: str = ""
    at: str = NEW
    alive: tuple[str, ...] = ()
    vouched: bool = False
    insists: bool = False
    needs_yes: bool = False
    first_at: str = OLD


MATRIX = [
    Decided(name="nobody decided anything", becomes=CONTAIN),
    Decided(name="nobody decided anything about a question", mode=APPROVE, becomes=APPROVE),
    # an open question
    Decided(name="its run waits", state=Asked.WAITING, alive=(WAITS,), mode=APPROVE, becomes=None),
    Decided(name="its run is about to be started", state=Asked.WAITING, alive=(ASKS,), mode=APPROVE, becomes=None),
    Decided(name="held by the breaker", state=Asked.WAITING, alive=(WAITS,), needs_yes=True, becomes=None),
    Decided(
        name="held by the breaker, of AWS",
        state=Asked.WAITING,
        alive=(WAITS,),
        needs_yes=True,
        vouched=True,
        becomes=CONTAIN,
    ),
    Decided(
        name="held by the breaker, a person insists",
        state=Asked.WAITING,
        alive=(WAITS,),
        needs_yes=True,
        insists=True,
        becomes=CONTAIN,
    ),
    Decided(
        name="a question about what was released, of AWS",
        state=Asked.WAITING,
        alive=(WAITS,),
        released=True,
        vouched=True,
        becomes=None,
    ),
    Decided(name="its run is dead", state=Asked.WAITING, mode=APPROVE, becomes=APPROVE),
    Decided(name="what needs no answer", state=Asked.WAITING, alive=(WAITS,), becomes=CONTAIN),
    Decided(name="what needs none, of AWS", state=Asked.WAITING, alive=(WAITS,), vouched=True, becomes=CONTAIN),
    Decided(name="only planned", state=Asked.WAITING, alive=(WAITS,), mode=OBSERVE, becomes=OBSERVE),
    # turned down
    Decided(name="no, old", state=Asked.REJECTED, at=OLD, becomes=None),
    Decided(name="no, old question", state=Asked.REJECTED, at=OLD, mode=APPROVE, becomes=None),
    Decided(name="no, new", state=Asked.REJECTED, becomes=APPROVE, why="turned it down at", news=ACTIVITY),
    Decided(name="no, new question", state=Asked.REJECTED, mode=APPROVE, becomes=APPROVE, why="down", news=ACTIVITY),
    Decided(name="no, timeless", state=Asked.REJECTED, at="", becomes=APPROVE, why="turned it down", news=ACTIVITY),
    Decided(name="no, new, of AWS", state=Asked.REJECTED, vouched=True, becomes=APPROVE, why="down", news=ACTIVITY),
    Decided(name="no, old, of AWS", state=Asked.REJECTED, vouched=True, at=OLD, becomes=None),
    Decided(name="no, another", state=Asked.REJECTED, at=OLD, first_at=NEW, becomes=APPROVE, why="down", news=ANOTHER),
    Decided(name="no, unknown", state=Asked.REJECTED, at=OLD, first_at="", becomes=APPROVE, why="down", news=ANOTHER),
    Decided(name="no, a person insists", state=Asked.REJECTED, at=OLD, insists=True, becomes=CONTAIN),
    Decided(name="no, only planned", state=Asked.REJECTED, at=OLD, mode=OBSERVE, becomes=OBSERVE),
    Decided(name="no, protected", state=Asked.REJECTED, at=OLD, refused="protected", becomes=CONTAIN),
    # nobody answered
    Decided(name="late, old", state=Asked.EXPIRED, at=OLD, becomes=None),
    Decided(name="late, new", state=Asked.EXPIRED, becomes=APPROVE, why="nobody answered", news=ACTIVITY),
    Decided(name="late, another", state=Asked.EXPIRED, at=OLD, first_at=NEW, becomes=APPROVE, why="no", news=ANOTHER),
    Decided(name="late, of AWS", state=Asked.EXPIRED, vouched=True, becomes=CONTAIN),
    Decided(name="late, old, of AWS", state=Asked.EXPIRED, vouched=True, at=OLD, becomes=CONTAIN),
    Decided(name="late, a wide one of AWS", state=Asked.EXPIRED, vouched=True, mode=APPROVE, at=OLD, becomes=None),
    Decided(name="late, a person insists", state=Asked.EXPIRED, at=OLD, insists=True, becomes=CONTAIN),
    # approved
    Decided(name="yes", state=Asked.APPROVED, at=OLD, becomes=CONTAIN),
    Decided(name="yes, but not made", state=Asked.APPROVED, mode=APPROVE, becomes=APPROVE),
    # made, so it is looked after
    Decided(name="made after a no", state=Asked.REJECTED, made=True, at=OLD, becomes=CONTAIN),
    Decided(name="made", made=True, at=OLD, becomes=CONTAIN),
    # released
    Decided(name="released, old", released=True, at=OLD, becomes=None),
    Decided(name="released, new", released=True, becomes=APPROVE, why="a person released it at", news=ACTIVITY),
    Decided(name="released, new, of AWS", released=True, vouched=True, becomes=APPROVE, why="released", news=ACTIVITY),
    Decided(name="released, another", released=True, at=OLD, first_at=NEW, becomes=APPROVE, why="it", news=ANOTHER),
    Decided(name="released, old, of AWS", released=True, vouched=True, at=OLD, becomes=None),
    Decided(name="released, a person insists", released=True, at=OLD, insists=True, becomes=CONTAIN),
    Decided(name="released after a yes", released=True, state=Asked.APPROVED, at=OLD, becomes=None),
    Decided(name="released, only planned", released=True, at=OLD, mode=OBSERVE, becomes=OBSERVE),
]


@pytest.mark.parametrize("one", MATRIX, ids=lambda one: one.name)
def test_what_people_decided_is_kept_to(one: Decided) -> None:
    """Given what people decided about an item, when a signal wants it, it is run, asked about, or left."""
    found = incident(user(), at=one.at)
    if one.insists:
        found = incident(user(), source="manual", type_="request", wanted=CONTAIN, at=one.at)
    case = Case(
        incident_id=CASE,
        made=frozenset({DENY.id} if one.made else ()),
        released={DENY.id: SINCE} if one.released else {},
    )
    item = replace(DENY, mode=one.mode, refused=one.refused)
    asked = [question(one.state, needs_yes=one.needs_yes)] if one.state else []
    at = desk(found, alive=one.alive, vouched=one.vouched)
    became = meeting._as_decided(at, case, asked, item, one.first_at)  # noqa: SLF001 - the rule by itself
    assert (became.mode if became else None) is one.becomes
    if became and became != item:
        assert one.why
        assert one.why in became.why
        assert one.news
        assert became.why.endswith(f" at {minute(SINCE)}, and {one.news}")
        assert became.needs_yes
        assert replace(became, mode=item.mode, why=item.why, needs_yes=False) == item


FIRST = "arn:aws:states:us-east-1:123456789012:execution:tourniquet-respond:first"


def opened(table: Table, plan: Plan, case: str = OTHER, *, made: Collection[str] = (), outcome: str = "") -> None:
    """Have another execution open a case about a plan's targets, and perhaps end it."""
    items = assign(plan.items, {}, case)
    opening = Opening(
        incident_id=case,
        execution=FIRST,
        incident=incident(user()),
        acting=[item.id for item in items],
        targets=(),
        at=AT,
    )
    table.claim(plan.claims, opening)
    if outcome:
        assert table.close(case, FIRST, {"outcome": outcome, "made": list(made), "told": ["told"]})


def key_plan(found: Incident | None = None, **settings: Any) -> Plan:
    """Plan the answer to an exposed key."""
    return planned(found or incident(key()), {key(): here()}, **settings)


def test_a_new_signal_opens_a_case_and_runs_its_plan(table: Table) -> None:
    """Given targets that nobody holds, when they are met, the plan runs in a case of its own."""
    plan = key_plan()
    (met,) = meeting.meet(desk(table=table), plan)
    assert met == Meeting(incident_id=CASE, opened=True, items=assign(plan.items, {}, CASE))
    assert table.case(CASE).execution == EXECUTION


def test_a_contained_case_is_looked_at_again(table: Table) -> None:
    """Given a contained case, when its signal comes again, the changes are made anew where somebody undid them."""
    plan = key_plan()
    items = assign(plan.items, {}, OTHER)
    opened(table, plan, made=[item.id for item in items], outcome="CONTAINED")
    (met,) = meeting.meet(desk(table=table), plan)
    assert (met.incident_id, met.opened, met.items) == (OTHER, False, items)
    assert set(met.made) == {item.id for item in items}
    assert met.told == ("told",)
    assert table.case(OTHER).execution == EXECUTION


def test_a_lesser_signal_about_a_contained_case_runs_nothing(table: Table) -> None:
    """Given a contained case, when a weaker signal only plans the same, nothing is run or asked again."""
    plan = key_plan()
    opened(table, plan, made=[item.id for item in assign(plan.items, {}, OTHER)], outcome="CONTAINED")
    for weaker in (key_plan(observe_all=True), key_plan(incident(key(), type_=SUSPECTED))):
        (met,) = meeting.meet(desk(table=table), weaker)
        assert met.items == ()
        assert met.planned
    assert table.case(OTHER).execution == FIRST


def test_what_another_execution_is_at_is_left_to_it(table: Table) -> None:
    """Given a case whose execution runs, when its signal comes again, nothing is run twice; when it died, all is."""
    plan = key_plan()
    opened(table, plan)
    (met,) = meeting.meet(desk(table=table, alive=[FIRST]), plan)
    assert (met.items, met.planned) == ((), True)
    (met,) = meeting.meet(desk(table=table), plan)
    assert met.items == assign(plan.items, {}, OTHER)


def test_what_failed_is_tried_again_while_its_run_only_watches(table: Table) -> None:
    """Given a run that has told that a part failed and watches the rest, the next signal makes that part."""
    plan = key_plan()
    made, failed = assign(plan.items, {}, OTHER)
    opened(table, plan, made=[made.id], outcome="PARTIAL")
    (met,) = meeting.meet(desk(table=table, alive=[FIRST]), plan)
    assert met.items == (failed,)


def test_a_signal_about_two_cases_and_something_new_meets_all_three(table: Table) -> None:
    """Given two cases, when a signal names their users and one more, each case runs its own part."""
    names = ("a", "b", "c")
    facts = {user(name): here(name, user_id=f"AIDA2TESTUSER{name}", keys=()) for name in names}
    for name, case in (("a", "inc-a"), ("b", "inc-b")):
        opened(table, planned(incident(user(name)), facts), case)
    plan = planned(incident(*facts), facts)
    met = meeting.meet(desk(table=table), plan)
    assert {one.incident_id: [item.target.name for item in one.items] for one in met} == {
        "inc-a": ["a"],
        "inc-b": ["b"],
        CASE: ["c"],
    }
    assert [one.opened for one in met] == [one.incident_id == CASE for one in met]


def test_a_signal_that_names_nobody_has_a_case(table: Table) -> None:
    """Given a signal without a target, when it comes twice, the second time joins the case of the first."""
    plan = planned(incident(notes=("odd",)))
    (first,) = meeting.meet(desk(table=table), plan)
    (again,) = meeting.meet(desk(table=table, incident_id=OTHER), plan)
    assert (first.incident_id, first.opened, again.incident_id, again.opened) == (CASE, True, CASE, False)


class Deaf:
    """A table that takes claims, and fails at everything else that is asked of it, or at some of it."""

    def __init__(self, table: Table, *fails: str) -> None:
        self._table, self._fails = table, fails

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the table's methods
        if name not in self._fails:
            return getattr(self._table, name)

        def call(*_: object, **__: object) -> None:
            raise errors.Unavailable("The table does not answer.")

        return call


def test_a_case_that_cannot_be_read_is_run_all_the_same(table: Table) -> None:
    """Given another's case that the table does not show, when it is met, everything is run in it."""
    plan = key_plan()
    opened(table, plan)
    (met,) = meeting.meet(desk(table=cast("Table", Deaf(table, "case", "signal")), alive=[FIRST]), plan)
    assert met == Meeting(
        incident_id=OTHER, opened=False, signalled=False, items=assign(plan.items, {}, OTHER), planned=True
    )


def test_alone_nobody_is_asked(table: Table) -> None:
    """Given a table that takes no claims, the plan runs as a case of its own, and what needs an answer is observed."""
    targets = {key(): here(), session(): of_role()}
    plan = planned(incident(*targets), targets)
    assert APPROVE in {item.mode for item in plan.items}
    (met,) = meeting.alone(desk(table=table), plan)
    assert (met.opened, met.recorded) == (True, False)
    assert [item.mode for item in met.items] == [CONTAIN, CONTAIN, CONTAIN, OBSERVE]
    assert "nobody could be asked" in met.items[-1].why


def users(number: int, case: str = CASE) -> list[PlanItem]:
    """Give items that deny so many users."""
    return [
        replace(DENY, incident_id=case, target=user(f"u{one}", f"{USER_ID[:-2]}{one:02}"), args={"user": f"u{one}"})
        for one in range(number)
    ]


def met_with(items: list[PlanItem], **fields: Any) -> list[Meeting]:
    """Give one meeting with some items."""
    return [Meeting(**{"incident_id": CASE, "opened": True, "items": tuple(items), **fields})]


def has_case(table: Table, items: Collection[PlanItem]) -> None:
    """Open the case in which an execution sets out to make some items."""
    table.open(replace(desk().opening, acting=[item.id for item in items]))


def test_what_is_beyond_the_hourly_limit_is_asked_about_and_told_once(table: Table) -> None:
    """Given a limit of three, when five users are to be contained, two are asked about, and one execution tells."""
    has_case(table, users(9))
    (braked,), limit = meeting.brake(desk(table=table, limit=3), met_with(users(5)))
    assert sorted(item.mode for item in braked.items) == [APPROVE, APPROVE, CONTAIN, CONTAIN, CONTAIN]
    stopped = [item for item in braked.items if item.mode is APPROVE]
    assert all("circuit breaker asks about each principal beyond 3 within an hour" in item.why for item in stopped)
    assert all(item.needs_yes for item in stopped)
    assert not {item.id for item in stopped} & set(table.case(CASE).acting), "nobody is at work on a question"
    assert {item.id for item in braked.items if item.mode is CONTAIN} <= set(table.case(CASE).acting)
    assert limit == 3
    again, limit = meeting.brake(desk(table=table, limit=3), met_with(users(9)[8:]))
    assert (again[0].items[0].mode, limit) == (APPROVE, 0)


def test_all_items_of_a_principal_pass_or_wait_together(table: Table) -> None:
    """Given a limit of one, when two users with keys are to be contained, one is wholly, and the other asked about."""
    facts = {
        user(name): here(name, user_id=f"AIDA2TESTUSER{name}", keys=(f"AKIA2TESTEXPOSED000{name}",)) for name in "ab"
    }
    items = assign(planned(incident(*facts), facts).items, {}, CASE)
    has_case(table, items)
    (braked,), _ = meeting.brake(desk(table=table, limit=1), met_with(list(items)))
    modes = {name: {item.mode for item in braked.items if item.args["user"] == name} for name in "ab"}
    assert sorted(modes.values(), key=str) == [{APPROVE}, {CONTAIN}]


@pytest.mark.parametrize("passes", ["vouched", "insists"])
def test_what_aws_vouches_for_and_who_insists_passes_and_counts(table: Table, passes: str) -> None:
    """Given an open breaker, when AWS reports or a person insists, nothing is asked, and slots are used."""
    found = incident(user(), source="manual", type_="request", wanted=CONTAIN) if passes == "insists" else None
    has_case(table, users(6))
    at = desk(found, table=table, limit=2, vouched=passes == "vouched")
    assert meeting.brake(at, met_with(users(5))) == (met_with(users(5)), 0)
    (braked,), limit = meeting.brake(desk(table=table, limit=2), met_with(users(6)[5:]))
    assert (braked.items[0].mode, limit) == (APPROVE, 2)


def test_what_aws_vouched_for_meanwhile_is_not_asked_about(table: Table) -> None:
    """Given an open breaker, when AWS' report met the case before its items were taken back, they are made."""
    has_case(table, users(5))
    table.vouch(CASE)
    assert meeting.brake(desk(table=table, limit=1), met_with(users(5))) == (met_with(users(5)), 0)


def test_what_is_not_to_be_made_or_was_made_before_takes_no_slot(table: Table) -> None:
    """Given items that are planned, asked about, refused or made, when the breaker is asked, none of them counts."""
    one, two, three, four = users(4)
    items = [replace(one, mode=OBSERVE), replace(two, mode=APPROVE), replace(three, refused="protected"), four]
    meetings = met_with(items, made=(four.id,))
    assert meeting.brake(desk(table=table, limit=1), meetings) == (meetings, 0)
    (braked,), limit = meeting.brake(desk(table=table, limit=1), met_with(users(5)[4:]))
    assert (braked.items[0].mode, limit) == (CONTAIN, 0)


def test_a_breaker_that_does_not_answer_stops_nothing(table: Table) -> None:
    """Given a table that fails, when the breaker is asked, everything is made: an attacker must not stop a cut so."""
    has_case(table, users(3))
    for fails in ("brake", "withdraw", "trip"):
        at = desk(table=cast("Table", Deaf(table, fails)), limit=1)
        assert meeting.brake(at, met_with(users(3))) == (met_with(users(3)), 0)


def asked_about(table: Table, items: list[PlanItem], **settings: Any) -> list[Meeting]:
    """Have people asked."""

    def answer(meetings: list[Meeting]) -> Json:
        return {"cases": [one.incident_id for one in meetings], "run": {"x": 1}, "asks": [1], "breaker": 3}

    return meeting.ask(desk(table=table, **settings), met_with(items), answer)


def test_a_question_is_kept_with_what_is_to_be_done_when_it_is_answered(table: Table) -> None:
    """Given an item that needs a yes, when people are asked, the table has it and the case says until when."""
    items = [replace(users(2)[0], mode=APPROVE), users(2)[1]]
    (met,) = asked_about(table, items, minutes=30, then="contain")
    (kept,) = table.asks(CASE)
    assert met.ask == {"id": kept.id, "answer_by": kept.answer_by, "then": "contain", "seconds": 1800}
    assert kept.answer_by == "2026-11-20T03:39:15.250Z"
    assert (kept.asked_by, kept.asked_at, kept.items, kept.token) == (EXECUTION, AT, (items[0].id,), "")
    assert kept.execution == f"{EXECUTION.rpartition(':')[0]}:ask-{CASE}-{kept.id}"
    payload = json.loads(kept.payload)
    assert [item["id"] for item in payload["cases"][0]["items"]] == [items[0].id]
    assert (payload["run"], payload["asks"], payload["breaker"]) == ({}, [], 0)


def test_a_retry_asks_the_same_question(table: Table) -> None:
    """Given a triage that is run again, when it asks, it is the same question and the same waiting run."""
    items = [replace(DENY, mode=APPROVE)]
    assert asked_about(table, items) == asked_about(table, items)
    assert len(table.asks(CASE)) == 1


@pytest.mark.parametrize("minutes", [0.001, 0.5, 1440])
def test_a_question_waits_at_least_a_second(table: Table, minutes: float) -> None:
    """Given how long people have, the waiting run's time-out is a whole number of seconds that Step Functions takes."""
    (met,) = asked_about(table, [replace(DENY, mode=APPROVE)], minutes=minutes)
    assert met.ask is not None
    assert isinstance(met.ask["seconds"], int)
    assert met.ask["seconds"] == max(1, round(minutes * 60))


def test_without_anything_to_ask_there_is_no_question(table: Table) -> None:
    """Given items that need no answer, when people would be asked, nothing is kept."""
    items = [DENY, replace(users(1)[0], mode=OBSERVE), replace(users(1)[0], mode=APPROVE, refused="protected")]
    assert asked_about(table, items) == met_with(items)
    assert table.asks(CASE) == ()


def test_a_question_that_cannot_be_kept_is_not_asked(table: Table) -> None:
    """Given a table that does not keep the question, nobody could answer it: it is observed, the rest goes on."""
    items = [replace(users(2)[0], mode=APPROVE), users(2)[1]]
    (met,) = asked_about(cast("Table", Deaf(table, "ask")), items)
    assert met.ask is None
    assert [item.mode for item in met.items] == [OBSERVE, CONTAIN]
    assert "nobody could be asked" in met.items[0].why
