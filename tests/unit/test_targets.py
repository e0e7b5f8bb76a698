"""Stories of how a target is named: for people, for claims, for the circuit breaker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.model import Kind, Mode, PlanItem, Target
from lambdas.targets import claim_key, describe, instance_of, principal_of, session_name, signal_key
from tests.unit.cases import (
    ACCOUNT,
    CASE,
    INSTANCE,
    KEY,
    ROLE_ID,
    USER,
    USER_ID,
    federated,
    incident,
    instance,
    key,
    of_instance,
    planned,
    role,
    session,
    user,
)

TARGETS = {
    Kind.ACCESS_KEY: key(),
    Kind.USER: user(),
    Kind.ROLE: role(),
    Kind.ROLE_SESSION: session(),
    Kind.FEDERATED_USER: federated(),
    Kind.INSTANCE: Target(kind=Kind.INSTANCE, id=INSTANCE, account=ACCOUNT, region="eu-west-1"),
    Kind.ROOT: Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT),
    Kind.OTHER: Target(kind=Kind.OTHER, id="AIDAX", account=ACCOUNT),
}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (key(), f"access key …{KEY[-4:]} of user {USER}"),
        (key(name=""), f"access key …{KEY[-4:]}"),
        (user(), f"user {USER}"),
        (user("", USER_ID), f"user {USER_ID}"),
        (role(), "role deploy"),
        (role("", ROLE_ID), f"role {ROLE_ID}"),
        (session("attacker"), "session attacker of role deploy"),
        (session("attacker", ""), f"session attacker of role {ROLE_ID}:attacker"),
        (session(""), "a session of role deploy"),
        (federated(), "federated user visitor"),
        (Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:x"), f"federated user {ACCOUNT}:x"),
        (TARGETS[Kind.INSTANCE], f"instance {INSTANCE}"),
        (TARGETS[Kind.ROOT], "the root user"),
        (TARGETS[Kind.OTHER], "the principal AIDAX"),
        (user("two\nlines"), "user two lines"),
        (session("two\nlines"), "session two lines of role deploy"),
        (role(f"seen {KEY}"), f"role seen …{KEY[-4:]}"),
    ],
)
def test_a_target_is_described_for_a_person(target: Target, text: str) -> None:
    """Given a target, when it is described, people know it by its name and a key by its ending."""
    assert describe(target) == text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_target_is_described_safely(kind: Kind) -> None:
    """Given a target of any kind whose id and name are hostile, its description is one short line without a key id."""
    hostile = f"a\r\nb \u202e {KEY} https://evil.example " + "x" * 5_000
    for target in (Target(kind=kind, id=hostile), Target(kind=kind, id=f"x:{hostile}", name=hostile)):
        text = describe(target)
        assert text.isprintable()
        assert len(text) < 200
        assert KEY not in text
        assert "://" not in text


def test_targets_that_differ_are_claimed_apart_and_the_same_one_always_alike() -> None:
    """Given one target of each kind, when they are claimed, no two meet; of a known id the name does not matter."""
    assert len({claim_key(target) for target in TARGETS.values()}) == len(TARGETS)
    assert claim_key(user("old", USER_ID)) == claim_key(user("new", USER_ID)) == f"user#{USER_ID}"
    assert claim_key(user(USER)) == f"user#name/{USER}"
    assert claim_key(session("a")) != claim_key(session("b"))
    assert signal_key(incident().signal) == "signal#aws.health/0123456789abcdef0123"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (session("attacker"), "attacker"),
        (session("a:b"), "a:b"),
        (session(""), ""),
        (session(INSTANCE), INSTANCE),
        (role(role_id=f"{ROLE_ID}:x"), ""),
        (federated(), ""),
    ],
)
def test_only_a_roles_session_has_a_session_name(target: Target, name: str) -> None:
    """Given a target, when its session's name is asked, it is what follows the role's id, and nothing for others."""
    assert session_name(target) == name


def test_the_circuit_breaker_counts_whom_an_item_cuts_off() -> None:
    """Given items, when whom they cut off is asked, a user's keys and deny are one; one session is not its role."""
    item = PlanItem(incident_id=CASE, action="disable_key", target=key(), args={"user": USER}, mode=Mode.CONTAIN)
    deny = replace(item, action="deny_principal", target=user())
    assert principal_of(item) == principal_of(deny) == f"user/{USER}"
    every = replace(item, action="revoke_sessions", target=role(), args={"role": "deploy", "role_id": ROLE_ID})
    assert principal_of(every) == principal_of(replace(every, action="deny_principal")) == "role/deploy"
    assert principal_of(replace(every, target=session())) == f"role_session#{ROLE_ID}:attacker"
    nameless = replace(item, target=key(name=""), args={"user": ""})
    assert principal_of(nameless) == f"access_key#{KEY}"


OTHER_INSTANCE = "i-0fedcba9876543210"


def test_all_that_is_done_about_an_instance_takes_one_slot_of_the_breaker() -> None:
    """Given an instance of which everything is cut, when whom that cuts off is asked, it is the instance, once."""
    for fact in (of_instance(group="web"), of_instance(profile=""), of_instance(alone=True)):
        found = incident(instance(), source="aws.guardduty", type_="Backdoor:EC2/Spambot")
        items = planned(found, {instance(): fact}).items
        assert {item.target.kind for item in items} >= {Kind.INSTANCE}
        assert {principal_of(item) for item in items} == {f"instance#{INSTANCE}"}
        assert {instance_of(item) for item in items} == {INSTANCE}


def test_the_credentials_of_an_instance_are_counted_as_it() -> None:
    """Given items on sessions and roles, those that are done for an instance are that one's, and no others are."""
    named: dict[str, object] = {"role": "deploy", "role_id": ROLE_ID}
    item = PlanItem(incident_id=CASE, action="revoke_sessions", target=session(INSTANCE), args=named, mode=Mode.CONTAIN)
    assert instance_of(item) == "", "a session of that name may be anybody's"
    assert principal_of(item) == f"role_session#{ROLE_ID}:{INSTANCE}"
    of_it = replace(item, args=named | {"instance": INSTANCE})
    whole = replace(of_it, target=role(role_id=ROLE_ID))
    cut = replace(item, action="isolate_instance", target=instance(), args={})
    assert {instance_of(one) for one in (of_it, whole, cut)} == {INSTANCE}
    assert {principal_of(one) for one in (of_it, whole, cut)} == {claim_key(instance())}
    assert principal_of(replace(cut, target=instance(OTHER_INSTANCE))) != principal_of(cut)
    assert principal_of(replace(cut, target=instance(region="us-west-2"))) == principal_of(cut), "ids are unique"
    assert instance_of(replace(item, target=key(), args={"user": USER})) == ""
