"""Stories of what an investigation hands over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.model import Fact, Kind, Mode, Standing, Target
from lambdas.playbooks import playbook_for
from lambdas.signals import found, incident_from
from tests.unit.cases import KEY, USER, USER_ID, here, of_role, planned

CASE = "inc-20261120-0123456789"
SESSION = "AROA2TESTROLE0000001:evil"


def handed(*things: dict[str, Any]) -> Any:  # noqa: ANN401 - an incident
    """Read what was found."""
    return incident_from({"incident_id": CASE, "found": list(things)})


@pytest.mark.parametrize(
    ("one", "target"),
    [
        (
            {"kind": "user", "id": "AIDA2NEW", "name": "backdoor"},
            Target(kind=Kind.USER, id="AIDA2NEW", name="backdoor"),
        ),
        ({"kind": "access_key", "id": KEY, "name": "eve"}, Target(kind=Kind.ACCESS_KEY, id=KEY, name="eve")),
        ({"kind": "role", "id": "AROA2NEW", "name": "r"}, Target(kind=Kind.ROLE, id="AROA2NEW", name="r")),
        (
            {"kind": "role_session", "id": SESSION, "name": "deploy"},
            Target(kind=Kind.ROLE_SESSION, id=SESSION, name="deploy"),
        ),
        (
            {"kind": "instance", "id": "i-0a1b2c3d", "region": "eu-west-1"},
            Target(kind=Kind.INSTANCE, id="i-0a1b2c3d", region="eu-west-1"),
        ),
    ],
)
def test_what_was_found_is_a_target_of_its_case(one: dict[str, Any], target: Target) -> None:
    """Given each kind of thing, when it is read, it is the target, in the case that it was found for."""
    incident = handed(one)
    assert (incident.targets, incident.case, incident.notes) == ((target,), CASE, ())
    assert playbook_for(incident.signal).name == "found"
    assert incident.signal.source == found.SOURCE


@pytest.mark.parametrize(
    "one",
    [
        None,
        "AKIA2TESTEXPOSED0001",
        {},
        {"kind": "user", "name": "two words"},
        {"kind": "access_key", "id": "AKIA"},
        {"kind": "role_session", "id": "AROA2TESTROLE0000001", "name": "deploy"},
        {"kind": "role_session", "id": SESSION, "name": ""},
        {"kind": "instance", "id": "i-0a1b2c3d"},
        {"kind": "root", "id": "root"},
        {"kind": "bucket", "id": "b"},
    ],
)
def test_what_is_not_whole_is_left_out_and_said(one: Any) -> None:  # noqa: ANN401 - any JSON
    """Given a thing that cannot be read, when it stands beside one that can, only that one is a target."""
    incident = handed(one, {"kind": "user", "id": USER_ID, "name": USER})
    assert [target.name for target in incident.targets] == [USER]
    assert incident.notes[0].startswith("1 of what was found could not be read")


@pytest.mark.parametrize(
    "event",
    [
        {"found": []},
        {"incident_id": "inc-1", "found": [{"kind": "user", "name": USER}]},
        {"incident_id": CASE, "found": "user"},
        {"incident_id": CASE, "found": None},
        {"incident_id": [CASE], "found": {}},
    ],
)
def test_what_names_no_case_is_announced(event: dict[str, Any]) -> None:
    """Given an input without a case or a list, when it is read, it names no target and says what to give."""
    incident = incident_from(event)
    assert (incident.targets, incident.case) == ((), "")
    assert "incident_id" in incident.notes[0]


def test_so_many_are_taken_at_once() -> None:
    """Given more than a run can carry, when they are read, the first are taken and it says that there are more."""
    incident = handed(*({"kind": "user", "id": "", "name": f"u{number}"} for number in range(found.MOST + 5)))
    assert len(incident.targets) == found.MOST
    assert any("More than" in note for note in incident.notes)


def test_as_many_as_are_taken_fit_into_what_the_workflow_carries() -> None:
    """Given the most users with the longest names, the plan goes out twice, and with its changes, within 256 KiB."""
    of_a_change = 900  # bytes, of the longest of these
    incident = handed(*({"kind": "user", "id": USER_ID, "name": f"{number:u>64}"} for number in range(found.MOST)))
    keys = (f"AKIA{'A' * 16}", f"AKIA{'B' * 16}")
    plan = planned(incident, {one: here(one.name, keys=keys) for one in incident.targets})
    items = [len(json.dumps(item.to_json())) for item in plan.items]
    assert len(items) == 3 * found.MOST
    assert 2 * sum(items) < 200_000
    assert sum(items) + of_a_change * len(items) < 200_000


def actions(plan: Any) -> dict[str, Mode]:  # noqa: ANN401 - a plan
    """Give how far the plan goes with each action."""
    return {item.action: item.mode for item in plan.items}


def test_a_user_that_the_attacker_made_is_contained() -> None:
    """Given a made user, when it is planned, its keys and the user itself are cut off without asking."""
    incident = handed({"kind": "user", "id": USER_ID, "name": USER})
    plan = planned(incident, {incident.targets[0]: here()})
    assert actions(plan) == {"disable_key": Mode.CONTAIN, "deny_principal": Mode.CONTAIN}


def test_a_key_that_was_given_to_a_user_of_the_owners_spares_the_user() -> None:
    """Given a key on a user who was there before, when it is planned, the key goes, and the user is asked about."""
    incident = handed({"kind": "access_key", "id": KEY, "name": USER})
    plan = planned(incident, {incident.targets[0]: here()})
    assert actions(plan) == {"disable_key": Mode.CONTAIN, "deny_principal": Mode.APPROVE}
    deny = next(item for item in plan.items if item.action == "deny_principal")
    assert "was there before" in deny.why


def test_a_made_user_and_its_key_are_contained_together() -> None:
    """Given both, when they are planned, that the key alone would spare the user does not save it."""
    incident = handed({"kind": "access_key", "id": KEY, "name": USER}, {"kind": "user", "id": USER_ID, "name": USER})
    plan = planned(incident, dict.fromkeys(incident.targets, here()))
    assert actions(plan) == {"disable_key": Mode.CONTAIN, "deny_principal": Mode.CONTAIN}


def test_a_session_that_was_assumed_is_revoked_and_its_role_left_alone() -> None:
    """Given a session of a shared role, when it is planned, that session is denied, and nothing else is asked."""
    incident = handed({"kind": "role_session", "id": SESSION, "name": "deploy"})
    plan = planned(incident, {incident.targets[0]: of_role(shared=True)})
    assert [(item.action, item.target.id, item.mode) for item in plan.items] == [
        ("revoke_sessions", SESSION, Mode.CONTAIN)
    ]


def test_a_role_that_the_attacker_made_is_denied() -> None:
    """Given a made role, when it is planned, the whole role is denied."""
    incident = handed({"kind": "role", "id": "AROA2TESTROLE0000001", "name": "deploy"})
    plan = planned(incident, {incident.targets[0]: of_role(shared=True)})
    assert actions(plan) == {"deny_principal": Mode.CONTAIN}


def test_what_is_gone_by_now_is_only_told() -> None:
    """Given a user that does not exist any more, when it is planned, nothing is."""
    incident = handed({"kind": "user", "id": USER_ID, "name": USER})
    plan = planned(incident, {incident.targets[0]: Fact(standing=Standing.GONE)})
    assert plan.items == ()
