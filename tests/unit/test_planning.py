"""Stories of plans: from an incident and the facts to what is to be changed, and how far."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from lambdas.model import Change, Fact, Kind, Mode, Outcome, Result, Standing, Target
from lambdas.planning import assign, outcome, standing
from lambdas.playbooks import PLAYBOOKS
from lambdas.playbooks.shape import mode_at
from lambdas.targets import claim_key
from tests.unit.cases import (
    ACCOUNT,
    CASE,
    GONE,
    KEY,
    OTHER_KEY,
    SESSION_KEY,
    UNKNOWN,
    USER,
    USER_ARN,
    USER_ID,
    change,
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

ROOT = Fact(standing=Standing.ROOT)
ELSEWHERE = "210987654321"


def said(items: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - plan items
    """Give what items are about, short enough to compare."""
    return [(item.action, item.target.id, item.target.name) for item in items]


def test_a_leaked_key_is_disabled_and_its_user_denied() -> None:
    """Given a key whose user IAM knows, when it is planned, that key and that user are the items, nothing else."""
    plan = planned(incident(key(name="")), {key(name=""): here(keys=(KEY, OTHER_KEY))})
    assert said(plan.items) == [("disable_key", KEY, USER), ("deny_principal", USER_ID, USER)]
    assert all(item.mode is Mode.CONTAIN and not item.refused for item in plan.items)
    assert plan.items[1].args["via_key"] == KEY
    assert plan.not_done == ()


def test_a_named_user_loses_all_its_keys() -> None:
    """Given a user, when it is planned, each of its keys is disabled and the user denied."""
    plan = planned(incident(user()), {user(): here(keys=(KEY, OTHER_KEY))})
    assert said(plan.items) == [
        ("disable_key", KEY, USER),
        ("disable_key", OTHER_KEY, USER),
        ("deny_principal", USER_ID, USER),
    ]


def test_a_user_without_keys_is_denied_all_the_same() -> None:
    """Given a user whose keys are gone, when it is planned, its sessions and its console still end."""
    assert said(planned(incident(user()), {user(): here(keys=())}).items) == [("deny_principal", USER_ID, USER)]


@pytest.mark.parametrize(
    ("target", "items", "note"),
    [
        (key(), [("disable_key", KEY, USER), ("deny_principal", "", USER)], ""),
        (key(name=""), [("disable_key", KEY, ""), ("deny_principal", KEY, "")], ""),
        (user(), [("deny_principal", "", USER)], "did not list its keys in time"),
        (key(SESSION_KEY, ""), [], "temporary credentials"),
    ],
)
def test_what_iam_did_not_answer_in_time_is_cut_by_what_the_event_says(
    target: Target, items: list[tuple[str, str, str]], note: str
) -> None:
    """Given no facts, when it is planned, what the event names is cut off, and what stays is told."""
    for facts in ({}, {target: UNKNOWN}):
        plan = planned(incident(target), facts)
        assert said(plan.items) == items
        assert any(note in entry for entry in plan.not_done) or not note


def test_temporary_credentials_of_a_named_user_are_cut_although_iam_did_not_answer() -> None:
    """Given a session key with its user's name and no facts, when it is planned, the user is denied."""
    target = key(SESSION_KEY)
    plan = planned(incident(target), {target: UNKNOWN})
    assert said(plan.items) == [("deny_principal", "", USER)]


def test_temporary_credentials_of_a_user_are_cut_by_denying_the_user() -> None:
    """Given a session key whose user IAM knows, when it is planned, the user is denied and no key disabled."""
    target = key(SESSION_KEY)
    fact = Fact(standing=Standing.HERE, user=USER, user_id=USER_ID, arn=USER_ARN, keys={KEY: "Active"}, gone_key=True)
    plan = planned(incident(target), {target: fact})
    assert said(plan.items) == [("deny_principal", USER_ID, USER)]
    assert plan.items[0].args == {"user": USER}


def test_a_key_that_is_gone_has_people_asked_about_its_user() -> None:
    """Given a deleted key of a user who is there, when it is planned, denying the user ends its sessions; it is asked.

    The key may have been rotated, and then the user is in good hands.
    """
    fact = Fact(standing=Standing.HERE, user=USER, user_id=USER_ID, arn=USER_ARN, gone_key=True)
    plan = planned(incident(key()), {key(): fact})
    assert said(plan.items) == [("deny_principal", USER_ID, USER)]
    assert plan.items[0].args == {"user": USER}
    assert plan.mode is Mode.CONTAIN
    assert plan.items[0].mode is Mode.APPROVE
    assert "rotated" in plan.items[0].why
    assert any("36 hours" in note for note in plan.not_done)


@pytest.mark.parametrize("target", [key(), key(name=""), user()])
def test_what_is_gone_is_announced(target: Target) -> None:
    """Given a key or user that IAM does not know, when it is planned, nothing is to be changed and it is said."""
    plan = planned(incident(target), {target: GONE})
    assert plan.items == ()
    assert len(plan.not_done) == 1


@pytest.mark.parametrize(
    ("target", "facts"),
    [
        (Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT), {}),
        (key(name="<root_account>"), {key(name="<root_account>"): ROOT}),
        (user("root"), {user("root"): ROOT}),
    ],
)
def test_the_root_user_is_announced_with_the_steps(target: Target, facts: dict[Target, Fact]) -> None:
    """Given the root user, in whatever form, when it is planned, nothing is changed and the steps are told."""
    plan = planned(incident(target), facts)
    assert plan.items == ()
    assert any("Sign in as root now" in note for note in plan.not_done)


def test_an_iam_user_that_is_called_root_is_a_user() -> None:
    """Given a user whose name is root and whom IAM knows, when it is planned, it is cut off like any other."""
    plan = planned(incident(user("root")), {user("root"): here("root")})
    assert [item.action for item in plan.items] == ["disable_key", "deny_principal"]


@pytest.mark.parametrize("kind", [Kind.FEDERATED_USER, Kind.OTHER])
def test_a_principal_that_is_no_users_and_no_roles_is_announced(kind: Kind) -> None:
    """Given a federated user of nobody knows whom or a principal of elsewhere, when planned, people are told."""
    plan = planned(incident(Target(kind=kind, id="AROA2TESTDEPLOYROLE1:x", name="deploy", account=ACCOUNT)))
    assert plan.items == ()
    assert any("deploy" in note for note in plan.not_done)
    assert plan.claims


@pytest.mark.parametrize(
    ("target", "fact"),
    [
        (key(account=ELSEWHERE), here()),
        (user(account=ELSEWHERE), here()),
        (role(account=ELSEWHERE), of_role(shared=False)),
        (session(account=ELSEWHERE), of_role()),
        (federated(account=ELSEWHERE), here()),
        (key(SESSION_KEY, "", ACCOUNT), of_role(means=session(account=ELSEWHERE))),
    ],
)
def test_another_accounts_target_is_never_looked_for_here(target: Target, fact: Fact) -> None:
    """Given a target of another account and one of that name here, when planned, nothing is changed here."""
    plan = planned(incident(target), {target: fact})
    assert plan.items == ()
    assert any(ELSEWHERE in note and "not this one" in note for note in plan.not_done)
    assert plan.claims == (claim_key(target),)


def test_a_target_without_an_account_is_this_accounts() -> None:
    """Given a request, which names no account, when it is planned, it is about this one."""
    assert planned(incident(user(account="")), {user(account=""): here()}).items


def test_a_renamed_user_is_answered_for_under_its_present_name() -> None:
    """Given a key whose user was renamed since the event, when planned, the present name is used and it is told."""
    plan = planned(incident(key(name="old-name")), {key(name="old-name"): here("new-name")})
    assert said(plan.items) == [("disable_key", KEY, "new-name"), ("deny_principal", USER_ID, "new-name")]
    assert any("old-name" in note and "new-name" in note for note in plan.not_done)


@pytest.mark.parametrize(
    ("protected", "fact", "refused"),
    [
        (USER_ARN, here(), True),
        (f"arn:aws:iam::{ACCOUNT}:user/{USER}", here(), False),
        (f"arn:aws:iam::{ACCOUNT}:user/{USER}", UNKNOWN, True),
        (USER_ARN, UNKNOWN, True),
        (f"arn:aws:iam::{ACCOUNT}:user/another", UNKNOWN, False),
        (f"arn:aws:iam::{ACCOUNT}:user/another", here(), False),
    ],
)
@pytest.mark.parametrize("target", [key(), user()])
def test_a_protected_user_is_refused(target: Target, protected: str, fact: Fact, refused: bool) -> None:  # noqa: FBT001 - a table's column
    """Given protected principals, when it is planned, the exact ARN is refused, or the name where no ARN is known."""
    plan = planned(incident(target), {target: fact}, protected=frozenset({protected}))
    assert plan.items
    assert [bool(item.refused) for item in plan.items] == [refused] * len(plan.items)


def test_a_user_that_takes_a_protected_name_elsewhere_is_not_protected() -> None:
    """Given a user renamed to a protected one's name under another path, when planned, it is not protected."""
    plan = planned(
        incident(key(name="old-name")),
        {key(name="old-name"): here("break-glass", arn=f"arn:aws:iam::{ACCOUNT}:user/elsewhere/break-glass")},
        protected=frozenset({f"arn:aws:iam::{ACCOUNT}:user/break-glass"}),
    )
    assert not any(item.refused for item in plan.items)


def test_only_the_protected_one_of_two_is_refused() -> None:
    """Given two users of whom one is protected, when it is planned, the other one's items are not refused."""
    facts = {
        user("a"): here("a", user_id="AIDA1", keys=(KEY,)),
        user("b"): here("b", user_id="AIDA2", keys=(OTHER_KEY,)),
    }
    plan = planned(incident(*facts), facts, protected=frozenset({f"arn:aws:iam::{ACCOUNT}:user/pipelines/a"}))
    assert {item.target.name: bool(item.refused) for item in plan.items} == {"a": True, "b": False}


INERT, OBSERVE_ALL = ("", "this is a sample finding"), (False, True)
WANTED = SETTINGS = (None, Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.name)
@pytest.mark.parametrize(
    ("inert", "observe_all", "wanted", "setting"), list(product(INERT, OBSERVE_ALL, WANTED, SETTINGS))
)
def test_what_forbids_acting_wins_then_the_person_then_the_settings_then_the_playbook(
    playbook: Any,  # noqa: ANN401 - pytest's parameter
    inert: str,
    observe_all: bool,  # noqa: FBT001 - a table's column
    wanted: Mode | None,
    setting: Mode | None,
) -> None:
    """Given every combination of what decides the mode, when it is planned, the strongest decides and is named."""
    found = incident(key(), wanted=wanted, inert=inert)
    modes = {playbook.name: ((0.0, setting),)} if setting else {}
    plan = planned(found, {key(): here()}, playbook=playbook, observe_all=observe_all, modes=modes)
    if inert:
        expected, why = Mode.OBSERVE, inert
    elif observe_all:
        expected, why = Mode.OBSERVE, '"mode" is "observe"'
    elif wanted:
        expected, why = wanted, "the request"
    elif setting:
        expected, why = setting, "playbook_modes"
    else:
        expected, why = mode_at(playbook.modes, found.signal.severity), f"playbook {playbook.name}"
    assert plan.mode is expected
    assert why in plan.why_mode
    assert {item.mode for item in plan.items} <= {expected}
    assert {item.action for item in plan.items} == set(playbook.actions) & {"disable_key", "deny_principal"}


def test_the_setting_of_another_playbook_does_not_matter() -> None:
    """Given a setting for another playbook, when it is planned, this one's own mode decides."""
    plan = planned(incident(key()), {}, modes={"unusual_use": ((0.0, Mode.OBSERVE),)})
    assert plan.mode is Mode.CONTAIN


def test_a_signal_that_no_playbook_answers_changes_nothing() -> None:
    """Given a risk of a new code that names a key, when it is planned, nothing is to be changed."""
    plan = planned(incident(key(), type_="AWS_RISK_SOMETHING_NEW"), {key(): here()})
    assert plan.items == ()


def test_what_several_targets_have_in_common_is_done_once() -> None:
    """Given two keys and the name of one user, when it is planned, the user is denied once, each key disabled once."""
    facts = {
        key(): here(keys=(KEY, OTHER_KEY)),
        key(OTHER_KEY): here(keys=(KEY, OTHER_KEY)),
        user(): here(keys=(KEY, OTHER_KEY)),
    }
    plan = planned(incident(*facts), facts)
    assert sorted(said(plan.items)) == [
        ("deny_principal", USER_ID, USER),
        ("disable_key", KEY, USER),
        ("disable_key", OTHER_KEY, USER),
    ]
    assert len(set(plan.claims)) == len(plan.claims)


def test_the_same_input_gives_the_same_plan() -> None:
    """Given one incident, when it is planned twice, plans, items' ids and cases are equal."""
    facts = {key(): here(keys=(KEY, OTHER_KEY)), user("b"): here("b", user_id="AIDA2")}
    first, again = (planned(incident(*facts), dict(facts)) for _ in range(2))
    assert first == again
    assert [item.id for item in assign(first.items, {}, CASE)] == [item.id for item in assign(again.items, {}, CASE)]


def test_the_claims_are_the_targets_and_what_is_done_about_them() -> None:
    """Given a key, when it is planned, the case claims the key and its user, so that a signal on either meets it."""
    plan = planned(incident(key(name="")), {key(name=""): here()})
    assert set(plan.claims) == {f"access_key#{KEY}", f"user#{USER_ID}"}
    assert claim_key(user()) == f"user#name/{USER}"


def test_a_signal_that_no_playbook_answers_is_recognised_when_it_comes_again() -> None:
    """Given a risk of a new code that names a user, when it is planned, the case claims the user all the same."""
    plan = planned(incident(user(), type_="AWS_RISK_SOMETHING_NEW"), {user(): here()})
    assert plan.items == ()
    assert plan.claims


def test_a_target_is_claimed_whatever_is_done_about_it() -> None:
    """Given a key that is gone, or one of root, when it is planned, the case claims it although nothing is done."""
    for fact in (GONE, ROOT, UNKNOWN):
        assert claim_key(key()) in planned(incident(key()), {key(): fact}).claims


def test_items_go_to_the_case_that_holds_their_target() -> None:
    """Given a case that holds the user, when items are assigned, the deny goes there and the rest to the new case."""
    plan = planned(incident(key()), {key(): here()})
    items = assign(plan.items, {f"user#{USER_ID}": "inc-older"}, CASE)
    assert {item.action: item.incident_id for item in items} == {"disable_key": CASE, "deny_principal": "inc-older"}


def test_notes_of_the_signal_are_told_first_and_once() -> None:
    """Given what could not be read of an event, when it is planned, it is told, once."""
    plan = planned(incident(user(), notes=("odd", "odd")), {user(): GONE})
    assert plan.not_done[0] == "odd"
    assert plan.not_done.count("odd") == 1


@pytest.mark.parametrize("facts_first", [True, False])
def test_of_the_same_change_the_one_that_goes_furthest_is_kept(facts_first: bool) -> None:  # noqa: FBT001 - both orders
    """Given a gone key of a user and the user itself, when planned, the user is denied at once, once, in any order."""
    gone = Fact(standing=Standing.HERE, user=USER, user_id=USER_ID, arn=USER_ARN, gone_key=True)
    facts = {key(): gone, user(): here(keys=())}
    found = incident(*(facts if facts_first else reversed(facts)))
    plan = planned(found, facts)
    assert said(plan.items) == [("deny_principal", USER_ID, USER)]
    assert plan.items[0].mode is Mode.CONTAIN


def judged(results: tuple[Result, ...]) -> Outcome:  # noqa: PLR0911 - one line a rule of the contract
    """Say the outcome as the contract words it, written without looking at the product."""
    left = [result for result in results if result is not Result.SKIPPED]
    done = sum(result in {Result.DONE, Result.ALREADY} for result in left)
    if not left:
        return Outcome.ANNOUNCED
    if done == len(left):
        return Outcome.CONTAINED
    if Result.FAILED in left:
        return Outcome.PARTIAL if done else Outcome.FAILED
    if Result.PENDING in left:
        return Outcome.PENDING
    if Result.REJECTED in left:
        return Outcome.REJECTED
    if Result.EXPIRED in left:
        return Outcome.EXPIRED
    if done:
        return Outcome.PARTIAL
    if Result.PLANNED in left:
        return Outcome.OBSERVED
    return Outcome.REFUSED


@pytest.mark.parametrize("number", range(5))
def test_the_outcome_is_as_the_contract_says_for_every_combination(number: int) -> None:
    """Given any results of up to four items, when the case is judged, the outcome is that of the contract."""
    for results in product(Result, repeat=number):
        assert outcome(results) is judged(results), results


@pytest.mark.parametrize(
    ("mode", "refused", "made", "expected"),
    [
        (Mode.CONTAIN, "", Result.DONE, (Result.DONE, "")),
        (Mode.CONTAIN, "", Result.ALREADY, (Result.ALREADY, "")),
        (Mode.CONTAIN, "", None, (Result.FAILED, "NotRun")),
        (Mode.OBSERVE, "", None, (Result.PLANNED, "")),
        (Mode.CONTAIN, "protected", None, (Result.REFUSED, "Protected")),
        (Mode.OBSERVE, "protected", None, (Result.REFUSED, "Protected")),
    ],
)
def test_an_item_without_an_answer_is_judged_by_what_it_was_to_do(
    mode: Mode, refused: str, made: Result | None, expected: tuple[Result, str]
) -> None:
    """Given an item and perhaps a change, when its standing is asked, one that should have run and did not failed."""
    plan = planned(
        incident(user(), wanted=mode),
        {user(): here(keys=())},
        protected=frozenset({USER_ARN}) if refused else frozenset(),
    )
    (item,) = assign(plan.items, {}, CASE)
    changes = {item.id: change(item, made)} if made else {}
    assert standing([item], changes) == {item.id: expected}


@pytest.mark.parametrize(
    ("mode", "asked", "settled", "made", "expected"),
    [
        (Mode.APPROVE, True, "", None, Result.PENDING),
        (Mode.APPROVE, False, "", None, Result.PLANNED),
        (Mode.APPROVE, True, "rejected", None, Result.REJECTED),
        (Mode.APPROVE, False, "rejected", None, Result.REJECTED),
        (Mode.APPROVE, False, "expired", None, Result.EXPIRED),
        (Mode.APPROVE, True, "", Result.ALREADY, Result.ALREADY),
        (Mode.APPROVE, True, "rejected", Result.DONE, Result.DONE),
        (Mode.OBSERVE, True, "", None, Result.PLANNED),
        (Mode.OBSERVE, True, "expired", None, Result.PLANNED),
        (Mode.CONTAIN, True, "", None, Result.FAILED),
        (Mode.CONTAIN, True, "rejected", None, Result.FAILED),
    ],
)
def test_only_what_people_were_asked_about_waits_or_is_turned_down(
    mode: Mode,
    asked: bool,  # noqa: FBT001 - a table's column
    settled: str,
    made: Result | None,
    expected: Result,
) -> None:
    """Given a question and perhaps its answer, when an item's standing is asked, what was made counts as made."""
    (item,) = assign(planned(incident(user(), wanted=mode), {user(): here(keys=())}).items, {}, CASE)
    changes = {item.id: change(item, made)} if made else {}
    ended = standing([item], changes, waiting=[item.id] if asked else [], settled=settled)
    assert ended[item.id][0] is expected


@pytest.mark.parametrize("settled", ["", "rejected", "expired"])
def test_what_is_refused_never_waits_for_an_answer(settled: str) -> None:
    """Given a protected user, when people are asked about everything, its items stay refused."""
    plan = planned(
        incident(user(), wanted=Mode.APPROVE), {user(): here(keys=())}, protected=frozenset({here(keys=()).arn})
    )
    (item,) = assign(plan.items, {}, CASE)
    assert standing([item], {}, waiting=[item.id], settled=settled) == {item.id: (Result.REFUSED, "Protected")}


@pytest.mark.parametrize(
    ("error", "expected"),
    [("TargetGone", (Result.SKIPPED, "TargetGone")), ("NotPermitted", (Result.FAILED, "NotPermitted"))],
)
def test_a_target_that_went_away_is_skipped_not_failed(error: str, expected: tuple[Result, str]) -> None:
    """Given an action that found its target gone, when its standing is asked, there was nothing to do."""
    (item,) = assign(planned(incident(user()), {user(): here(keys=())}).items, {}, CASE)
    gone = Change(
        item_id=item.id, incident_id=CASE, action=item.action, target=item.target, result=Result.FAILED, error=error
    )
    assert standing([item], {item.id: gone}) == {item.id: expected}
