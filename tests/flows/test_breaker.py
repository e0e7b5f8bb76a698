"""Stories of the circuit breaker: what is contained within an hour is limited, and people are told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from demo import events
from tests.flows.account import ACCOUNT, Account
from tests.flows.test_respond import exposed

if TYPE_CHECKING:
    from collections.abc import Callable


def finding(key: str, user: str) -> events.Event:
    """Give a finding that is contained without asking."""
    return events.guardduty(key, user, account=ACCOUNT)


def breaker_alerts(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the alerts that say that the breaker opened."""
    return [alert for alert in alerts if "circuit breaker" in alert["title"]]


def test_beyond_the_limit_people_are_asked_and_told_once(make_account: Callable[..., Account]) -> None:
    """Given a limit of two, of five findings two are contained and three ask; one alert says why."""
    account = make_account(limit=2)
    keys = {f"user-{number}": account.user(f"user-{number}")[0] for number in range(5)}
    outcomes = [account.run(finding(key, user))[0]["outcome"] for user, key in keys.items()]
    assert outcomes == ["CONTAINED", "CONTAINED", "PENDING", "PENDING", "PENDING"]
    assert [account.denied(user) for user in keys] == [True, True, False, False, False]
    alerts = account.alerts()
    (told,) = breaker_alerts(alerts)
    assert told["outcome"] == "PENDING"
    assert any("max_containments_per_hour" in step for step in told["next_steps"])
    waiting = [alert for alert in alerts if alert["outcome"] == "PENDING" and alert is not told]
    assert len(waiting) == 3
    assert all(any("circuit breaker" in one for one in alert["not_done"]) for alert in waiting)
    account.answer(waiting[0]["incident_id"], "approve")
    for one in account.waiting(waiting[0]["incident_id"]):
        account.finish(one)
    assert account.denied("user-2")


def test_what_aws_reports_passes_and_so_does_a_person_who_insists(make_account: Callable[..., Account]) -> None:
    """Given an open breaker, a Health report, AWS' quarantine and an insisting person contain all the same."""
    account = make_account(limit=1)
    names = ("decoy", "late", "reported", "quarantined", "asked", "named")
    keys = {name: account.user(name)[0] for name in names}
    account.run(finding(keys["decoy"], "decoy"))
    (case,) = account.run(finding(keys["late"], "late"))
    assert case["outcome"] == "PENDING"
    for event in (
        exposed(keys["reported"], user="reported", event_id="r"),
        events.quarantine("quarantined", keys["quarantined"], account=ACCOUNT),
        {"user_name": "asked", "mode": "contain"},
    ):
        (case,) = account.run(event)
        assert case["outcome"] == "CONTAINED"
    (case,) = account.run({"user_name": "named"})
    assert case["outcome"] == "PENDING"
    assert [account.denied(name) for name in names] == [True, False, True, True, True, False]


def test_a_repeat_and_a_second_cut_of_the_same_principal_count_once(make_account: Callable[..., Account]) -> None:
    """Given a limit of one, cutting the same user again is not held up: the limit is about how many are cut off."""
    account = make_account(limit=1)
    first, second = account.user("ci-user", keys=2)
    account.run(finding(first, "ci-user"))
    account.iam.detach_user_policy(UserName="ci-user", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    (case,) = account.run(finding(second, "ci-user"))
    assert case["outcome"] in {"CONTAINED", "REPEATED"}
    assert account.denied("ci-user")
    assert set(account.status("ci-user").values()) == {"Inactive"}


def test_a_broken_table_opens_no_breaker(make_account: Callable[..., Account]) -> None:
    """Given a table that does not answer, what would be contained is contained: breaking it stops no cut."""
    account = make_account(limit=1)
    keys = {f"user-{number}": account.user(f"user-{number}")[0] for number in range(3)}
    account.dynamodb.delete_table(TableName=account.table)
    for user, key in keys.items():
        account.run(finding(key, user))
    assert all(account.denied(user) for user in keys)


def test_many_findings_at_once_lose_none_and_respect_the_limit(make_account: Callable[..., Account]) -> None:
    """Given 24 findings at once and a limit of five, five are contained, the rest ask, each in a case of its own."""
    account = make_account(limit=5)
    keys = {f"user-{number}": account.user(f"user-{number}")[0] for number in range(24)}
    with ThreadPoolExecutor(24) as pool:
        runs = list(pool.map(lambda one: account.start(finding(one[1], one[0])), keys.items()))
    ended = [account.finish(run, seconds=120) for run in runs]
    assert {one["status"] for one in ended} == {"SUCCEEDED"}, account.tracebacks
    assert sum(account.denied(user) for user in keys) == 5
    records = account.cases()
    assert len(records) == 24
    assert sorted(record["outcome"] for record in records) == ["CONTAINED"] * 5 + ["PENDING"] * 19
    alerts = account.alerts()
    assert len(breaker_alerts(alerts)) == 1
    assert len(alerts) == 25


def test_a_report_of_aws_does_not_rely_on_a_run_that_only_asks(make_account: Callable[..., Account]) -> None:
    """Given a run that the breaker turned into a question, AWS' report meanwhile contains, whoever comes first."""
    account = make_account(limit=1)
    keys = {name: account.user(name)[0] for name in ("decoy", "late")}
    account.run(finding(keys["decoy"], "decoy"))
    reports: list[str] = []

    def report() -> None:
        if not reports:
            reports.append(account.start(exposed(keys["late"], user="late")))
            account.finish(reports[0])

    account.before["NotifyFunctionArn"] = report
    account.run(finding(keys["late"], "late"))
    assert reports
    assert account.denied("late")


def test_many_reports_of_one_principal_take_one_slot(make_account: Callable[..., Account]) -> None:
    """Given eight findings on one user at once and a limit of two, another user is still contained by itself."""
    account = make_account(limit=2)
    first, (other,) = account.user("ci-user", keys=2), account.user("other")
    with ThreadPoolExecutor(8) as pool:
        sent = [finding(first[number % 2], "ci-user") for number in range(8)]
        for run in list(pool.map(account.start, sent)):
            account.finish(run, seconds=120)
    (case,) = account.run(finding(other, "other"))
    assert case["outcome"] == "CONTAINED"
