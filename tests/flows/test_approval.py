"""Stories of questions: what waits for a person, what the person may answer, and what becomes of it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from lambdas import errors, executions
from lambdas.handlers import environment
from tests.flows.account import ACCOUNT, Account
from tests.flows.test_respond import exposed

if TYPE_CHECKING:
    from collections.abc import Callable

SUSPECTED = "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED"


def suspected(key: str, *, number: int = 1, **details: Any) -> events.Event:
    """Give a suspicion, which is asked about."""
    return exposed(key, code=SUSPECTED, event_id=f"suspicion-{number}", **details)


def asked(account: Account, key: str, **details: Any) -> str:
    """Have people asked about a key; give the case's id, with the alert read."""
    (case,) = account.run(suspected(key, **details))
    assert case["outcome"] == "PENDING"
    account.alerts()
    return str(case["incident_id"])


def settled(account: Account, incident_id: str) -> dict[str, Any]:
    """Wait until the run that waited for the answer has ended; give the alert that it sent."""
    (waiting,) = account.waiting(incident_id)
    ended = account.finish(waiting)
    assert ended["status"] == "SUCCEEDED", account.tracebacks
    (alert,) = account.alerts()
    return alert


def outcome_of(account: Account, incident_id: str) -> str:
    """Read a case's outcome from the table."""
    (record,) = account.records(incident_id, "INCIDENT")
    return str(record["outcome"])


def pasted(command: str) -> dict[str, Any]:
    """Give the input that a command of an alert starts the workflow with."""
    words = shlex.split(command)
    assert words[:3] == ["aws", "stepfunctions", "start-execution"]
    request: dict[str, Any] = json.loads(words[words.index("--input") + 1])
    return request


def test_a_suspicion_waits_for_an_answer_and_the_mail_says_how_to_give_it(account: Account) -> None:
    """Given a suspected key, nothing is changed, and the alert holds plan, reason, time and both commands."""
    (key,) = account.user("ci-user")
    (case,) = account.run(suspected(key))
    assert case["outcome"] == "PENDING"
    assert account.status("ci-user") == {key: "Active"}
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert alert["outcome"] == "PENDING"
    assert {entry["result"] for entry in alert["actions"]} == {"planned"}
    assert any("waits for your answer, because the playbook suspected_key says so" in one for one in alert["not_done"])
    yes, no = (pasted(step.split("\n")[1]) for step in alert["next_steps"][:2])
    (ask,) = account.records(case["incident_id"], "ASK#")
    about = {"incident_id": case["incident_id"], "question": ask["ask_id"]}
    assert (yes, no) == ({**about, "answer": "approve"}, {**about, "answer": "reject"})
    account.finish_waiting_to_begin(case["incident_id"])
    (ask,) = account.records(case["incident_id"], "ASK#")
    assert ask["token"]
    assert str(ask["token"]) not in json.dumps(alert)


def test_an_approval_makes_the_changes(account: Account) -> None:
    """Given a question, when a person pastes the yes, the changes are made, journaled and told."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    assert account.answer(case, "approve", reason="not ours") == {"taken": "approve", "incident_id": case}
    alert = settled(account, case)
    assert alert["outcome"] == "CONTAINED"
    assert {entry["result"] for entry in alert["actions"]} == {"done"}
    assert account.status("ci-user") == {key: "Inactive"}
    assert account.denied("ci-user")
    assert outcome_of(account, case) == "CONTAINED"
    assert len(account.records(case, "CHANGE#")) == 2


def test_a_rejection_changes_nothing_and_is_remembered(account: Account) -> None:
    """Given a question, when a person says no, nothing is changed; a repeat is silent, new activity asks again."""
    (key,) = account.user("ci-user")
    event = suspected(key)
    case = asked(account, key)
    account.answer(case, "reject", reason="our scanner")
    alert = settled(account, case)
    assert alert["outcome"] == "REJECTED"
    assert any("our scanner" in sentence for sentence in alert["not_done"])
    assert not account.denied("ci-user")
    assert outcome_of(account, case) == "REJECTED"
    old = {**event, "time": "2026-01-01T00:00:00Z"}
    account.run(old)
    assert account.alerts() == []
    (again,) = account.run({**suspected(key, number=2), "time": "2099-01-01T00:00:00Z"})
    assert again["outcome"] == "PENDING"
    (alert,) = account.alerts()
    assert any("a person turned it down at" in sentence for sentence in alert["not_done"])
    assert account.status("ci-user") == {key: "Active"}


def test_a_rejection_is_not_overruled_by_a_report_but_asked_about(account: Account) -> None:
    """Given a rejection, when AWS itself reports the key later, a person is asked, who may have reasons."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.answer(case, "reject")
    settled(account, case)
    (again,) = account.run({**exposed(key), "time": "2099-01-01T00:00:00Z"})
    assert again["outcome"] == "PENDING"
    assert not account.denied("ci-user")
    assert account.answer(case, "approve")["taken"] == "approve"
    for waiting in account.waiting(case):
        account.finish(waiting)
    assert account.denied("ci-user")


def test_an_older_report_of_aws_after_a_no_is_asked_about_too(account: Account) -> None:
    """Given a suspicion that a person turned down, a report of AWS that is older but arrives later asks, once."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.answer(case, "reject")
    settled(account, case)
    report = {**exposed(key), "time": "2026-01-01T00:00:00Z"}
    (again,) = account.run(report)
    assert again["outcome"] == "PENDING"
    (alert,) = account.alerts()
    assert any("another signal than those before" in sentence for sentence in alert["not_done"])
    account.answer(case, "reject")
    for waiting in account.waiting(case):
        account.finish(waiting)
    account.alerts()
    account.run(report)
    assert account.alerts() == []
    assert not account.denied("ci-user")


def test_a_yes_is_held_to_the_settings_as_they_are_then(account: Account) -> None:
    """Given a question, when the owner deploys mode=observe or protects the user before the yes, nothing is changed."""
    (key,) = account.user("ci-user")
    (other,) = account.user("payments")
    first, second = asked(account, key), asked(account, other, number=2)
    variables = account.functions["ApprovalFunctionArn"][1]
    before = variables[environment.GUARDRAILS]
    now = {**json.loads(before), "protected": [f"arn:aws:iam::{ACCOUNT}:user/payments"]}
    variables[environment.GUARDRAILS] = json.dumps(now)
    account.answer(second, "approve")
    assert settled(account, second)["outcome"] == "REFUSED"
    variables[environment.GUARDRAILS] = json.dumps({**now, "observe_all": True})
    account.answer(first, "approve")
    assert settled(account, first)["outcome"] == "OBSERVED"
    assert not account.denied("ci-user")
    assert not account.denied("payments")


def test_a_question_that_nobody_answers_expires(make_account: Callable[..., Account]) -> None:
    """Given a question without an answer in time, nothing is changed, it is told, and a late answer is refused."""
    account = make_account(minutes=0.02)
    (key,) = account.user("ci-user")
    case = asked(account, key)
    alert = settled(account, case)
    assert alert["outcome"] == "EXPIRED"
    assert not account.denied("ci-user")
    assert outcome_of(account, case) == "EXPIRED"
    said = account.answer(case, "approve")
    assert "too late" in said["refused"]
    (refusal,) = account.alerts()
    assert refusal["outcome"] == "REFUSED"
    assert refusal["incident_id"] == case
    assert not account.denied("ci-user")
    assert outcome_of(account, case) == "EXPIRED"


def test_the_owner_may_have_it_done_when_nobody_answers(make_account: Callable[..., Account]) -> None:
    """Given the setting that contains then, when nobody answers in time, the changes are made and told."""
    account = make_account(minutes=0.02, then="contain")
    (key,) = account.user("ci-user")
    (case,) = account.run(suspected(key))
    (alert,) = account.alerts()
    assert any("the changes are made" in step for step in alert["next_steps"])
    assert settled(account, case["incident_id"])["outcome"] == "CONTAINED"
    assert account.denied("ci-user")
    assert outcome_of(account, case["incident_id"]) == "CONTAINED"


def test_a_report_of_aws_is_not_held_up_by_a_question_that_nobody_answered(
    make_account: Callable[..., Account],
) -> None:
    """Given an expired suspicion, when AWS itself reports the key, it is contained."""
    account = make_account(minutes=0.02)
    (key,) = account.user("ci-user")
    case = asked(account, key)
    settled(account, case)
    (again,) = account.run({**exposed(key), "time": "2099-01-01T00:00:00Z"})
    assert again == {"incident_id": case, "outcome": "CONTAINED", "alerted": True}
    assert account.denied("ci-user")


@pytest.mark.parametrize(("first", "second"), [("approve", "reject"), ("reject", "approve"), ("approve", "approve")])
def test_a_second_answer_is_refused(account: Account, first: str, second: str) -> None:
    """Given an answer, a second one is refused, told, and changes nothing."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.answer(case, first)
    settled(account, case)
    said = account.answer(case, second)
    assert "already" in said["refused"]
    (refusal,) = account.alerts()
    assert refusal["outcome"] == "REFUSED"
    assert account.denied("ci-user") is (first == "approve")


ODD_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "another incident": ({"incident_id": "inc-20261120-0123456789", "answer": "approve"}, "no case of this id"),
    "no incident": ({"answer": "approve"}, "names no case"),
    "a number": ({"incident_id": 7, "answer": "approve"}, "names no case"),
    "somebody's code": ({"incident_id": "inc-20261120-01234567$({})", "answer": "approve"}, "names no case"),
    "maybe": ({"incident_id": "CASE", "answer": "maybe"}, "could not be understood"),
    "true": ({"incident_id": "CASE", "answer": True}, "could not be understood"),
    "nothing": ({"incident_id": "CASE", "answer": None}, "could not be understood"),
    "more than that": ({"incident_id": "CASE", "answer": "approve", "mode": "contain"}, "could not be understood"),
    "another question": ({"incident_id": "CASE", "answer": "approve", "question": "00"}, "no such question"),
    "a run that waits": ({"ask": {"incident_id": "CASE", "id": "0000", "seconds": 1}}, "not its own"),
    "a broken one": ({"ask": 7}, "not its own"),
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_an_answer_that_cannot_be_taken_is_refused_and_the_question_stays_open(account: Account, name: str) -> None:
    """Given an odd answer, it is refused with a sentence that says why, and the real one still counts."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    given, expected = ODD_ANSWERS[name]
    ended = account.finish(account.start(json.loads(json.dumps(given).replace("CASE", case))))
    assert expected in json.loads(ended["output"])["refused"]
    (refusal,) = account.alerts()
    assert refusal["outcome"] == "REFUSED"
    assert not account.denied("ci-user")
    account.answer(case, "approve")
    assert settled(account, case)["outcome"] == "CONTAINED"


def test_a_case_without_a_question_takes_no_answer(account: Account) -> None:
    """Given a contained case, an answer to it is refused, and the case stays as it is."""
    (key,) = account.user("ci-user")
    (case,) = account.run(exposed(key))
    account.alerts()
    assert "nobody asked anything" in account.answer(case["incident_id"], "reject")["refused"]
    assert outcome_of(account, case["incident_id"]) == "CONTAINED"


def test_an_answer_that_comes_before_anybody_waits_counts(account: Account) -> None:
    """Given an answer in the moment before the waiting run keeps its token, that run goes on with it."""
    (key,) = account.user("ci-user")
    given: list[str] = []

    def answer_first() -> None:
        if not given:
            (record,) = account.cases()
            given.append(record["pk"])
            account.answer(record["pk"], "approve")

    account.before["ApprovalFunctionArn"] = answer_first
    (case,) = account.run(suspected(key))
    (waiting,) = account.waiting(case["incident_id"])
    account.finish(waiting)
    assert given == [case["incident_id"]]
    assert account.denied("ci-user")
    assert outcome_of(account, given[0]) == "CONTAINED"


def test_a_repeat_of_an_open_question_does_not_ask_again(account: Account) -> None:
    """Given an open question, a repeat and another source of the same are kept with it, in silence."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.run(suspected(key))
    account.run(events.trusted_advisor(key, "ci-user", fraud="Suspected", account=ACCOUNT))
    assert account.alerts() == []
    assert len(account.waiting(case)) == 1
    assert len(account.records(case, "SIGNAL#")) == 2
    assert outcome_of(account, case) == "PENDING"


def test_a_stronger_signal_does_not_wait_for_the_answer(account: Account) -> None:
    """Given an open question, when AWS reports the key as exposed, it is contained at once; a no undoes nothing."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    (again,) = account.run(exposed(key))
    assert again == {"incident_id": case, "outcome": "CONTAINED", "alerted": True}
    assert account.denied("ci-user")
    account.alerts()
    account.answer(case, "reject")
    (waiting,) = account.waiting(case)
    account.finish(waiting)
    assert account.denied("ci-user")
    assert outcome_of(account, case) == "CONTAINED"


def test_a_question_whose_run_was_stopped_is_asked_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a waiting run that somebody stopped, an answer is refused, and the next signal asks anew."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    (waiting,) = account.waiting(case)
    runs = executions.runs  # moto's executions that wait for a token cannot be stopped
    monkeypatch.setattr(executions, "runs", lambda execution: execution != waiting and runs(execution))
    said = account.answer(case, "approve")
    assert "has ended without it" in said["refused"]
    assert not account.denied("ci-user")
    account.alerts()
    account.run(suspected(key, number=2))
    (alert,) = account.alerts()
    assert alert["outcome"] == "PENDING"
    account.answer(case, "approve")
    for one in set(account.waiting(case)) - {waiting}:
        account.finish(one)
    assert account.denied("ci-user")


def test_without_a_table_nobody_can_be_asked_and_people_are_told_so(account: Account) -> None:
    """Given a table that does not answer, what needs an answer is only planned, with the command that does it."""
    (key,) = account.user("ci-user")
    account.before["TriageFunctionArn"] = lambda: account.dynamodb.delete_table(TableName=account.table)
    (case,) = account.run(suspected(key))
    assert case["outcome"] == "OBSERVED"
    (alert,) = account.alerts()
    assert any("nobody could be asked" in sentence for sentence in alert["not_done"])
    assert any('"user_name"' in step for step in alert["next_steps"])


def test_a_question_that_cannot_be_kept_waiting_for_is_told(account: Account) -> None:
    """Given an approval function that fails, the question ends without a change, and people are told."""
    (key,) = account.user("ci-user")
    account.failures["ApprovalFunctionArn"] = [errors.Unexpected("boom")]
    (case,) = account.run(suspected(key))
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    assert [alert["outcome"] for alert in account.alerts()] == ["PENDING", "EXPIRED"]
    assert not account.denied("ci-user")


def test_a_lost_question_is_no_yes_whatever_the_setting(make_account: Callable[..., Account]) -> None:
    """Given the setting that contains when the time is up, a question that nobody could wait for is not contained."""
    account = make_account(then="contain")
    (key,) = account.user("ci-user")
    account.failures["ApprovalFunctionArn"] = [errors.Unexpected("boom")]
    (case,) = account.run(suspected(key))
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    assert not account.denied("ci-user")
    assert outcome_of(account, case["incident_id"]) == "EXPIRED"


def test_an_answer_that_fails_is_told_and_can_be_given_again(account: Account) -> None:
    """Given an approval function that fails when an answer comes, the person is told to give it again."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.finish_waiting_to_begin(case)
    account.failures["ApprovalFunctionArn"] = [errors.Unexpected("boom")]
    said = account.answer(case, "approve")
    assert "Give it again" in said["refused"]
    account.alerts()
    account.answer(case, "approve")
    assert settled(account, case)["outcome"] == "CONTAINED"


def test_approved_changes_that_fail_are_told(account: Account) -> None:
    """Given an approval, when a change fails, the outcome is PARTIAL and the alert says how to do it by hand."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.failures["DenyPrincipalFunctionArn"] = [errors.NotPermitted("boom")]
    account.answer(case, "approve")
    alert = settled(account, case)
    assert alert["outcome"] == "PARTIAL"
    assert any("attach-user-policy" in step for step in alert["next_steps"])


def test_observing_everything_asks_nobody(make_account: Callable[..., Account]) -> None:
    """Given mode=observe, a suspicion is only told."""
    account = make_account(observe_all=True)
    (key,) = account.user("ci-user")
    (case,) = account.run(suspected(key))
    assert case["outcome"] == "OBSERVED"
    assert account.waiting(case["incident_id"]) == []


def test_a_person_may_ask_to_be_asked(account: Account) -> None:
    """Given a request with "mode": "approve", the plan is shown first, and done after the yes."""
    (key,) = account.user("ci-user")
    (case,) = account.run({"user_name": "ci-user", "mode": "approve"})
    assert case["outcome"] == "PENDING"
    account.alerts()
    account.answer(case["incident_id"], "approve")
    assert settled(account, case["incident_id"])["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {key: "Inactive"}


def test_modes_by_severity_are_the_owners(make_account: Callable[..., Account]) -> None:
    """Given modes by severity for a playbook, a finding is observed, asked about or contained by its severity."""
    account = make_account(modes={"stolen_credentials": [[4, "approve"], [7, "contain"]]})
    outcomes = []
    for number, severity in enumerate((2.0, 5.0, 8.0)):
        (key,) = account.user(f"user-{number}")
        (case,) = account.run(events.guardduty(key, f"user-{number}", severity=severity, account=ACCOUNT))
        outcomes.append(case["outcome"])
    assert outcomes == ["OBSERVED", "PENDING", "CONTAINED"]


def lifted(account: Account, user: str, key: str) -> None:
    """Undo by hand what was done to a user."""
    account.iam.detach_user_policy(UserName=user, PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    account.iam.update_access_key(UserName=user, AccessKeyId=key, Status="Active")


def released(account: Account, alert: dict[str, Any]) -> dict[str, Any]:
    """Tell the responder of an undo with the line that the alert has for it."""
    ended = account.finish(account.start(pasted(account.by_hand(alert["incident_id"]).split(" && ")[-1])))
    said: dict[str, Any] = json.loads(ended["output"])
    return said


def test_what_a_person_released_is_not_contained_again_by_itself(account: Account) -> None:
    """Given a released user, a repeat of the finding is silent, new activity asks, and a yes contains again."""
    (key,) = account.user("ci-user")
    (case,) = account.run({**exposed(key), "time": "2026-01-01T00:00:00Z"})
    (alert,) = account.alerts()
    lifted(account, "ci-user", key)
    assert "released" in released(account, alert)
    (told,) = account.alerts()
    assert told["outcome"] == "RELEASED"
    account.run({**exposed(key), "time": "2026-01-01T00:00:00Z"})
    assert account.alerts() == []
    assert not account.denied("ci-user")
    assert outcome_of(account, case["incident_id"]) == "RELEASED"
    (again,) = account.run({**exposed(key), "time": "2099-01-01T00:00:00Z"})
    assert again["outcome"] == "PENDING"
    (alert,) = account.alerts()
    assert any("a person released it at" in sentence for sentence in alert["not_done"])
    assert not account.denied("ci-user")
    account.answer(case["incident_id"], "approve")
    assert settled(account, case["incident_id"])["outcome"] == "CONTAINED"
    assert account.denied("ci-user")
    assert outcome_of(account, case["incident_id"]) == "CONTAINED"


def test_a_person_who_insists_is_not_asked_about_what_was_released(account: Account) -> None:
    """Given a released user, a request with "mode": "contain" contains at once."""
    (key,) = account.user("ci-user")
    account.run(exposed(key))
    (alert,) = account.alerts()
    lifted(account, "ci-user", key)
    released(account, alert)
    account.run({"user_name": "ci-user", "mode": "contain"})
    assert account.denied("ci-user")


@pytest.mark.parametrize("decision", ["reject", "expire", "release"])
def test_another_finding_after_a_decision_asks_even_if_its_activity_is_older(
    make_account: Callable[..., Account], decision: str
) -> None:
    """Given a decision about a user, a finding that is not one of those before asks, however late it was delivered."""
    account = make_account(minutes=0.02 if decision == "expire" else 600)
    (key,) = account.user("ci-user")
    if decision == "release":
        account.run(exposed(key))
        (alert,) = account.alerts()
        lifted(account, "ci-user", key)
        released(account, alert)
    else:
        case = asked(account, key)
        if decision == "reject":
            account.answer(case, "reject")
        settled(account, case)
    account.alerts()
    late = events.guardduty(key, "ci-user", account=ACCOUNT, seen_at="2099-01-01T00:00:00.000Z")
    late["detail"]["service"]["eventLastSeen"] = "2020-01-01T00:00:00.000Z"
    account.iam.get_user(UserName="ci-user")
    (again,) = account.run(late)
    assert again["outcome"] == "PENDING"
    (alert,) = account.alerts()
    assert any("another signal than those before" in sentence for sentence in alert["not_done"])
    account.run(late)
    assert account.alerts() == []


def test_the_line_that_tells_of_an_undo_is_refused_for_no_case(account: Account) -> None:
    """Given a case that does not exist, that somebody undid it is refused."""
    said = account.answer("inc-20261120-0123456789", "released")
    assert "no case of this id" in said["refused"]


def test_two_questions_of_a_case_are_answered_one_by_one(account: Account) -> None:
    """Given two open questions of one case, an answer that does not say which is refused, the pasted ones count."""
    first, second = account.user("ci-user", keys=2)
    (case,) = account.run(suspected(first))
    account.run(suspected(second, number=2))
    one, two = account.alerts()
    assert one["incident_id"] == two["incident_id"]
    said = account.answer(case["incident_id"], "approve")
    assert "several questions are open" in said["refused"]
    assert not account.denied("ci-user")
    account.alerts()
    account.finish(account.start(pasted(two["next_steps"][1].split("\n")[1])))
    account.finish(account.start(pasted(one["next_steps"][0].split("\n")[1])))
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    assert account.status("ci-user") == {first: "Inactive", second: "Active"}
    assert account.denied("ci-user")


def test_an_answer_whose_taking_is_killed_half_way_is_taken_by_the_retry(account: Account) -> None:
    """Given a function that dies after it took the answer, its retry wakes the waiting run all the same."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.finish_waiting_to_begin(case)
    account.after["ApprovalFunctionArn"] = [errors.Unavailable("killed")]
    assert account.answer(case, "approve")["taken"] == "approve"
    assert settled(account, case)["outcome"] == "CONTAINED"


def test_an_answer_is_not_refused_because_step_functions_is_slow(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a lookup of the waiting run that is throttled, the answer is tried again and taken."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    runs, times = executions.runs, iter([True])

    def throttled(execution: str) -> bool:
        if next(times, False):
            raise errors.Throttled("slow down")
        return runs(execution)

    monkeypatch.setattr(executions, "runs", throttled)
    assert account.answer(case, "approve")["taken"] == "approve"
    assert settled(account, case)["outcome"] == "CONTAINED"


def test_silence_makes_only_what_the_playbook_asked_about(make_account: Callable[..., Account]) -> None:
    """Given the setting that contains when nobody answers, what the breaker or a caution asked about is not made."""
    account = make_account(minutes=0.02, then="contain", limit=1)
    keys = {name: account.user(name)[0] for name in ("decoy", "late")}
    for name, key in keys.items():
        account.run(events.guardduty(key, name, account=ACCOUNT))
    alerts = account.alerts()
    (late,) = [alert for alert in alerts if alert["outcome"] == "PENDING" and alert["actions"]]
    assert any("nothing of this is changed" in step for step in late["next_steps"])
    assert settled(account, late["incident_id"])["outcome"] == "EXPIRED"
    assert not account.denied("late")


def test_nobody_but_its_own_run_can_wait_for_a_question(account: Account) -> None:
    """Given an input that imitates the waiting run, it is refused, and the real one still hears the answer."""
    (key,) = account.user("ci-user")
    case = asked(account, key)
    account.finish_waiting_to_begin(case)
    (ask,) = account.records(case, "ASK#")
    forged = {"ask": {"incident_id": case, "id": ask["ask_id"], "seconds": 1}}
    ended = account.finish(account.start(forged))
    assert "not its own" in json.loads(ended["output"])["refused"]
    account.alerts()
    account.answer(case, "approve")
    assert settled(account, case)["outcome"] == "CONTAINED"
