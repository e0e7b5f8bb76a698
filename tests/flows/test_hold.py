"""Whether the cuts hold, in the real workflow with the real handlers: watched, undone, made again, told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from demo import events
from lambdas import errors, holding
from tests.estate import Estate
from tests.flows.account import ACCOUNT, REGION, Account

if TYPE_CHECKING:
    from collections.abc import Callable

DENY = "arn:aws:iam::aws:policy/AWSDenyAll"


@pytest.fixture
def watching(make_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch) -> Account:
    """Give an account whose cuts are watched for a second, by a clock that runs faster than IAM."""
    monkeypatch.setattr(holding, "QUIET", 1.0)
    monkeypatch.setattr(holding, "_MORE_SECONDS", 4.0)
    return make_account(hold=1)


def leak(account: Account) -> str:
    """Make a user and say that its key leaked; give the key."""
    (key,) = account.user("ci-user")
    account.run(events.health(key, account=ACCOUNT))
    return key


def described(alert: dict[str, Any]) -> str:
    """Give what an alert says in a chat, without its escapes."""
    return str(alert["content"]["description"]).replace("\\", "")


def undo(account: Account, key: str) -> None:
    """Undo the containment, as an attacker who may still do so."""
    account.iam.detach_user_policy(UserName="ci-user", PolicyArn=DENY)
    account.iam.update_access_key(UserName="ci-user", AccessKeyId=key, Status="Active")


def test_a_cut_that_nobody_undoes_is_told_at_once_and_again_when_it_held(watching: Account) -> None:
    """Given a leaked key, one alert says what was done, with nothing known yet, and another one that it holds."""
    key = leak(watching)
    first, last = watching.alerts()
    assert [one["outcome"] for one in (first, last)] == ["CONTAINED", "CONTAINED"]
    assert {action["held"] for action in first["actions"]} == {None}
    assert {action["held"] for action in last["actions"]} == {True}
    assert "It holds: nobody undid it" in described(last)
    (case,) = watching.cases()
    assert (case["outcome"], case["held"]) == ("CONTAINED", True)
    assert key not in str(last)


def test_what_is_undone_is_made_again_and_told(watching: Account) -> None:
    """Given somebody who undoes both cuts as soon as they are made, they are made again, and that is told."""
    (key,) = watching.user("ci-user")
    watching.before["NotifyFunctionArn"] = lambda: undo(watching, key)
    (told,) = watching.run(events.health(key, account=ACCOUNT))
    assert told["outcome"] == "CONTAINED"
    assert watching.denied("ci-user")
    assert watching.status("ci-user") == {key: "Inactive"}
    _, last = watching.alerts()
    assert {action["held"] for action in last["actions"]} == {True}
    assert "Somebody undid it 2 times" in described(last)
    changes = watching.records(told["incident_id"], "CHANGE#")
    assert {int(change["undone"]) for change in changes} == {1}


def test_what_the_attacker_left_in_between_is_nothing_to_give_back(watching: Account) -> None:
    """Given an attacker who sets a boundary of his own meanwhile, the journal keeps what was there at first."""
    (key,) = watching.user("ci-user")

    def sneak() -> None:
        undo(watching, key)
        watching.iam.put_user_permissions_boundary(
            UserName="ci-user", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
        )

    watching.before["NotifyFunctionArn"] = sneak
    (told,) = watching.run(events.health(key, account=ACCOUNT))
    (change,) = [one for one in watching.records(told["incident_id"], "CHANGE#") if one["action"] == "deny_principal"]
    assert change["before"]["boundary"] == ""
    assert "again" not in change


def test_who_goes_on_undoing_to_the_end_is_a_loss_and_a_louder_alert(watching: Account) -> None:
    """Given a cut that nobody can make again, the outcome is PARTIAL and the last alert says that it is lost."""
    (key,) = watching.user("ci-user")

    def win() -> None:
        undo(watching, key)
        watching.failures["DenyPrincipalFunctionArn"] = [errors.NotPermitted("somebody denies the role")] * 9

    watching.before["NotifyFunctionArn"] = win
    (told,) = watching.run(events.health(key, account=ACCOUNT))
    assert told["outcome"] == "PARTIAL"
    first, last = watching.alerts()
    assert (first["outcome"], last["outcome"]) == ("CONTAINED", "PARTIAL")
    assert {action["action"]: action["held"] for action in last["actions"]} == {
        "deny_principal": False,
        "disable_key": True,
    }
    assert "LOST" in described(last)
    (case,) = watching.cases()
    assert (case["outcome"], case["held"]) == ("PARTIAL", False)


def test_what_was_born_meanwhile_is_told_and_not_touched(watching: Account) -> None:
    """Given users and roles that somebody makes meanwhile, they are named, and nothing is done about them."""
    (key,) = watching.user("ci-user")
    made: list[str] = []

    def bear() -> None:
        made.extend(watching.user("backdoor"))
        watching.iam.create_role(RoleName="helper", AssumeRolePolicyDocument="{}")
        watching.iam.create_role(RoleName="hides", Path="/tourniquet/", AssumeRolePolicyDocument="{}")
        watching.iam.create_login_profile(UserName="ci-user", Password="Sunny-day-4711!")

    watching.before["NotifyFunctionArn"] = bear
    watching.run(events.health(key, account=ACCOUNT))
    _, last = watching.alerts()
    (sentence,) = [one for one in last["not_done"] if one.startswith("Born since")]
    for name in ("user backdoor", "role helper", "role hides", "a console password of user ci-user"):
        assert name in sentence
    assert f"access key …{made[0][-4:]} of user backdoor" in sentence
    assert made[0] not in str(last)
    assert watching.status("backdoor") == {made[0]: "Active"}
    assert not watching.denied("backdoor")


def test_a_case_that_a_person_gives_back_is_not_made_again(watching: Account) -> None:
    """Given a person who undoes a cut and says so while it is watched, nothing is made again."""
    (key,) = watching.user("ci-user")

    def give_back() -> None:
        (case,) = watching.cases()
        watching.answer(case["pk"], "released")
        undo(watching, key)

    done: list[bool] = []

    def once_told(*_: object, **__: object) -> None:
        if not done and watching.cases() and watching.cases()[0].get("outcome"):
            done.append(True)
            give_back()

    watching.on_call("before", "iam", "ListUsers", once_told)
    watching.run(events.health(key, account=ACCOUNT))
    assert done
    assert watching.status("ci-user") == {key: "Active"}
    assert not watching.denied("ci-user")


def test_a_watch_that_fails_is_told(watching: Account) -> None:
    """Given a watch that cannot be made, people are told that nobody watched."""
    (key,) = watching.user("ci-user")
    watching.failures["HoldFunctionArn"] = [errors.Unexpected("boom")]
    watching.run(events.health(key, account=ACCOUNT))
    _, last = watching.alerts()
    assert {action["held"] for action in last["actions"]} == {None}
    assert "Nobody could watch whether it holds" in described(last)


def test_a_first_alert_that_fails_is_made_up_for_by_the_last(watching: Account) -> None:
    """Given a first alert that could not be written, the one after the watch tells it all."""
    (key,) = watching.user("ci-user")
    watching.failures["NotifyFunctionArn"] = [errors.Unexpected("boom")]
    watching.run(events.health(key, account=ACCOUNT))
    (only,) = watching.alerts()
    assert only["outcome"] == "CONTAINED"
    assert {action["held"] for action in only["actions"]} == {True}


def test_nothing_is_watched_of_what_was_only_planned(watching: Account) -> None:
    """Given a signal that is only observed, there is one alert, and nobody watches."""
    (key,) = watching.user("ci-user")
    watching.run({"access_key_id": key, "mode": "observe"})
    (alert,) = watching.alerts()
    assert alert["outcome"] == "OBSERVED"


def test_an_instance_that_is_given_its_groups_back_is_isolated_again(watching: Account) -> None:
    """Given somebody who undoes the isolation of an instance while it is watched, it is isolated again, and told."""
    estate = Estate(lambda service: boto3.client(service, region_name=REGION))  # type: ignore[call-overload]  # any service
    place = estate.place()
    machine = estate.machine(place)

    def move() -> None:
        for interface, groups in machine.interfaces.items():
            estate.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)

    watching.before["NotifyFunctionArn"] = move
    (told,) = watching.run(events.instance_finding(machine.id, account=ACCOUNT))
    assert told["outcome"] == "CONTAINED", watching.tracebacks
    estate.assert_isolated(machine, place)
    _, last = watching.alerts()
    assert {action["action"]: action["held"] for action in last["actions"] if action["held"] is not None} == {
        "isolate_instance": True,
        "lock_metadata": True,
    }
    assert "Somebody undid it once" in described(last)


def test_the_end_of_the_watch_does_not_write_over_what_a_person_gave_back(watching: Account) -> None:
    """Given a case that a person gives back while it is watched, it stays released, and a repeat changes nothing."""
    (key,) = watching.user("ci-user")
    done: list[bool] = []

    def give_back(*_: object, **__: object) -> None:
        if not done and watching.cases() and watching.cases()[0].get("outcome"):
            done.append(True)
            (case,) = watching.cases()
            watching.answer(case["pk"], "released")
            undo(watching, key)

    watching.on_call("before", "iam", "ListUsers", give_back)
    signal = events.health(key, account=ACCOUNT)
    (told,) = watching.run(signal)
    assert done
    assert told["outcome"] == "RELEASED"
    (case,) = watching.cases()
    assert (case["outcome"], case["made"]) == ("RELEASED", [])
    last = watching.alerts()[-1]
    assert last["outcome"] == "RELEASED"
    assert "A person gave the case back while it was watched" in described(last)
    watching.run(signal)
    assert not watching.denied("ci-user")
    assert watching.status("ci-user") == {key: "Active"}


def test_what_was_undone_before_it_could_be_read_back_and_is_made_again_is_no_failure(watching: Account) -> None:
    """Given an attacker who detaches the deny before it is read back, the last alert says that it was made, and holds.

    The journal says so too, by which another case knows that this one needs the deny.
    """
    (key,) = watching.user("ci-user")
    calls: list[int] = []

    def detach(*_: object, **__: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            watching.iam.detach_user_policy(UserName="ci-user", PolicyArn=DENY)

    watching.on_call("after", "iam", "AttachUserPolicy", detach)
    (told,) = watching.run(events.health(key, account=ACCOUNT))
    assert len(calls) == 2
    assert watching.denied("ci-user")
    first, last = watching.alerts()
    assert first["outcome"] == "PARTIAL"
    assert told["outcome"] == last["outcome"] == "CONTAINED"
    assert {action["action"]: action["result"] for action in last["actions"]} == {
        "deny_principal": "done",
        "disable_key": "done",
    }
    (change,) = [one for one in watching.records(told["incident_id"], "CHANGE#") if one["action"] == "deny_principal"]
    assert change["result"] == "done"
    (case,) = watching.cases()
    assert len(case["made"]) == 2


def test_what_an_earlier_run_made_is_not_made_again_by_the_watch_before_its_own_run_does(watching: Account) -> None:
    """Given a case whose cut somebody undid long after, the next signal's run makes it again and the watch waits."""
    (key,) = watching.user("ci-user")
    signal = events.health(key, account=ACCOUNT)
    watching.run(signal)
    watching.alerts()
    undo(watching, key)
    for name in ("DisableKeyFunctionArn", "DenyPrincipalFunctionArn"):
        watching.before[name] = lambda: time.sleep(2.5)
    (told,) = watching.run(signal)
    assert told["outcome"] == "REPEATED"
    _, last = watching.alerts()
    assert "nobody undid it" in described(last)
    assert not any("undone" in change for change in watching.records(told["incident_id"], "CHANGE#"))
