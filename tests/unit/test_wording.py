"""Stories of how an alert words what each action does, what was read back, and how it is done by hand."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas import actions, wording
from lambdas.actions import deny_principal, disable_key, revoke_sessions
from lambdas.commands import session_denied
from lambdas.model import Mode, PlanItem, Target
from lambdas.signals import incident_from
from tests.unit.cases import CASE, DENY_ALL, KEY, ROLE_ID, SESSION_KEY, change, key, role, session, user

if TYPE_CHECKING:
    from types import ModuleType


def item(action: str, target: Target, **args: str) -> PlanItem:
    """Give an item of the case."""
    return PlanItem(incident_id=CASE, action=action, target=target, args=args, mode=Mode.CONTAIN)


DISABLE = item("disable_key", key(), user="ci-user")
DENY_USER = item("deny_principal", user(), user="ci-user")
DENY_BY_KEY = item("deny_principal", key(name=""), user="", via_key=KEY)
DENY_ROLE = item("deny_principal", role(), role="deploy", role_id=ROLE_ID)
REVOKE_ONE = item("revoke_sessions", session(), role="deploy", role_id=ROLE_ID)
REVOKE_ALL = item("revoke_sessions", role(), role="deploy", role_id=ROLE_ID)
ALL = (DISABLE, DENY_USER, DENY_BY_KEY, DENY_ROLE, REVOKE_ONE, REVOKE_ALL)


@pytest.mark.parametrize(
    ("of", "done", "to_do"),
    [
        (DISABLE, "disabled access key …0001 of user ci-user", "disable access key …0001 of user ci-user"),
        (DENY_USER, "denied everything to user ci-user", "deny everything to user ci-user"),
        (
            DENY_BY_KEY,
            "denied everything to the user of access key …0001",
            "deny everything to the user of access key …0001",
        ),
        (DENY_ROLE, "denied everything to role deploy", "deny everything to role deploy"),
        (
            REVOKE_ONE,
            "denied everything to session attacker of role deploy",
            "deny everything to session attacker of role deploy",
        ),
        (
            REVOKE_ALL,
            "revoked every session of role deploy that began until now",
            "revoke every session of role deploy that began until now",
        ),
    ],
)
def test_an_item_is_said_in_one_phrase(of: PlanItem, done: str, to_do: str) -> None:
    """Given an item, what it does, and what it did, is said of the same thing."""
    words = wording.phrase(of)
    assert f"{words.done} {words.object}" == done
    assert f"{words.to_do} {words.object}" == to_do


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (DISABLE, "the key reads Inactive"),
        (DENY_USER, "the policy AWSDenyAll is attached"),
        (DENY_ROLE, "the policy AWSDenyAll is attached"),
        (REVOKE_ONE, f"the role has the inline policy Tourniquet-{CASE}-{REVOKE_ONE.id}"),
        (REVOKE_ALL, f"the role has the inline policy Tourniquet-{CASE}-{REVOKE_ALL.id}"),
    ],
)
def test_what_was_read_back_is_what_the_action_verifies(of: PlanItem, says: str) -> None:
    """Given a change, what is told was read back is what the action's own check sees."""
    made = change(of)
    assert wording.read_back(made) == says
    assert actions.load(of.action).verify(made.after)
    assert not actions.load(of.action).verify(made.before)


@pytest.mark.parametrize("of", [DENY_USER, DENY_ROLE])
def test_a_boundary_is_told_as_one(of: PlanItem) -> None:
    """Given a principal with as many policies as IAM allows, the boundary is named, not a policy."""
    made = change(of)
    full = replace(made, after={**made.after, "attached": False, "boundary": DENY_ALL})
    assert wording.read_back(full).startswith("its permissions boundary is AWSDenyAll")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (DENY_USER, ["attach-user-policy", "--user-name=ci-user", "--policy-arn", DENY_ALL]),
        (DENY_ROLE, ["attach-role-policy", "--role-name=deploy", "--policy-arn", DENY_ALL]),
    ],
)
def test_a_deny_by_hand_is_the_call_that_the_action_makes(of: PlanItem, words: list[str]) -> None:
    """Given a deny that was not made, the line attaches the same policy to the same principal."""
    found = wording.by_hand(of, DENY_ALL, "NotPermitted")
    assert found is not None
    step, line = found
    assert step == f"Deny everything to {wording.phrase(of).object} by hand:"
    assert shlex.split(line) == ["aws", "iam", *words]


@pytest.mark.parametrize(
    ("of", "call"),
    [(DENY_USER, "put-user-permissions-boundary"), (DENY_ROLE, "put-role-permissions-boundary")],
)
def test_where_the_quota_is_full_by_hand_means_the_boundary(of: PlanItem, call: str) -> None:
    """Given a principal with as many policies as IAM allows, the line sets the boundary, which always works."""
    found = wording.by_hand(of, DENY_ALL, "QuotaFull")
    assert found is not None
    words = shlex.split(found[1])
    assert words[2] == call
    assert words[-2:] == ["--permissions-boundary", DENY_ALL]


def test_a_key_is_disabled_by_hand_without_its_whole_id() -> None:
    """Given a key that was not disabled, the line looks the id up, because no alert holds a whole one."""
    found = wording.by_hand(DISABLE, DENY_ALL, "")
    assert found is not None
    assert "--status Inactive" in found[1]
    assert KEY not in found[1]


def test_a_session_is_denied_by_hand_under_the_name_that_the_action_uses() -> None:
    """Given a session that was not denied, the line writes the policy that the action would, so it can be verified."""
    found = wording.by_hand(REVOKE_ONE, DENY_ALL, "NotPermitted")
    assert found is not None
    words = shlex.split(found[1])
    assert words[2:5] == [
        "put-role-policy",
        "--role-name=deploy",
        f"--policy-name=Tourniquet-{CASE}-{REVOKE_ONE.id}",
    ]
    assert json.loads(words[-1]) == session_denied(f"{ROLE_ID}:attacker")
    every = wording.by_hand(REVOKE_ALL, DENY_ALL, "NotPermitted")
    assert every is not None
    assert f"--policy-name=Tourniquet-{CASE}-{REVOKE_ALL.id}" in every[1]
    assert "aws:TokenIssueTime" in every[1]


@pytest.mark.parametrize("of", [replace(one, target=replace(one.target, name="")) for one in ALL])
def test_without_a_name_there_is_no_line_and_no_request(of: PlanItem) -> None:
    """Given an item whose user or role nobody knows, no line is offered that would name the wrong one."""
    assert wording.by_hand(of, DENY_ALL, "") is None
    assert wording.request(of) is None


@pytest.mark.parametrize(
    ("of", "request_"),
    [
        (DISABLE, {"user_name": "ci-user"}),
        (DENY_USER, {"user_name": "ci-user"}),
        (replace(DENY_BY_KEY, target=key()), {"user_name": "ci-user"}),
        (DENY_ROLE, {"role_name": "deploy"}),
        (REVOKE_ONE, None),
        (REVOKE_ALL, None),
    ],
)
def test_a_request_never_cuts_off_more_than_the_item(of: PlanItem, request_: dict[str, str] | None) -> None:
    """Given an item, the request that makes it is one that the workflow reads, and a session has none of its own."""
    assert wording.request(of) == request_
    if request_:
        read = incident_from(request_)
        assert [target.name for target in read.targets] == [of.target.name]


@pytest.mark.parametrize("of", ALL)
def test_no_wording_gives_a_key_id_or_untrusted_text_away(of: PlanItem) -> None:
    """Given an item whose names are hostile, each sentence is one line, and no whole key id is in it or in a line."""
    hostile = f"x\r\n\u202eWHAT WAS DONE {KEY} https://evil.example"
    odd = replace(of, target=replace(of.target, name=hostile))
    words = wording.phrase(odd)
    assert f"{words.done}{words.to_do}{words.object}".isprintable()
    assert KEY not in words.object
    assert "://" not in words.object
    found = wording.by_hand(odd, DENY_ALL, "")
    assert found is not None
    assert found[0].isprintable()
    (name,) = [word for word in shlex.split(found[1]) if word.startswith(("--user-name=", "--role-name="))][:1]
    assert name.partition("=")[2] == hostile


def test_what_is_read_back_of_a_role_is_safe_to_show() -> None:
    """Given a policy's name that is not ours, what is told of it is one line."""
    made = change(REVOKE_ALL)
    odd = replace(made, after={**made.after, "policy": f"a\nb{SESSION_KEY}"})
    assert wording.read_back(odd) == f"the role has the inline policy a b…{SESSION_KEY[-4:]}"


@pytest.mark.parametrize("module", [disable_key, deny_principal, revoke_sessions], ids=lambda module: module.__name__)
def test_every_action_has_its_words(module: ModuleType) -> None:
    """Given the actions, each is said in words of its own, so that a new one is not told as a deny."""
    assert module.ACTION.name in {one.action for one in ALL}
    assert {one.action for one in ALL} == set(actions.names())
