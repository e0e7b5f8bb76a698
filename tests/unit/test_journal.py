"""Stories of the incident table: who holds a target, what was there before, and what if the table breaks."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas import errors, journal
from lambdas.journal import Ask, Asked, Kept, Opening, Table, target_ids
from lambdas.model import Change, Result
from lambdas.planning import assign
from lambdas.signals.reading import MOST_TARGETS
from tests.unit.cases import AT, CASE, KEY, OTHER_KEY, USER, change, failed, here, incident, key, planned, user

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.model import PlanItem

FIRST, SECOND, THIRD = "execution-1", "execution-2", "execution-3"
SECONDS = 60.0
BEFORE, LATER = "2026-11-20T02:09:15.250Z", "2026-11-20T04:09:15.250Z"
CLAIM, OTHER_CLAIM, THIRD_CLAIM = f"access_key#{KEY}", f"user#name/{USER}", f"access_key#{OTHER_KEY}"


def opening(case: str = CASE, execution: str = FIRST, acting: Collection[str] = (), **signal: Any) -> Opening:
    """Give a case that an execution wants to open."""
    return Opening(
        incident_id=case,
        execution=execution,
        incident=incident(key(), **signal),
        acting=acting,
        targets=[KEY],
        at=AT,
    )


def item(case: str = CASE) -> PlanItem:
    """Give a plan item of a case."""
    return assign(planned(incident(user()), {user(): here(keys=())}).items, {}, case)[0]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a failing table no time for a second try."""
    monkeypatch.setattr(journal, "_SECONDS", 0.0)


def rows(dynamodb: DynamoDBClient, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the whole table: keys → item."""
    found = dynamodb.scan(TableName=name)["Items"]
    return {(row["pk"]["S"], row["sk"]["S"]): dict(row) for row in found}


def test_a_new_target_opens_a_case(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given targets that nobody holds, when they are claimed, the new case holds them and has an item."""
    assert table.claim([CLAIM, OTHER_CLAIM], opening(acting=["b", "a"])) == {CLAIM: CASE, OTHER_CLAIM: CASE}
    found = rows(dynamodb, name)
    assert set(found) == {(CASE, "INCIDENT"), (f"TARGET#{CLAIM}", "OPEN"), (f"TARGET#{OTHER_CLAIM}", "OPEN")}
    assert found[f"TARGET#{CLAIM}", "OPEN"]["incident_id"] == {"S": CASE}
    case = table.case(CASE)
    assert (case.execution, case.outcome) == (FIRST, "")
    assert case.acting == {"a": FIRST, "b": FIRST}
    assert case.targets == {KEY}


def test_what_was_there_before_comes_back_as_json(table: Table) -> None:
    """Given a state with numbers in it, when a later run reads it back, it is the same, and can travel on as JSON."""
    before = {"hops": 2, "ratio": 0.5, "on": True, "volumes": {"vol-1": {"days": 90}}, "list": [1, "a"]}
    made = replace(change(item()), before=before)
    table.record_before(made, FIRST)
    kept = table.record_before(replace(made, before={}), SECOND)
    assert json.loads(json.dumps(kept.before)) == before
    table.record_after(made)
    found = table.changes(CASE)[made.item_id]
    assert json.loads(json.dumps(found.to_json()["before"])) == before


def test_a_change_that_a_person_undid_begins_anew(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a change that was released, the next run's state is what an undo gives back, and the old one stays."""
    first = replace(change(item()), before={"groups": ["old"]})
    table.record_before(first, FIRST)
    table.record_after(first)
    table.record_remark(first, "something is left")
    table.open(opening())
    table.close(CASE, FIRST, {"outcome": "CONTAINED", "made": [first.item_id]})
    assert table.release(CASE, LATER)
    second = replace(first, before={"groups": ["new"]})
    kept = table.record_before(second, SECOND)
    assert (kept.before, kept.by, kept.again, kept.remark) == ({"groups": ["new"]}, SECOND, None, "")
    assert table.record_before(replace(first, before={"groups": ["ours"]}), SECOND) == kept, "a retry finds its own"
    assert table.kept(CASE, first.item_id)[0] == {"groups": ["new"]}
    row = rows(dynamodb, name)[CASE, f"CHANGE#{first.item_id}"]
    assert row["earlier"]["L"][0]["M"]["before"] == {"M": {"groups": {"L": [{"S": "old"}]}}}
    assert "released_at" not in row


def test_what_failed_half_way_is_released_too(table: Table) -> None:
    """Given a change that failed and left something, when the case is released, what it left is over."""
    failing = replace(change(item()), result=Result.FAILED, before={"groups": ["old"]})
    table.record_before(failing, FIRST)
    table.record_remark(failing, "connections may go on")
    table.record_after(failing)
    table.open(opening())
    table.close(CASE, FIRST, {"outcome": "PARTIAL", "made": []})
    assert table.release(CASE, LATER)
    assert table.case(CASE).released == {failing.item_id: LATER}
    assert table.record_before(failing, SECOND).remark == ""


def test_what_is_left_undone_of_a_change_is_remembered(table: Table) -> None:
    """Given a remark about a change, every later run gets it back, until a person released the change."""
    made = change(item())
    table.record_before(made, FIRST)
    table.record_remark(made, "connections may go on")
    assert table.record_before(made, SECOND).remark == "connections may go on"


def test_nothing_is_kept_of_a_change_that_never_began(table: Table) -> None:
    """Given a change that the journal does not know, what was there before and after is empty."""
    assert table.kept(CASE, "nobody") == ({}, {})


def test_a_signal_without_a_target_opens_a_case_too(table: Table) -> None:
    """Given an event that names nobody, when it is recorded, it has a case all the same."""
    assert table.claim([], opening()) == {}
    assert table.case(CASE).execution == FIRST


def test_a_retry_of_the_same_execution_holds_what_it_held(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given an execution that has claimed, when it claims again, nothing changes."""
    table.claim([CLAIM], opening(acting=["a"]))
    state = rows(dynamodb, name)
    assert table.claim([CLAIM], opening(acting=["b"])) == {CLAIM: CASE}
    assert rows(dynamodb, name) == state


def test_a_signal_about_a_known_target_joins_its_case(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a case, when another signal names its target and one more, both go to that case and none is opened."""
    table.claim([CLAIM], opening())
    held = table.claim([CLAIM, OTHER_CLAIM], opening("inc-second", SECOND))
    assert held == {CLAIM: CASE, OTHER_CLAIM: CASE}
    assert ("inc-second", "INCIDENT") not in rows(dynamodb, name)
    assert table.claim([OTHER_CLAIM], opening("inc-third", THIRD)) == {OTHER_CLAIM: CASE}


def test_a_signal_that_meets_several_cases_opens_one_for_the_rest(table: Table) -> None:
    """Given two cases, when a signal names both their targets and a new one, the new one gets its own case."""
    table.claim([CLAIM], opening("inc-a", FIRST))
    table.claim([OTHER_CLAIM], opening("inc-b", SECOND))
    held = table.claim([CLAIM, OTHER_CLAIM, THIRD_CLAIM], opening(CASE, THIRD))
    assert held == {CLAIM: "inc-a", OTHER_CLAIM: "inc-b", THIRD_CLAIM: CASE}
    assert table.case(CASE).execution == THIRD


def test_a_signal_that_meets_several_cases_and_nothing_new_opens_none(
    table: Table, dynamodb: DynamoDBClient, name: str
) -> None:
    """Given two cases, when a signal names just their targets, no third case is opened."""
    table.claim([CLAIM], opening("inc-a", FIRST))
    table.claim([OTHER_CLAIM], opening("inc-b", SECOND))
    assert table.claim([CLAIM, OTHER_CLAIM], opening(CASE, THIRD)) == {CLAIM: "inc-a", OTHER_CLAIM: "inc-b"}
    assert (CASE, "INCIDENT") not in rows(dynamodb, name)


class Broken:
    """DynamoDB whose calls fail, for some times or for ever."""

    def __init__(self, dynamodb: DynamoDBClient, failure: Exception, times: int = 10**6) -> None:
        self._dynamodb = dynamodb
        self._failure = failure
        self.left = times

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        found = getattr(self._dynamodb, name)
        if name in {"exceptions", "meta"}:
            return found

        def call(**named: object) -> Any:  # noqa: ANN401 - boto3's answers
            if self.left:
                self.left -= 1
                raise self._failure
            return found(**named)

        return call

    def get_paginator(self, _name: str) -> Broken:
        """Give a paginator that fails too."""
        return self

    def paginate(self, **_named: object) -> None:
        """Fail, as a paginator."""
        raise self._failure


def refusal(code: str, message: str = "no", **fields: Any) -> ClientError:
    """Give an error as botocore makes it of an answer."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **fields}
    return ClientError(answer, "SomeCall")


def cancelled(*codes: str) -> ClientError:
    """Give the error of a transaction that was cancelled."""
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def broken(dynamodb: DynamoDBClient, name: str, failure: Exception, times: int = 10**6) -> tuple[Broken, Table]:
    """Give a table that fails, and the client that counts it."""
    client = Broken(dynamodb, failure, times)
    return client, Table(cast("DynamoDBClient", client), name, sleep=lambda _: None)


@pytest.mark.parametrize("times", [1, 3])
def test_a_collision_is_tried_again(dynamodb: DynamoDBClient, name: str, times: int) -> None:
    """Given another transaction on the same target, when it collides, the claim is tried again and holds."""
    client, table = broken(dynamodb, name, cancelled("TransactionConflict", "None"), times)
    assert table.claim([CLAIM], opening()) == {CLAIM: CASE}
    assert client.left == 0


def test_collisions_without_an_end_are_not_waited_for(dynamodb: DynamoDBClient, name: str) -> None:
    """Given a target on which transactions collide for ever, when it is claimed, the responder goes on without."""
    _, table = broken(dynamodb, name, cancelled("TransactionConflict"))
    with pytest.raises(errors.Unavailable, match="colliding"):
        table.claim([CLAIM], opening())


def test_a_transaction_that_is_cancelled_for_another_reason_is_named(dynamodb: DynamoDBClient, name: str) -> None:
    """Given a table that has no capacity, when a target is claimed, the error says what the table said."""
    _, table = broken(dynamodb, name, cancelled("None", "ProvisionedThroughputExceeded"))
    with pytest.raises(errors.Unavailable, match="ProvisionedThroughputExceeded"):
        table.claim([CLAIM], opening())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("failure", "named"),
    [
        (refusal("AccessDeniedException", f"no for {KEY}"), errors.NotPermitted),
        (refusal("InternalServerError"), errors.Unavailable),
        (refusal("ThrottlingException"), errors.Throttled),
        (refusal("ResourceNotFoundException"), errors.TargetGone),
        (refusal("ValidationException"), errors.Unexpected),
        (EndpointConnectionError(endpoint_url="https://dynamodb"), errors.TourniquetError),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        *(
            "claim",
            "open",
            "case",
            "exists",
            "run",
            "signal",
            "before",
            "again",
            "after",
            "changes",
            "close",
            "remember",
        ),
        *("ask", "asks", "token", "settle", "brake", "trip", "vouch", "withdraw", "release"),
    ],
)
def test_a_table_that_breaks_raises_a_named_error(
    dynamodb: DynamoDBClient,
    name: str,
    failure: Exception,
    named: type[errors.TourniquetError],
    call: str,
) -> None:
    """Given a table that refuses or does not answer, when anything is asked of it, the error is one of ours."""
    case = Table(dynamodb, name).case(CASE)
    _, table = broken(dynamodb, name, failure)
    made = change(item())
    calls: dict[str, Callable[[], object]] = {
        "claim": lambda: table.claim([CLAIM], opening()),
        "open": lambda: table.open(opening()),
        "case": lambda: table.case(CASE),
        "run": lambda: table.run(case, FIRST, [], []),
        "signal": lambda: table.signal(CASE, opening()),
        "before": lambda: table.record_before(made, FIRST),
        "after": lambda: table.record_after(made),
        "changes": lambda: table.changes(CASE),
        "close": lambda: table.close(CASE, FIRST, {"outcome": "CONTAINED"}),
        "remember": lambda: table.remember(CASE, ["a"]),
        "exists": lambda: table.exists(CASE),
        "again": lambda: table.record_again(made, FIRST),
        "ask": lambda: table.ask(question()),
        "asks": lambda: table.asks(CASE),
        "token": lambda: table.keep_token(CASE, question().id, "token"),
        "settle": lambda: table.settle(question(), Asked.APPROVED, AT, FIRST),
        "brake": lambda: table.brake(["user/a"], 1, AT, BEFORE, SECONDS),
        "trip": lambda: table.trip(AT, BEFORE),
        "vouch": lambda: table.vouch(CASE),
        "withdraw": lambda: table.withdraw(CASE, ["a"]),
        "release": lambda: table.release(CASE, AT),
    }
    with pytest.raises(named) as caught:
        calls[call]()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_table_that_fails_for_a_moment_is_asked_again(dynamodb: DynamoDBClient, name: str, code: str) -> None:
    """Given a table that fails twice, when a case is claimed, the third try holds."""
    client, table = broken(dynamodb, name, refusal(code), 2)
    assert table.claim([CLAIM], opening()) == {CLAIM: CASE}
    assert client.left == 0


def test_a_table_that_refuses_is_not_asked_again(dynamodb: DynamoDBClient, name: str) -> None:
    """Given a table that the role may not use, when it refuses, nobody waits for another answer."""
    client, table = broken(dynamodb, name, refusal("AccessDeniedException"), 5)
    with pytest.raises(errors.NotPermitted):
        table.record_before(change(item()), FIRST)
    assert client.left == 4


def test_a_table_that_stays_away_is_not_waited_for_longer_than_a_second(dynamodb: DynamoDBClient, name: str) -> None:
    """Given a table that fails for ever, when a change is recorded, containment goes on after a second."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    client = Broken(dynamodb, refusal("InternalServerError"))
    table = Table(cast("DynamoDBClient", client), name, sleep=sleep)
    started = time.monotonic()
    with pytest.raises(errors.Unavailable):
        table.record_before(change(item()), FIRST)
    assert time.monotonic() - started < 1.5
    assert 3 <= len(slept) < 20


def test_the_largest_case_can_be_claimed(table: Table) -> None:
    """Given an event with as many users as one case takes, two keys each, one case holds all their claims."""
    users = [user(f"user-{number}") for number in range(MOST_TARGETS)]
    facts = {
        target: here(
            target.name,
            user_id=f"AIDA2TESTUSER{number:07}",
            keys=(f"AKIA2TESTFIRST{number:06}", f"AKIA2TESTOTHER{number:06}"),
        )
        for number, target in enumerate(users)
    }
    plan = planned(incident(*users), facts)
    assert set(table.claim(plan.claims, opening()).values()) == {CASE}


def test_a_signal_is_kept_once_and_counted(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a signal that comes three times, when it is kept, there is one entry that says three."""
    for _ in range(3):
        table.signal(CASE, opening())
    ((_, sk), row), *others = rows(dynamodb, name).items()
    assert not others
    assert sk == "SIGNAL#aws.health#0123456789abcdef0123"
    assert row["seen"] == {"N": "3"}


def test_when_a_case_first_saw_a_signal_is_known(table: Table) -> None:
    """Given a signal that comes again, when it is kept, it is told when the case first saw it; another has its own."""
    assert table.signal(CASE, opening()) == AT
    assert table.signal(CASE, replace(opening(), at=LATER)) == AT
    other = opening()
    other = replace(
        other, at=LATER, incident=replace(other.incident, signal=replace(other.incident.signal, id="other"))
    )
    assert table.signal(CASE, other) == LATER


@pytest.mark.parametrize("hostile", ["\ud800", "x" * 5000, "\x00", "", "ü\u202e"])
def test_a_signal_of_any_text_can_be_kept(table: Table, dynamodb: DynamoDBClient, name: str, hostile: str) -> None:
    """Given a signal whose texts are hostile, when it is kept and opens a case, the table takes it."""
    odd = opening(type_=hostile, title=hostile, region=hostile, at=hostile, severity=8.1)
    odd = replace(odd, incident=replace(odd.incident, notes=(hostile,)))
    table.claim([CLAIM], odd)
    table.signal(CASE, odd)
    assert len(rows(dynamodb, name)) == 3


def test_what_was_there_before_is_kept_once(table: Table) -> None:
    """Given a change that was recorded, when a retry or a later run records again, they get what was first seen."""
    made = change(item(), before={"attached": False, "boundary": "", "user": USER})
    assert table.record_before(made, FIRST) == Kept(before=made.before, by=FIRST)
    later = replace(made, before={"attached": True, "boundary": "", "user": USER})
    assert table.record_before(later, FIRST) == Kept(before=made.before, by=FIRST)
    assert table.record_before(later, SECOND) == Kept(before=made.before, by=FIRST)


def test_what_was_there_is_recorded_although_an_earlier_try_failed_before_it_could_look(table: Table) -> None:
    """Given a change that failed without having looked, when a later run makes it, it records what it sees."""
    table.record_after(failed(item()))
    made = change(item())
    assert table.record_before(made, SECOND) == Kept(before=made.before, by=SECOND)


def test_how_a_change_ended_stands_beside_what_was_before(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a change, when it is made, its entry has what was before, what is after, and the result."""
    made = change(item())
    table.record_before(made, FIRST)
    assert table.changes(CASE) == {}
    table.record_after(made)
    (ended,) = table.changes(CASE).values()
    assert (ended.item_id, ended.result, ended.before) == (made.item_id, Result.DONE, made.before)
    row = rows(dynamodb, name)[CASE, f"CHANGE#{made.item_id}"]
    assert row["before"]["M"]["attached"] == {"BOOL": False}
    assert row["after"]["M"]["attached"] == {"BOOL": True}
    assert row["execution"] == {"S": FIRST}
    assert row["v"] == {"N": "1"}


def test_a_failure_is_kept_with_its_error(table: Table) -> None:
    """Given a change that failed, when it is recorded, the case's results say so and name the error."""
    table.record_after(failed(item(), "QuotaFull"))
    (ended,) = table.changes(CASE).values()
    assert (ended.item_id, ended.result, ended.error) == (item().id, Result.FAILED, "QuotaFull")


def test_the_results_of_a_case_are_its_own(table: Table) -> None:
    """Given two cases, when the results of one are asked, those of the other are not among them."""
    table.record_after(change(item(CASE)))
    other = item("inc-other")
    table.record_after(change(other))
    assert set(table.changes("inc-other")) == {other.id}
    assert table.changes("inc-nothing") == {}


def test_many_results_are_read_over_several_pages(table: Table) -> None:
    """Given a case with more changes than one page holds, when its results are asked, all are there."""
    big: Change = change(item())
    for number in range(12):
        table.record_after(replace(big, item_id=f"{number:016}", after={"user": "x" * 150_000}))
    assert len(table.changes(CASE)) == 12


def test_a_case_is_closed_by_the_execution_that_runs_it(table: Table) -> None:
    """Given a running case, when its execution closes it, its outcome is kept."""
    table.claim([CLAIM], opening())
    assert table.close(CASE, FIRST, {"outcome": "CONTAINED", "held": None, "ended_at": AT})
    assert table.case(CASE).outcome == "CONTAINED"


def test_a_case_is_not_closed_by_an_execution_that_does_not_run_it(table: Table) -> None:
    """Given a case that a later execution took over, when the earlier one closes it, it stays open."""
    table.claim([CLAIM], opening())
    assert table.run(table.case(CASE), SECOND, ["b"], [])
    assert not table.close(CASE, FIRST, {"outcome": "CONTAINED"})
    assert table.case(CASE).outcome == ""
    assert table.close(CASE, SECOND, {"outcome": "PARTIAL"})


def test_a_case_that_was_never_opened_can_be_closed(table: Table) -> None:
    """Given a case whose opening the table refused, when it ends, its outcome is kept all the same."""
    assert table.close(CASE, FIRST, {"outcome": "FAILED"})
    assert table.case(CASE).outcome == "FAILED"


def test_an_execution_takes_over_a_case_that_still_runs_and_adds_to_it(table: Table) -> None:
    """Given a running case, when a later execution runs in it, both its changes and the earlier ones are known."""
    table.claim([CLAIM], opening(acting=["a"]))
    assert table.run(table.case(CASE), SECOND, ["b"], ["b-id"])
    case = table.case(CASE)
    assert case.execution == SECOND
    assert case.acting == {"a": FIRST, "b": SECOND}
    assert case.targets == {KEY, "b-id"}


def test_an_execution_that_takes_over_an_ended_case_keeps_what_nobody_made(table: Table) -> None:
    """Given an ended case, when an execution runs in it, it is open again, and what was made is no one's task."""
    table.claim([CLAIM], opening(acting=["a", "made"]))
    table.close(CASE, FIRST, {"outcome": "FAILED", "made": ["made"]})
    assert table.run(table.case(CASE), SECOND, ["b"], [])
    case = table.case(CASE)
    assert case.outcome == ""
    assert case.acting == {"a": FIRST, "b": SECOND}


def test_two_executions_do_not_both_take_over(table: Table) -> None:
    """Given two executions that read the same case, when both take it over, one does."""
    table.claim([CLAIM], opening())
    seen = table.case(CASE)
    assert table.run(seen, SECOND, [], [])
    assert not table.run(seen, THIRD, [], [])
    assert table.run(seen, SECOND, [], []), "a retry of the one that did is let through"


def test_a_case_that_could_not_be_claimed_can_be_written_later(table: Table) -> None:
    """Given a case that the table refused at first, when it is opened later, it has its item; once."""
    table.open(opening())
    table.open(opening(execution=SECOND))
    assert table.case(CASE).execution == FIRST


@pytest.mark.parametrize("told", [[], ["a"], ["a", "b"]])
def test_what_was_told_is_remembered_whoever_runs_the_case(table: Table, told: list[str]) -> None:
    """Given a case that another execution runs, when what was told is kept, it is there and the case runs on."""
    table.claim([CLAIM], opening())
    table.remember(CASE, told)
    case = table.case(CASE)
    assert (case.told, case.execution, case.outcome) == (frozenset(told), FIRST, "")


def test_the_ids_of_a_case_are_ids_or_names() -> None:
    """Given targets with and without ids, when the case lists them, each is there once, sorted."""
    assert target_ids([user("b"), user("a"), user("b"), user("c", "AIDA"), key()]) == ["AIDA", KEY, "a", "b"]


def question(number: int = 1, *, case: str = CASE, at: str = AT, items: tuple[str, ...] = ("a", "b")) -> Ask:
    """Give a question of a case."""
    return Ask(
        incident_id=case,
        id=f"{number:016}",
        asked_by=FIRST,
        execution=f"waits-{number}",
        asked_at=at,
        answer_by=LATER,
        then="expire",
        items=items,
        payload='{"cases": []}',
    )


def at_once(calls: Sequence[Callable[[], object]]) -> list[Any]:
    """Make calls at the same time, each in a thread of its own; give what they gave, in their order."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        ready.wait()
        return call()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def test_a_question_is_kept_whole(table: Table) -> None:
    """Given a question, when it is kept, it is read as it was asked, and it waits."""
    table.ask(question())
    assert table.asks(CASE) == (question(),)
    assert table.asks("inc-other") == ()
    assert question().state is Asked.WAITING


def test_a_retry_of_the_asking_run_changes_nothing_of_its_question(table: Table) -> None:
    """Given a question that was answered, when its run asks again, the answer stands."""
    table.ask(question())
    table.keep_token(CASE, question().id, "token-1")
    table.settle(question(), Asked.APPROVED, LATER, SECOND)
    table.ask(replace(question(), items=("c",)))
    (kept,) = table.asks(CASE)
    assert (kept.state, kept.token, kept.items) == (Asked.APPROVED, "token-1", ("a", "b"))


def test_the_latest_question_of_a_case_comes_last(table: Table) -> None:
    """Given questions whose ids say nothing of their order, when they are read, the time they were asked at does."""
    for number, at in ((1, "2026-11-20T05:00:00.000Z"), (2, "2026-11-20T04:00:00.000Z"), (3, AT)):
        table.ask(question(number, at=at))
    assert [int(ask.id) for ask in table.asks(CASE)] == [3, 2, 1]


def test_a_token_is_kept_with_its_question_and_of_a_retry_the_latest(table: Table) -> None:
    """Given a run that waits, when it begins again, it is woken by its latest token; without a question by none."""
    assert table.keep_token(CASE, question().id, "token-1") is None
    table.ask(question())
    assert table.keep_token(CASE, question().id, "token-1") == replace(question(), token="token-1")
    assert table.keep_token(CASE, question().id, "token-2") == replace(question(), token="token-2")
    assert table.keep_token(CASE, "f" * 16, "token-3") is None
    assert [ask.token for ask in table.asks(CASE)] == ["token-2"]


def test_a_run_that_begins_to_wait_after_the_answer_learns_of_it(table: Table) -> None:
    """Given an answer before anybody waited, when the waiting begins, the question is given as it was settled."""
    table.ask(question())
    table.settle(question(), Asked.REJECTED, LATER, SECOND, "ours")
    kept = table.keep_token(CASE, question().id, "token-1")
    assert kept is not None
    assert (kept.state, kept.reason, kept.token) == (Asked.REJECTED, "ours", "token-1")


@pytest.mark.parametrize("second", list(Asked))
@pytest.mark.parametrize("first", [Asked.APPROVED, Asked.REJECTED, Asked.EXPIRED])
def test_a_question_is_settled_once(table: Table, first: Asked, second: Asked) -> None:
    """Given an answer, when there is a second one, the first stands with its time, its words and who gave it."""
    table.ask(question())
    settled = table.settle(question(), first, AT, SECOND, "first")
    assert settled == replace(question(), state=first, settled_at=AT, settled_by=SECOND, reason="first")
    assert table.settle(question(), second, LATER, THIRD, "second") is None
    assert table.asks(CASE) == (settled,)


def test_a_question_that_was_never_asked_cannot_be_settled(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given no question, when somebody settles it, nothing is written."""
    assert table.settle(question(), Asked.APPROVED, AT, SECOND) is None
    assert rows(dynamodb, name) == {}


@pytest.mark.parametrize("number", range(5))
def test_of_answers_at_the_same_moment_one_counts(table: Table, number: int) -> None:
    """Given a question, when eight people and the clock settle it at once, exactly one of them does."""
    asked = question(number)
    table.ask(asked)
    states = [Asked.APPROVED, Asked.REJECTED, Asked.EXPIRED] * 3
    calls = [partial(table.settle, asked, state, AT, f"by-{index}") for index, state in enumerate(states)]
    won = [ask for ask in at_once(calls) if ask is not None]
    assert len(won) == 1
    assert table.asks(CASE) == tuple(won)


def test_a_question_holds_any_text(table: Table) -> None:
    """Given a reason of hostile text and a large plan, when a question is kept and settled, the table takes them."""
    large = replace(question(), payload="é" * 100_000)
    table.ask(large)
    settled = table.settle(large, Asked.REJECTED, AT, SECOND, "\ud800\x00\u202e" + "x" * 500)
    assert settled is not None
    assert settled.payload == large.payload
    assert settled.reason.endswith("x")


def test_the_breaker_grants_as_many_principals_as_the_limit_says(table: Table) -> None:
    """Given a limit of three, when five principals come in turn, the first three get a slot."""
    granted = [table.brake([f"user/{number}"], 3, AT, BEFORE, SECONDS) for number in range(5)]
    assert granted == [frozenset({f"user/{number}"}) for number in range(3)] + [frozenset()] * 2


def test_one_execution_gets_what_is_left(table: Table) -> None:
    """Given a limit of three and one slot taken, when one execution wants four, it gets two."""
    table.brake(["user/first"], 3, AT, BEFORE, SECONDS)
    granted = table.brake([f"user/{number}" for number in range(4)], 3, AT, BEFORE, SECONDS)
    assert len(granted) == 2
    assert "user/first" not in granted


def test_who_holds_a_slot_keeps_it(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a principal with a slot, when it comes again, also beyond the limit, it is granted and takes no other."""
    for number in range(3):
        table.brake([f"user/{number}"], 3, AT, BEFORE, SECONDS)
    state = rows(dynamodb, name)
    assert table.brake(["user/1", "user/9"], 3, LATER, BEFORE, SECONDS) == {"user/1"}
    assert rows(dynamodb, name) == state


def test_a_slot_is_free_again_after_an_hour(table: Table) -> None:
    """Given a limit that is used up, when the oldest slot is an hour old, one more principal gets one, and only one."""
    table.brake(["user/old"], 2, "2026-11-20T02:00:00.000Z", "2026-11-20T01:00:00.000Z", SECONDS)
    table.brake(["user/new"], 2, "2026-11-20T02:30:00.000Z", "2026-11-20T01:30:00.000Z", SECONDS)
    moment = "2026-11-20T02:59:59.999Z", "2026-11-20T01:59:59.999Z"
    assert table.brake(["user/a"], 2, *moment, SECONDS) == frozenset()
    at_the_hour = "2026-11-20T03:00:00.001Z", "2026-11-20T02:00:00.001Z"
    assert table.brake(["user/a"], 2, *at_the_hour, SECONDS) == {"user/a"}
    assert table.brake(["user/old"], 2, *at_the_hour, SECONDS) == frozenset()
    assert table.brake(["user/new"], 2, *at_the_hour, SECONDS) == {"user/new"}


def test_a_lower_limit_counts_at_once(table: Table) -> None:
    """Given ten slots taken, when the owner lowers the limit to two, no new principal gets one."""
    for number in range(10):
        table.brake([f"user/{number}"], 10, AT, BEFORE, SECONDS)
    assert table.brake(["user/new"], 2, AT, BEFORE, SECONDS) == frozenset()
    assert len(table.brake([f"user/{number}" for number in range(10)], 2, AT, BEFORE, SECONDS)) == 2


@pytest.mark.parametrize("limit", [1, 7, 10])
def test_the_limit_is_exact_however_many_ask_at_once(
    table: Table, dynamodb: DynamoDBClient, name: str, limit: int
) -> None:
    """Given forty executions at once, each for a principal of its own, exactly as many as the limit get a slot."""
    calls = [partial(table.brake, [f"user/{number}"], limit, AT, BEFORE, SECONDS) for number in range(40)]
    granted = frozenset[str]().union(*at_once(calls))
    assert len(granted) == limit
    holders = {row["holder"]["S"] for (pk, sk), row in rows(dynamodb, name).items() if sk.startswith("SLOT#") and pk}
    assert holders == granted


def test_the_limit_holds_where_many_executions_want_several(table: Table) -> None:
    """Given forty executions at once that each want three principals, not one slot more than the limit is taken."""
    calls = [
        partial(table.brake, [f"user/{number}-{part}" for part in range(3)], 10, AT, BEFORE, SECONDS)
        for number in range(40)
    ]
    assert sum(len(granted) for granted in at_once(calls)) == 10


class Together(Table):
    """A table that several look into at the same moment, before any of them writes; later each looks alone."""

    def __init__(self, dynamodb: DynamoDBClient, name: str, together: int) -> None:
        super().__init__(dynamodb, name, sleep=lambda _: None)
        self._looked = threading.Barrier(together)
        self._again = threading.local()

    def _query(self, partition: str, prefix: str) -> list[dict[str, Any]]:
        found = super()._query(partition, prefix)
        if not getattr(self._again, "looked", False):
            self._again.looked = True
            self._looked.wait(timeout=30)
        return found


def test_a_principal_takes_one_slot_however_many_ask_for_it_at_once(dynamodb: DynamoDBClient, name: str) -> None:
    """Given twelve findings about one user at the same moment, it takes one slot: repeats must not use the limit up."""
    table = Together(dynamodb, name, 12)
    granted = at_once([partial(table.brake, ["user/a"], 10, AT, BEFORE, SECONDS)] * 12)
    assert set(granted) == {frozenset({"user/a"})}
    assert len(rows(dynamodb, name)) == 1


def test_the_limit_is_exact_for_those_who_look_at_the_same_moment(dynamodb: DynamoDBClient, name: str) -> None:
    """Given twelve executions that all see every slot free, when each wants one of five, five get one."""
    table = Together(dynamodb, name, 12)
    calls = [partial(table.brake, [f"user/{number}"], 5, AT, BEFORE, SECONDS) for number in range(12)]
    assert sum(len(granted) for granted in at_once(calls)) == 5


def test_one_execution_tells_that_the_breaker_opened(table: Table) -> None:
    """Given twenty executions that find it open at once, one tells; a later one within the hour does not."""
    assert sorted(at_once([partial(table.trip, AT, BEFORE)] * 20)) == [False] * 19 + [True]
    assert not table.trip(LATER, BEFORE)
    assert table.trip("2026-11-20T05:00:00.000Z", "2026-11-20T04:00:00.000Z"), "an hour later it is told again"


def test_slots_that_cannot_be_taken_in_time_are_not_waited_for(table: Table) -> None:
    """Given a table that is slow, when the time is up before all are asked about, the breaker is said not to answer."""
    with pytest.raises(errors.Unavailable, match="in time"):
        table.brake(["user/a"], 3, AT, BEFORE, -1.0)


@pytest.mark.parametrize("vouched", [True, False])
def test_what_is_withdrawn_is_nobodys_task_and_who_vouches_is_noticed(table: Table, vouched: bool) -> None:  # noqa: FBT001 - both ways
    """Given a case, when an execution takes back two items, the third stays its task, and it learns of a vouching."""
    table.claim([CLAIM], opening(acting=["a", "b", "c"]))
    if vouched:
        table.vouch(CASE)
    assert table.withdraw(CASE, ["a", "c"]) is vouched
    assert table.case(CASE).acting == {"b": FIRST}
    assert table.withdraw(CASE, ["a", "c"]) is vouched, "a retry of it"


def test_a_released_case_has_nothing_made_and_was_told_nothing(table: Table) -> None:
    """Given a contained case, when a person undoes it, its outcome says so, and all that was made is released."""
    table.claim([CLAIM], opening())
    made = change(item())
    table.record_before(made, FIRST)
    table.record_after(made)
    assert not table.release(CASE, AT), "it still runs"
    table.close(CASE, FIRST, {"outcome": "CONTAINED", "made": [made.item_id, "other"], "told": ["x"]})
    assert table.release(CASE, LATER)
    case = table.case(CASE)
    assert (case.outcome, case.made, case.told) == ("RELEASED", frozenset(), frozenset())
    assert case.released == {made.item_id: LATER, "other": LATER}
    assert table.changes(CASE) == {}
    assert table.release(CASE, "2026-11-20T09:00:00.000Z")
    assert table.case(CASE).released == case.released, "what was released stays released then"


def released(dynamodb: DynamoDBClient, name: str, item_id: str, at: str) -> None:
    """Write what a restore writes: when it undid an item."""
    dynamodb.update_item(
        TableName=name,
        Key={"pk": {"S": CASE}, "sk": {"S": "INCIDENT"}},
        UpdateExpression="SET released = :released",
        ExpressionAttributeValues={":released": {"M": {item_id: {"S": at}}}},
    )
    dynamodb.update_item(
        TableName=name,
        Key={"pk": {"S": CASE}, "sk": {"S": f"CHANGE#{item_id}"}},
        UpdateExpression="SET released_at = :at",
        ExpressionAttributeValues={":at": {"S": at}},
    )


def test_what_was_released_is_known_and_is_not_made_any_more(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a change that a restore undid, when the case is read, it says when, and the change does not count."""
    table.claim([CLAIM], opening())
    made = change(item())
    table.record_before(made, FIRST)
    table.record_after(made)
    assert set(table.changes(CASE)) == {made.item_id}
    released(dynamodb, name, made.item_id, LATER)
    assert table.case(CASE).released == {made.item_id: LATER}
    assert table.changes(CASE) == {}


def test_what_is_made_again_after_a_release_counts_again(table: Table, dynamodb: DynamoDBClient, name: str) -> None:
    """Given a change that was undone and made anew, when the changes are read, it is one."""
    made = change(item())
    table.record_before(made, FIRST)
    table.record_after(made)
    released(dynamodb, name, made.item_id, LATER)
    table.record_after(made)
    assert set(table.changes(CASE)) == {made.item_id}


def test_a_change_that_was_begun_is_not_one_that_waits_for_a_person(table: Table) -> None:
    """Given a change whose run died before it ended, when the changes are read, it is none, and nobody is asked."""
    table.record_before(change(item()), FIRST)
    assert table.changes(CASE) == {}


def test_a_case_that_nobody_opened_does_not_exist(table: Table) -> None:
    """Given an id, when it is asked whether there is a case of it, only one that was opened is."""
    assert not table.exists(CASE)
    table.claim([CLAIM], opening())
    assert table.exists(CASE)


def test_a_case_that_ended_since_it_was_read_is_not_run_again(table: Table) -> None:
    """Given a case read while its execution ran, when that has ended it meanwhile, it has to be read again."""
    table.claim(["user#a"], opening())
    read = table.case(CASE)
    assert table.close(CASE, opening().execution, {"outcome": "CONTAINED"})
    assert not table.run(read, f"{FIRST}-2", ["item"], [])
    assert table.run(table.case(CASE), f"{FIRST}-2", ["item"], [])
