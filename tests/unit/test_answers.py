"""Stories of answers: which changes answer which target, by what is known of it, and what is left to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.answers import Answer, Question, answer, elsewhere
from lambdas.model import Fact, InstanceFact, Kind, Mode, Standing, Target
from lambdas.playbooks.shape import EXTRAS, ISOLATE
from tests.unit.cases import (
    ACCOUNT,
    GONE,
    INSTANCE,
    KEY,
    OTHER_KEY,
    ROLE,
    ROLE_ID,
    SESSION_KEY,
    UNKNOWN,
    USER,
    USER_ID,
    federated,
    here,
    incident,
    key,
    of_role,
    planned,
    role,
    session,
    user,
)

if TYPE_CHECKING:
    from lambdas.planning import Plan

ELSEWHERE = "210987654321"
UNTIL = "2026-11-20T03:09:12Z"
ROOT = Fact(standing=Standing.ROOT)
HAND = Fact(standing=Standing.HERE)

KEY_ITEM = ("disable_key", "access_key", KEY, USER)
OTHER_ITEM = ("disable_key", "access_key", OTHER_KEY, USER)
USER_ITEM = ("deny_principal", "user", USER_ID, USER)
ROLE_ITEM = ("deny_principal", "role", ROLE_ID, ROLE)
SESSION_ITEM = ("revoke_sessions", "role_session", f"{ROLE_ID}:attacker", ROLE)
INSTANCE_ITEM = ("revoke_sessions", "role_session", f"{ROLE_ID}:{INSTANCE}", ROLE)
ALL_ITEM = ("revoke_sessions", "role", ROLE_ID, ROLE)


AN_INSTANCE = Target(kind=Kind.INSTANCE, id=INSTANCE, account=ACCOUNT, region="eu-west-1")
PLAIN = InstanceFact(region="eu-west-1")
GROUPED = InstanceFact(region="eu-west-1", profile=f"arn:aws:iam::{ACCOUNT}:instance-profile/web", group="web")
ALONE = replace(GROUPED, group="", alone=True)


def on_instance(*denied: tuple[str, str, str, str], but: tuple[str, ...] = ()) -> list[tuple[str, str, str, str]]:
    """Give what is done about an instance: the isolation, what is denied to its credentials, and all the rest."""
    names = [name for name in (ISOLATE[0], *EXTRAS, *ISOLATE[1:]) if name not in {*but, "revoke_sessions"}]
    first, *rest = [(name, "instance", INSTANCE, "") for name in names]
    return [first, *denied, *rest]


def said(found: Answer) -> list[tuple[str, str, str, str]]:
    """Give what an answer wants, short enough to compare."""
    items = [one.item for one in found.wanted]
    return [(item.action, item.target.kind.value, item.target.id, item.target.name) for item in items]


def asked(target: Target, fact: Fact = UNKNOWN, **question: Any) -> Answer:
    """Answer one target."""
    return answer(Question(target=target, fact=fact, **{"until": UNTIL, **question}))


@pytest.mark.parametrize(
    ("target", "fact", "items", "note"),
    [
        # keys of users
        (key(), here(keys=(KEY, OTHER_KEY)), [KEY_ITEM, USER_ITEM], ""),
        (key(name=""), here(), [KEY_ITEM, USER_ITEM], ""),
        (key(name="old"), here(), [KEY_ITEM, USER_ITEM], "The event says that the key is of old; it is of ci-user"),
        (key(), UNKNOWN, [KEY_ITEM, ("deny_principal", "user", "", USER)], ""),
        (
            key(name=""),
            UNKNOWN,
            [("disable_key", "access_key", KEY, ""), ("deny_principal", "access_key", KEY, "")],
            "",
        ),
        (key(), replace(here(keys=()), gone_key=True), [USER_ITEM], "Sessions made from it may live for up to 36"),
        (key(), GONE, [], "IAM shows no such key or user in this account"),
        (key(), ROOT, [], "Sign in as root now"),
        # users
        (user(), here(keys=(KEY, OTHER_KEY)), [KEY_ITEM, OTHER_ITEM, USER_ITEM], ""),
        (user(), here(keys=()), [USER_ITEM], ""),
        (user("old"), here(), [KEY_ITEM, USER_ITEM], ""),
        (user(user_id=USER_ID), UNKNOWN, [USER_ITEM], "IAM did not list its keys in time"),
        (user(), UNKNOWN, [("deny_principal", "user", "", USER)], "IAM did not list its keys in time"),
        (user(), GONE, [], "was made after the event"),
        (user(), ROOT, [], "Sign in as root now"),
        # temporary credentials
        (key(SESSION_KEY), here(), [USER_ITEM], ""),
        (key(SESSION_KEY), UNKNOWN, [("deny_principal", "user", "", USER)], ""),
        (key(SESSION_KEY, ""), UNKNOWN, [], "these are temporary credentials"),
        (key(SESSION_KEY, ""), replace(here(keys=(KEY,)), means=user(user_id=USER_ID)), [USER_ITEM], ""),
        (key(SESSION_KEY, ""), replace(UNKNOWN, means=user(user_id=USER_ID)), [USER_ITEM], ""),
        (key(SESSION_KEY, ""), of_role(means=session()), [SESSION_ITEM, ALL_ITEM], "can begin a session under another"),
        (key(SESSION_KEY, ""), of_role(shared=False, means=session()), [SESSION_ITEM, ROLE_ITEM], ""),
        (key(SESSION_KEY, ""), replace(GONE, means=session()), [], "does not exist in this account (any more)"),
        (key(SESSION_KEY, ""), replace(ROOT, means=Target(kind=Kind.ROOT, id=ACCOUNT)), [], "Sign in as root now"),
        # federated users
        (federated(), UNKNOWN, [], "Only denying that user ends it"),
        (federated(), replace(here(), means=user(user_id=USER_ID)), [USER_ITEM], ""),
        (federated(), replace(UNKNOWN, means=user(user_id=USER_ID)), [USER_ITEM], ""),
        (federated(), replace(GONE, means=user(user_id=USER_ID)), [], "user ci-user does not exist"),
        # sessions of roles
        (session(), of_role(), [SESSION_ITEM, ALL_ITEM], "can begin a session under another name"),
        (session(), of_role(shared=False), [SESSION_ITEM, ROLE_ITEM], ""),
        (session(), of_role(names_chosen=False), [SESSION_ITEM], ""),
        (session(), of_role(shared=False, names_chosen=False), [SESSION_ITEM, ROLE_ITEM], ""),
        (
            session(),
            UNKNOWN,
            [SESSION_ITEM, ("revoke_sessions", "role", "", ROLE)],
            "Whoever may assume role deploy can begin a session under another name",
        ),
        (session(""), of_role(), [ALL_ITEM], "can begin a session under another name"),
        (session(""), of_role(shared=False), [ROLE_ITEM], ""),
        (session(""), of_role(names_chosen=False), [ALL_ITEM], ""),
        (session(name=""), UNKNOWN, [], "the event does not name the role"),
        (session(), GONE, [], "does not exist in this account (any more)"),
        # sessions of instances
        (session(INSTANCE), of_role(of_instances=True), [INSTANCE_ITEM], f"{INSTANCE} itself can do nothing as role"),
        (session(INSTANCE), of_role(names_chosen=False), [INSTANCE_ITEM], ""),
        (session(INSTANCE), of_role(), [INSTANCE_ITEM, ALL_ITEM], "can begin a session under another name"),
        (session(""), of_role(of_instances=True), [ALL_ITEM], ""),
        # roles
        (role(), of_role(), [ALL_ITEM], "can begin a session under another name"),
        (role(), of_role(shared=False), [ROLE_ITEM], ""),
        (role(), of_role(names_chosen=False), [ALL_ITEM], ""),
        (role(), UNKNOWN, [("revoke_sessions", "role", "", ROLE)], "can begin a session under another name"),
        (role(), GONE, [], "does not exist in this account (any more)"),
        (session(), of_role(unchangeable="service-linked"), [], "a service-linked role belongs to the AWS service"),
        (role(), of_role(unchangeable="service-linked"), [], "contact AWS Support"),
        (session(), of_role(unchangeable="identity-center"), [], "its role belongs to IAM Identity Center"),
        (
            session(),
            of_role(unchangeable="identity-center", shared=False),
            [],
            "that denies this session's aws:userid stops them",
        ),
        # the rest
        (Target(kind=Kind.ROOT, id=ACCOUNT, name="root"), UNKNOWN, [], "Sign in as root now"),
        (AN_INSTANCE, UNKNOWN, on_instance(), "was not known in time which role it has"),
        (AN_INSTANCE, replace(HAND, instance=PLAIN), on_instance(but=("take_profile", "leave_groups")), ""),
        (AN_INSTANCE, replace(HAND, instance=GROUPED), on_instance(), "was not known in time which role it has"),
        (AN_INSTANCE, of_role(of_instances=True, instance=GROUPED), on_instance(INSTANCE_ITEM), ""),
        (
            AN_INSTANCE,
            of_role(of_instances=True, instance=ALONE),
            on_instance(INSTANCE_ITEM, ALL_ITEM, but=("leave_groups",)),
            "",
        ),
        (
            AN_INSTANCE,
            of_role(instance=ALONE),
            on_instance(INSTANCE_ITEM, but=("leave_groups",)),
            "can begin a session under another name",
        ),
        (
            AN_INSTANCE,
            of_role(unchangeable="service-linked", instance=GROUPED),
            on_instance(),
            "a service-linked role belongs to the AWS service",
        ),
        (AN_INSTANCE, GONE, [], "is terminated: nothing was changed"),
        # both wings: the session of an instance that is there
        (
            session(INSTANCE),
            of_role(of_instances=True, instance=ALONE),
            on_instance(INSTANCE_ITEM, ALL_ITEM, but=("leave_groups",)),
            f"{INSTANCE} itself can do nothing as role",
        ),
        (session(INSTANCE), of_role(instance=ALONE), [INSTANCE_ITEM, ALL_ITEM], "begin a session under another name"),
        (Target(kind=Kind.OTHER, id="AIDAX"), UNKNOWN, [], "is not a user of this account"),
    ],
)
def test_every_kind_of_target_has_its_answer(
    target: Target, fact: Fact, items: list[tuple[str, str, str, str]], note: str
) -> None:
    """Given a target and what is known of it, the changes are these, and what they leave open is told."""
    found = asked(target, fact)
    assert said(found) == items
    assert bool(found.notes) is bool(note)
    assert note in " ".join(found.notes)
    assert found.wanted or found.notes, "nothing is done and nobody is told"
    assert all(one.item.target.account == ACCOUNT for one in found.wanted)
    assert all(one.item.mode is Mode.OBSERVE and not one.item.incident_id for one in found.wanted)


ROTATED = "if it was rotated, the user is not the attacker's"
ISSUER = "may issue sessions for others too"
SHARED = "others may use the role too"


@pytest.mark.parametrize(
    ("target", "fact", "cautions"),
    [
        (key(), here(), ["", ""]),
        (user(), here(), ["", ""]),
        (key(SESSION_KEY), here(), [""]),
        (key(SESSION_KEY), replace(here(), gone_key=True), [""]),
        (key(), replace(here(), gone_key=True), [ROTATED]),
        (federated(), replace(here(), means=user()), [ISSUER]),
        (session(), of_role(), ["", SHARED]),
        (session(), UNKNOWN, ["", SHARED]),
        (session(), of_role(shared=False), ["", ""]),
        (session(INSTANCE), of_role(names_chosen=False), [""]),
        (session(""), of_role(), [SHARED]),
        (role(), of_role(), [SHARED]),
        (role(), of_role(names_chosen=False), [SHARED]),
        (role(), UNKNOWN, [SHARED]),
        (role(), of_role(shared=False), [""]),
    ],
)
def test_what_may_hit_others_says_whom(target: Target, fact: Fact, cautions: list[str]) -> None:
    """Given a target, each change that may hit others than the attacker carries a caution, and no other does."""
    found = asked(target, fact)
    assert [bool(one.caution) for one in found.wanted] == [bool(caution) for caution in cautions]
    assert all(caution in one.caution for one, caution in zip(found.wanted, cautions, strict=True))


@pytest.mark.parametrize("fact", [of_role(), UNKNOWN])
@pytest.mark.parametrize("target", [session(), role()])
def test_all_sessions_of_a_role_go_beyond_whom_a_signal_names(target: Target, fact: Fact) -> None:
    """Given a session or a role that others may use, revoking all its sessions goes beyond it; no more."""
    assert [one.item for one in asked(target, fact).wanted if one.beyond] == [asked(target, fact).wanted[-1].item]


@pytest.mark.parametrize(
    ("target", "fact"),
    [
        (key(), here()),
        (user(), here()),
        (session(), of_role(shared=False)),
        (federated(), replace(here(), means=user())),
    ],
)
def test_what_answers_the_named_principal_is_not_beyond_it(target: Target, fact: Fact) -> None:
    """Given whom nobody else uses, or a user, no change of the answer goes beyond."""
    assert not any(one.beyond for one in asked(target, fact).wanted)


def test_a_person_who_names_a_gone_key_means_its_user() -> None:
    """Given a request with a key that is gone, when it is answered, nobody is asked whether the user is meant."""
    (one,) = asked(key(), replace(here(), gone_key=True), by_person=True).wanted
    assert one.caution == ""


@pytest.mark.parametrize("fact", [of_role(), of_role(shared=False), of_role(names_chosen=False), UNKNOWN])
def test_a_person_who_names_a_role_means_the_whole_role(fact: Fact) -> None:
    """Given a request with a role, when it is answered, all of it is denied, whoever else uses it."""
    found = asked(role(), fact, by_person=True)
    (one,) = found.wanted
    assert (one.item.action, one.item.target.kind, one.item.target.name) == ("deny_principal", Kind.ROLE, ROLE)
    assert one.item.target.id == (ROLE_ID if fact.role else "")
    assert one.caution == ""
    assert found.notes == ()


def test_not_even_a_person_can_change_a_role_that_nobody_can_change() -> None:
    """Given a request with a service-linked role, when it is answered, the person is told what to do instead."""
    found = asked(role(), of_role(unchangeable="service-linked"), by_person=True)
    assert found.wanted == ()
    assert found.notes


@pytest.mark.parametrize("target", [session(), session(INSTANCE), key(SESSION_KEY, "")])
def test_a_person_who_names_credentials_of_a_session_does_not_mean_the_whole_role(target: Target) -> None:
    """Given a request with temporary credentials, when they are a role's, the role itself is not denied for it."""
    meant = None if target.kind is Kind.ROLE_SESSION else session()
    found = asked(target, of_role(means=meant), by_person=True)
    assert "deny_principal" not in {one.item.action for one in found.wanted}


def test_all_sessions_are_revoked_up_to_the_latest_activity() -> None:
    """Given a signal with a time, when all sessions of a role are revoked, that item carries it."""
    one, every = (wanted.item for wanted in asked(session(), of_role()).wanted)
    assert one.args == {"role": ROLE, "role_id": ROLE_ID}
    assert every.args == {"role": ROLE, "role_id": ROLE_ID, "issued_until": UNTIL}
    _, timeless = (wanted.item for wanted in asked(session(), of_role(), until="").wanted)
    assert "issued_until" not in timeless.args


def test_a_renamed_role_is_answered_for_under_its_present_name() -> None:
    """Given a role that IAM shows under another name, when it is answered, the present name is used."""
    fact = of_role(shared=False, arn=f"arn:aws:iam::{ACCOUNT}:role/new-name")
    found = asked(role(), fact)
    assert said(found) == [("deny_principal", "role", ROLE_ID, "new-name")]


def test_a_denied_user_is_found_again_by_its_key() -> None:
    """Given a key, when its user is denied, the item holds it, to find a renamed user by; not a gone one."""
    assert asked(key(), here()).wanted[-1].item.args == {"user": USER, "via_key": KEY}
    assert asked(key(name=""), UNKNOWN).wanted[-1].item.args == {"user": "", "via_key": KEY}
    assert asked(key(), replace(here(), gone_key=True)).wanted[-1].item.args == {"user": USER}
    assert asked(user(), here()).wanted[-1].item.args == {"user": USER}


def test_who_is_known_by_a_name_alone_must_be_older_than_the_signal() -> None:
    """Given a user or a key's user whom only a name leads to, the item says when the signal was sent."""
    assert asked(user(), UNKNOWN).wanted[-1].item.args == {"user": USER, "not_after": UNTIL}
    assert asked(key(SESSION_KEY), UNKNOWN).wanted[-1].item.args["not_after"] == UNTIL
    for target, fact in ((key(), UNKNOWN), (user(user_id=USER_ID), UNKNOWN), (user(), here())):
        assert "not_after" not in asked(target, fact).wanted[-1].item.args
    assert "not_after" not in asked(user(), UNKNOWN, until="").wanted[-1].item.args


def test_an_items_of_a_role_that_ec2_alone_can_assume_says_so() -> None:
    """Given a role of instances, each item says that a session's name is an instance's id; no other role's does."""
    for target in (session(INSTANCE), session(), role()):
        assert all(one.item.args["of_instances"] for one in asked(target, of_role(of_instances=True)).wanted)
        for fact in (of_role(), of_role(names_chosen=False), UNKNOWN):
            assert not any("of_instances" in one.item.args for one in asked(target, fact).wanted)


def test_a_key_that_only_leads_to_the_issuer_is_not_told_twice() -> None:
    """Given temporary credentials beside a federated user, when nothing is known, only the federated user is told."""
    assert asked(key(SESSION_KEY, ""), federated=True) == Answer()
    plan = planned(incident(federated(), key(SESSION_KEY, "")))
    assert plan.items == ()
    assert len(plan.not_done) == 1
    assert len(plan.claims) == 2


def test_the_issuer_of_a_federated_session_is_asked_about_once() -> None:
    """Given a federated user and its key whose issuer is known, when planned, people are asked, once."""
    means = user(user_id=USER_ID)
    targets = (federated(), key(SESSION_KEY, ""))
    plan = planned(incident(*targets), dict.fromkeys(targets, replace(here(), means=means)))
    (item,) = plan.items
    assert (item.action, item.target.id, item.mode) == ("deny_principal", USER_ID, Mode.APPROVE)
    assert ISSUER in item.why


def test_the_answer_of_another_account_says_which() -> None:
    """Given a target of another account, when it is told, the account is named and that nothing was changed here."""
    note = elsewhere(role(account=ELSEWHERE))
    assert note.startswith(f"role {ROLE} belongs to account {ELSEWHERE}, which is not this one: nothing was changed")


DOUBT = "anybody can make a call that is refused and logged."


def doubted(quarantined: bool | None, **signal: Any) -> Plan:  # noqa: FBT001 - what the test varies
    """Plan the answer to a quarantine that somebody else may have asked for."""
    found = incident(user(), source="aws.iam", type_="AWSCompromisedKeyQuarantineV3", doubt=DOUBT, **signal)
    return planned(found, {user(): replace(here(), quarantined=quarantined)})


def test_a_doubted_signal_counts_where_aws_policy_is_attached() -> None:
    """Given a doubted quarantine, when AWS' policy is on the user, it is contained as any other."""
    plan = doubted(quarantined=True)
    assert [item.action for item in plan.items] == ["disable_key", "deny_principal"]
    assert all(item.mode is Mode.CONTAIN for item in plan.items)
    assert plan.not_done == ()


@pytest.mark.parametrize(
    ("quarantined", "says"),
    [
        (False, "AWS' quarantine policy is not attached to it."),
        (None, "IAM did not say whether AWS' quarantine policy is attached to it."),
    ],
)
def test_a_doubted_signal_changes_nothing_where_nothing_proves_it(quarantined: bool | None, says: str) -> None:  # noqa: FBT001 - a table's column
    """Given a doubted quarantine, when the policy is not there or nobody said, nothing is planned and why is told."""
    plan = doubted(quarantined)
    assert plan.items == ()
    (note,) = plan.not_done
    assert note.startswith(f"user {USER}: {DOUBT} {says} Nothing was changed.")
    assert plan.claims == (f"user#name/{USER}",)


def test_a_signal_without_doubt_needs_no_proof() -> None:
    """Given a quarantine that the user's own call shows, when the policy is gone again, it still counts."""
    found = incident(user(), source="aws.iam", type_="AWSCompromisedKeyQuarantineV3")
    assert planned(found, {user(): replace(here(), quarantined=False)}).items


def test_an_instance_is_answered_where_it_is() -> None:
    """Given an instance's session used in another region, what is done is done where the instance is."""
    found = asked(session(INSTANCE), of_role(of_instances=True, instance=ALONE))
    assert {one.item.target.region for one in found.wanted if one.item.target.kind is Kind.INSTANCE} == {"eu-west-1"}
    assert {one.item.args.get("instance") for one in found.wanted if one.item.target.kind is not Kind.INSTANCE} == {
        INSTANCE
    }


def test_a_person_who_names_a_temporary_key_gets_no_instance_isolated() -> None:
    """Given a key of an instance's session that a person named, only the session is denied."""
    found = asked(session(INSTANCE), of_role(of_instances=True, instance=ALONE), by_person=True)
    assert said(found) == [INSTANCE_ITEM]
