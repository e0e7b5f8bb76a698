"""Questions and answers: a suspicion changes nothing until a person pastes the yes of its alert."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from demo import events

if TYPE_CHECKING:
    from tests.e2e.deployed import Deployed, Key

pytestmark = pytest.mark.side_by_side

SUSPECTED = "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED"
NO_SUCH_CASE = "inc-20261120-0123456789"


def asked(deployed: Deployed) -> tuple[str, list[Key], Any]:
    """Have people asked about a fresh user; give its name, its keys and the alert."""
    user, keys = deployed.user()
    alert = deployed.respond(events.health(keys[0].id, user=user, event_id=user, code=SUSPECTED))
    assert alert["outcome"] == "PENDING"
    assert not any(deployed.refused(key) for key in keys)
    return user, keys, alert


def commands(alert: dict[str, Any]) -> tuple[str, str]:
    """Give the lines of an alert that answer its question: yes, no."""
    yes, no = (step.split("\n")[1] for step in alert["next_steps"][:2])
    return yes, no


def refused_answer(deployed: Deployed, command: str, why: str) -> None:
    """Paste an answer that comes too late, twice or for nothing, and see that people are told."""
    said = deployed.start_pasted(command)
    assert why in said["refused"]
    deployed.told(said["incident_id"], "REFUSED")


def test_the_mail_of_a_question_can_be_read_and_gives_nothing_away(deployed: Deployed) -> None:
    """Given a question, its mail has the plan, the time and both commands, and neither a token nor a whole key id."""
    user, keys, alert = asked(deployed)
    mail = deployed.mail(lambda mail: user in mail.body)
    rows = mail.body.splitlines()
    assert mail.subject.startswith("[Tourniquet] PENDING: ")
    assert rows[0].startswith("PENDING: ")
    waiting = rows[rows.index("WAITING FOR YOUR ANSWER") :]
    assert any(user in row for row in waiting)
    assert any(row.strip().startswith("Answer until ") for row in waiting)
    for command in commands(alert):
        assert f"  {command}" in waiting
    prose = [
        row for row in rows[1 : rows.index("THE CASE")] if "aws stepfunctions" not in row and "https://" not in row
    ]
    assert max(map(len, prose)) <= 100

    def token() -> str | None:
        (ask,) = deployed.records(alert["incident_id"], "ASK#")
        return ask.get("token") or None

    secret = deployed.wait(token, seconds=30, what="the token in the table")
    for text in (mail.body, mail.subject, str(alert)):
        assert secret not in text
        assert not any(key.id in text for key in keys)


def test_a_pasted_yes_contains(deployed: Deployed) -> None:
    """Given a question, when a person pastes the yes, every key of the user is refused."""
    user, (leaked, other), alert = asked(deployed)
    _, (bystander, _) = deployed.user()
    yes, _ = commands(alert)
    assert deployed.start_pasted(yes) == {"taken": "approve", "incident_id": alert["incident_id"]}
    told = deployed.told(alert["incident_id"], "CONTAINED")
    assert {action["result"] for action in told["actions"]} == {"done"}
    assert deployed.status(user) == {leaked.id: "Inactive", other.id: "Active"}
    assert all(deployed.refused(key) for key in (leaked, other))
    assert not deployed.refused(bystander)
    assert deployed.case(alert["incident_id"])["outcome"] == "CONTAINED"


def test_a_pasted_no_changes_nothing(deployed: Deployed) -> None:
    """Given a question, when a person pastes the no, the user stays as it is, and the case says so."""
    user, keys, alert = asked(deployed)
    before = deployed.state_of_user(user)
    _, no = commands(alert)
    assert deployed.start_pasted(no)["taken"] == "reject"
    deployed.told(alert["incident_id"], "REJECTED")
    assert deployed.state_of_user(user) == before
    assert not any(deployed.refused(key) for key in keys)
    assert deployed.case(alert["incident_id"])["outcome"] == "REJECTED"


def test_a_question_without_an_answer_expires_and_a_late_yes_is_refused(deployed: Deployed) -> None:
    """Given a question that nobody answers in time, nothing is changed; a yes after that changes nothing either."""
    user, keys, alert = asked(deployed)
    before = deployed.state_of_user(user)
    deployed.told(alert["incident_id"], "EXPIRED", seconds=120)
    yes, _ = commands(alert)
    refused_answer(deployed, yes, "too late")
    assert deployed.state_of_user(user) == before
    assert not any(deployed.refused(key) for key in keys)
    assert deployed.case(alert["incident_id"])["outcome"] == "EXPIRED"


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_the_first_answer_counts(deployed: Deployed, first: str) -> None:
    """Given an answer, the opposite one is refused and changes nothing."""
    _, keys, alert = asked(deployed)
    yes, no = commands(alert)
    now, then = (yes, no) if first == "approve" else (no, yes)
    outcome = "CONTAINED" if first == "approve" else "REJECTED"
    assert deployed.start_pasted(now)["taken"] == first
    deployed.told(alert["incident_id"], outcome)
    refused_answer(deployed, then, "already")
    assert [deployed.refused(key) for key in keys] == [first == "approve"] * 2
    assert deployed.case(alert["incident_id"])["outcome"] == outcome


def test_an_answer_for_another_incident_is_refused(deployed: Deployed) -> None:
    """Given two open questions, the yes to one with the id of the other's case, or of no case, leaves both open."""
    _, keys, alert = asked(deployed)
    _, others_keys, other = asked(deployed)
    yes, _ = commands(alert)
    for incident_id in (other["incident_id"], NO_SUCH_CASE):
        refused_answer(deployed, yes.replace(alert["incident_id"], incident_id), "there is no such question")
    assert not any(deployed.refused(key) for key in (*keys, *others_keys))
    for case in (alert, other):
        (ask,) = deployed.records(case["incident_id"], "ASK#")
        assert ask["state"] == "WAITING"


def test_an_answer_without_a_question_is_refused(deployed: Deployed) -> None:
    """Given a contained case, a yes to it is refused, and it stays contained."""
    user, (leaked, _) = deployed.user()
    alert = deployed.respond(events.health(leaked.id, user=user, event_id=user))
    _, _, other = asked(deployed)
    words = {
        "incident_id": other["incident_id"],
        "question": deployed.records(other["incident_id"], "ASK#")[0]["ask_id"],
    }
    yes = commands(other)[0].replace(json.dumps(words)[1:-1], f'"incident_id": "{alert["incident_id"]}"')
    refused_answer(deployed, yes, "nobody asked anything in it")
    assert deployed.refused(leaked)
    assert deployed.case(alert["incident_id"])["outcome"] == "CONTAINED"
