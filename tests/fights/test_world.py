"""The rules of the world that the fights take place in."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from bench.fights import iam as iam_module
from bench.fights.account import (
    ADMIN,
    ATTACKER,
    DENY,
    FILLERS,
    LAG,
    MOST_POLICIES,
    OWNER,
    Account,
    Lagged,
)
from bench.fights.clock import Clock, Deadlock
from bench.fights.fight import HOLD, KEEPS_THE_DENY, fight
from bench.fights.iam import Iam
from bench.fights.people import Habits, settle
from bench.fights.responder import offspring
from lambdas import commands

if TYPE_CHECKING:
    from bench.fights.account import Guard, Principal

ENOUGH = LAG[1]


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands at 0."""
    return Clock()


def account_on(clock: Clock, guard: Guard | None = None) -> Account:
    """Give an empty account."""
    return Account(clock, random.Random(1), guard)  # noqa: S311  (a simulation)


def as_sent(said: Any) -> Any:  # noqa: ANN401  (any part of an answer)
    """Give an answer as IAM sends it: botocore reads the policy documents in it, which are text."""
    match said:
        case dict():
            return {
                key: json.dumps(value) if key.endswith("PolicyDocument") and isinstance(value, dict) else as_sent(value)
                for key, value in said.items()
            }
        case list():
            return [as_sent(value) for value in said]
    return said


def administrator(account: Account) -> Principal:
    """Make an old user who may do everything."""
    return account.make("user", "ci-user", OWNER, policies=frozenset({ADMIN}), old=True)


def test_who_waits_runs_in_the_order_of_what_is_due(clock: Clock) -> None:
    """Given three that wait for different times beside each other, each goes on when it is its turn."""
    said: list[tuple[str, float]] = []

    def wait(name: str, seconds: float) -> None:
        for _ in range(2):
            clock.sleep(seconds)
            said.append((name, clock.now))

    clock.together([lambda: wait("slow", 3), lambda: wait("quick", 1), lambda: wait("middling", 2)])
    assert said == [("quick", 1), ("middling", 2), ("quick", 2), ("slow", 3), ("middling", 4), ("slow", 6)]
    assert clock.now == 6


def test_who_takes_too_long_is_left_at_work(clock: Clock) -> None:
    """Given calls of which one is slow, they are waited for no longer than was said, and it ends by itself."""
    ended: list[float] = []

    def slow() -> None:
        clock.sleep(2)
        ended.append(clock.now)

    clock.together([lambda: clock.sleep(0.1), slow], within=0.5)
    assert (clock.now, ended) == (0.5, [])
    clock.until(5)
    assert ended == [2]


def test_what_goes_wrong_beside_is_raised_in_the_fight(clock: Clock) -> None:
    """Given something that fails beside, and something that waits for nothing, the fight says so."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        clock.together([fail])
    with pytest.raises(Deadlock):
        Clock()._wait(Clock()._main)  # noqa: SLF001  (nothing else can make it happen)


def test_a_change_is_there_at_once_and_enforced_three_to_four_seconds_later(clock: Clock) -> None:
    """Given a deny, IAM shows it at once, and the key works on until it is enforced."""
    account = account_on(clock)
    user = administrator(account)
    key = account.make_key(user, OWNER, old=True)
    Iam(account).attach_user_policy(UserName="ci-user", PolicyArn=DENY)
    assert DENY in user.policies.value
    clock.until(LAG[0])
    assert account.allows(key)
    clock.until(ENOUGH + 1)
    assert not account.allows(key)


def test_changes_are_enforced_in_the_order_that_they_were_made() -> None:
    """Given a change that would take long and one after it that would not, the later one is the last to count."""
    lags = iter([4.0, 3.0, 4.5])
    value = Lagged("a", lambda: next(lags))
    for moment, written in enumerate("bcd"):
        value.write(written, moment / 10)
    assert [value.enforced(at) for at in (3.9, 4.0, 4.7)] == ["a", "c", "d"]
    assert value.settled(4.7)


def test_a_new_key_works_only_after_a_while(clock: Clock) -> None:
    """Given a key that was just made, IAM lists it and does not take it yet."""
    account = account_on(clock)
    key = account.make_key(administrator(account), ATTACKER)
    assert not account.works(key)
    clock.until(ENOUGH)
    assert account.works(key)


def test_a_session_is_denied_by_name_or_by_age(clock: Clock) -> None:
    """Given two sessions of a role, the policy on one leaves the other, and the one on the older leaves the newer."""
    account = account_on(clock)
    role = account.make("role", "administrators", OWNER, policies=frozenset({ADMIN}), old=True)
    one, other = (account.make_session(role, ATTACKER, name) for name in ("one", "other"))
    document = json.dumps(commands.session_denied(f"{role.id}:one"))
    Iam(account).put_role_policy(RoleName=role.name, PolicyName="Tourniquet-1", PolicyDocument=document)
    clock.until(10)
    assert (account.works(one), account.works(other)) == (False, True)
    newer = account.make_session(role, ATTACKER, "newer")
    document = json.dumps(commands.older_sessions_denied("2026-11-20T03:00:05Z"))
    Iam(account).put_role_policy(RoleName=role.name, PolicyName="Tourniquet-2", PolicyDocument=document)
    clock.until(20)
    assert [account.works(session) for session in (one, other, newer)] == [False, False, True]


def test_the_quota_of_policies_is_full_at_ten(clock: Clock) -> None:
    """Given ten policies, an eleventh is refused with IAM's own error, and one that is there already is not."""
    account = account_on(clock)
    administrator(account)
    iam = Iam(account)
    for policy in FILLERS[: MOST_POLICIES - 1]:
        iam.attach_user_policy(UserName="ci-user", PolicyArn=policy)
    iam.attach_user_policy(UserName="ci-user", PolicyArn=ADMIN)
    with pytest.raises(ClientError) as raised:
        iam.attach_user_policy(UserName="ci-user", PolicyArn=DENY)
    assert raised.value.response["Error"]["Code"] == "LimitExceeded"


def test_the_guard_refuses_the_attacker_and_not_the_responder(clock: Clock) -> None:
    """Given a guard, an administrator cannot take the deny away, and can do everything else."""
    account = account_on(clock, KEEPS_THE_DENY)
    key = account.make_key(administrator(account), ATTACKER, old=True)
    Iam(account).attach_user_policy(UserName="ci-user", PolicyArn=DENY)
    attacker = Iam(account, key)
    with pytest.raises(ClientError, match="service control policy"):
        attacker.detach_user_policy(UserName="ci-user", PolicyArn=DENY)
    attacker.attach_user_policy(UserName="ci-user", PolicyArn=FILLERS[0])
    attacker.detach_user_policy(UserName="ci-user", PolicyArn=FILLERS[0])


def test_records_tell_later_who_made_what_and_lead_on_to_what_that_made(clock: Clock) -> None:
    """Given a user that an attacker made, and a role that this user made, both follow from the attacker's key."""
    account = account_on(clock)
    key = account.make_key(administrator(account), ATTACKER, old=True)
    Iam(account, key).create_user(UserName="backup")
    made = account.make_key(account.users["backup"], ATTACKER, old=True)
    account.record(key, "access_key", made.id, made)
    account.users["backup"].policies.write(frozenset({ADMIN}), 0)
    innocent = account.make_key(
        account.make("user", "deployer", OWNER, policies=frozenset({ADMIN}), old=True), OWNER, old=True
    )
    Iam(account, innocent).create_role(RoleName="service", AssumeRolePolicyDocument="{}")
    clock.until(10)
    Iam(account, made).create_role(RoleName="backup-role", AssumeRolePolicyDocument="{}")
    assert offspring(account, {key.id}) == []
    clock.until(600)
    assert {(item.action, item.target.name) for item in offspring(account, {key.id})} == {
        ("deny_principal", "backup"),
        ("disable_key", "backup"),
        ("deny_principal", "backup-role"),
    }


def test_an_attacker_who_is_denied_makes_no_call(clock: Clock) -> None:
    """Given a victim that is denied before the attacker begins, nothing is undone and nothing made."""
    account = account_on(clock)
    attacker, deployer = settle(account, Habits())
    attacker.victim.policies.write(attacker.victim.policies.value | {DENY}, 0)
    clock.until(5)
    attacker.begin()
    deployer.begin()
    clock.until(100)
    assert DENY in attacker.victim.policies.value
    assert set(account.users) > {"ci-user", "deployer"}  # the deployer works on
    assert "backup" not in account.users


def test_iam_asks_and_answers_as_botocore_describes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given all calls of some fights, each request and each answer is valid by botocore's model of IAM."""
    model = botocore.session.get_session().get_service_model("iam")
    validator, seen = ParamValidator(), set()
    whole = Iam._do  # noqa: SLF001  (the one place that every call passes)

    def checked(self: Iam, call: str, given: dict[str, Any]) -> dict[str, Any]:
        operation = model.operation_model("".join(part.capitalize() for part in call.split("_")))
        answer = whole(self, call, given)
        for said, shape in ((given, operation.input_shape), (answer, operation.output_shape)):
            if shape is None:
                assert said == {}
                continue
            problems = validator.validate(as_sent(said), shape)
            assert not problems.has_errors(), (call, problems.generate_report())
        seen.add(call)
        return answer

    monkeypatch.setattr(Iam, "_do", checked)
    for seed in range(12):
        fight(seed, HOLD)
    assert len(seen) >= 15
    assert seen <= set(iam_module._CALLS)  # noqa: SLF001  (as above)


@pytest.mark.parametrize("call", ["AttachUserPolicy", "CreateAccessKey", "GetUser", "GetAccessKeyLastUsed"])
def test_the_errors_are_those_that_the_actions_are_written_for(call: str) -> None:
    """Given a call that IAM refuses here, botocore's model has the error, or it is the common AccessDenied."""
    model = botocore.session.get_session().get_service_model("iam")
    codes = {shape.metadata["error"]["code"] for shape in model.operation_model(call).error_shapes}
    expected = {
        "AttachUserPolicy": {"NoSuchEntity", "LimitExceeded"},
        "CreateAccessKey": {"NoSuchEntity", "LimitExceeded"},
        "GetUser": {"NoSuchEntity"},
        "GetAccessKeyLastUsed": set(),
    }[call]
    assert expected <= codes
