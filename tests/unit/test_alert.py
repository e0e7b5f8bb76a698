"""Stories of the alert: what a person reads at 3 a.m., and what machines hold on to."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import wording
from lambdas.alert import Alert, Notice, compose, notice, tellings, told_after
from lambdas.guardrails import Guardrails, acts
from lambdas.model import Change, Fact, Kind, Mode, Outcome, Result, Standing, Target
from lambdas.planning import assign, plan
from lambdas.playbooks import PLAYBOOKS, playbook_for
from lambdas.playbooks.shape import ISOLATE
from lambdas.signals import incident_from
from tests.unit.cases import (
    ACCOUNT,
    ASK,
    AT,
    CASE,
    DENY_ALL,
    EXECUTION,
    INSTANCE,
    KEY,
    OTHER_KEY,
    REGION,
    RESPOND,
    ROLE,
    ROLE_ID,
    SESSION_KEY,
    USER,
    USER_ID,
    change,
    decided,
    failed,
    federated,
    here,
    incident,
    instance,
    key,
    of_instance,
    of_role,
    planned,
    role,
    session,
    story,
    user,
)

if TYPE_CHECKING:
    from lambdas.alert import Story

DONE, ALREADY, FAILED = Result.DONE, Result.ALREADY, Result.FAILED


def told(*results: Result, **fields: Any) -> Story:
    """Tell the story of one exposed key: how disabling it and denying its user ended."""
    found = incident(key(), context=(("Seen at", "https://example.org/shop"),))
    return story(found, planned(found, {key(): here()}), results=results, **fields)


def observed(**guardrails: Any) -> Story:
    """Tell the story of one exposed key that was only planned for."""
    found = incident(key(), type_="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED")
    return story(found, planned(found, {key(): here()}, **guardrails), **guardrails)


def suspected(ask: dict[str, str] | None = ASK, **fields: Any) -> Story:
    """Tell the story of one suspected key, about which people are asked."""
    found = incident(key(), type_="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", title="AWS suspects a key of yours")
    return story(found, planned(found, {key(): here()}), ask=ask, **fields)


def of_session(*results: Result, fact: Fact | None = None, **fields: Any) -> Story:
    """Tell the story of a stolen session: it is denied, and people are asked about the role's other sessions."""
    found = incident(session(), source="aws.guardduty", type_="UnauthorizedAccess:IAMUser/TorIPCaller")
    return story(found, planned(found, {session(): fact or of_role()}), results=results, **fields)


def data(alert: Alert) -> dict[str, Any]:
    """Read the JSON form of an alert."""
    form: dict[str, Any] = json.loads(json.loads(alert.message)["default"])
    return form


def mail(alert: Alert) -> str:
    """Read the mail of an alert."""
    form: str = json.loads(alert.message)["email"]
    return form


def sms(alert: Alert) -> str:
    """Read the text message of an alert."""
    form: str = json.loads(alert.message)["sms"]
    return form


def sections(text: str) -> list[str]:
    """List the headings of a mail."""
    return re.findall(r"^[A-Z ]{8,}$", text, re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """List the commands of a mail, as a shell would take them apart."""
    return [shlex.split(row) for row in text.splitlines() if row.lstrip().startswith("aws ")]


@pytest.mark.parametrize(
    ("results", "outcome", "says"),
    [
        (
            (DONE, DONE),
            "CONTAINED",
            ["Done: disabled access key …0001 of user ci-user; denied everything to user ci-user."],
        ),
        ((ALREADY, DONE), "CONTAINED", ["disabled access key …0001 of user ci-user (was so already)"]),
        ((DONE, FAILED), "PARTIAL", ["Only a part of it worked.", "Done: disabled access key"]),
        (
            (FAILED, FAILED),
            "FAILED",
            ["Nothing was contained; act by hand now.", "It is about access key …0001 of user"],
        ),
        ((), "FAILED", ["Nothing was contained; act by hand now."]),
    ],
)
def test_the_first_lines_say_what_happened_and_what_was_done(
    results: tuple[Result, ...], outcome: str, says: list[str]
) -> None:
    """Given how a case ended, when people are told, the first line says it, and the text message too."""
    alert = compose(told(*results))
    first = mail(alert).split("\n")[0]
    assert first.startswith(f"{outcome}: AWS found an access key of yours in public.")
    for sentence in says:
        assert sentence in first
        assert sentence in sms(alert)
    assert sms(alert).endswith(f"Account {ACCOUNT}, case {CASE}.")
    assert "\n" not in sms(alert)


def test_a_plan_alone_says_that_nothing_was_changed() -> None:
    """Given a case that was only planned, when people are told, the first line says so and nothing sounds done."""
    text = mail(compose(observed()))
    assert text.startswith("OBSERVED: AWS found an access key of yours in public. Nothing was changed. It is about ")
    assert "Disable access key …0001 of user ci-user: only planned" in " ".join(text.split())
    assert "WAITING FOR YOUR ANSWER" not in text
    assert "WHAT WAS DONE" not in text
    assert "HOW TO UNDO IT" not in text


def test_a_protected_user_is_told_as_refused() -> None:
    """Given a protected user, when people are told, each cut is refused and the setting is named."""
    found = incident(user())
    answer = planned(found, {user(): here()}, protected=frozenset({here().arn}))
    alert = compose(story(found, answer))
    assert mail(alert).startswith("REFUSED: ")
    assert '"protected_principals"' in mail(alert)
    assert {action["result"] for action in data(alert)["actions"]} == {"refused"}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_can_be_told(outcome: Outcome) -> None:
    """Given any outcome, when people are told, mail, subject and JSON say it first."""
    alert = compose(told(DONE, DONE, outcome=outcome))
    assert mail(alert).startswith(f"{outcome}: ")
    assert alert.subject.startswith(f"[Tourniquet] {outcome}: access key ...0001 of user ci-user, account {ACCOUNT}")
    assert data(alert)["outcome"] == outcome


def test_the_mail_tells_in_the_order_of_need() -> None:
    """Given a case with everything in it, when people are told, done, not done, next, undo and facts follow."""
    text = mail(compose(told(DONE, FAILED)))
    assert sections(text) == [
        "WHAT WAS DONE",
        "WHAT WAS NOT DONE",
        "WHAT TO DO NEXT",
        "HOW TO UNDO IT",
        "THE CASE",
    ]


def test_a_failure_is_told_with_its_error_and_its_reason() -> None:
    """Given an action that was not permitted, when people are told, the error and AWS' words are in the mail."""
    made = told(DONE, FAILED)
    deny = made.items[1]
    ended = replace(
        made, changes={**made.changes, deny.id: failed(deny, "NotPermitted", "AttachUserPolicy: AccessDenied: no")}
    )
    text = " ".join(mail(compose(ended)).split())
    assert "Deny everything to user ci-user: FAILED (NotPermitted: AttachUserPolicy: AccessDenied: no)." in text


def test_a_target_that_went_away_is_told_as_not_needed() -> None:
    """Given a user that was deleted meanwhile, when people are told, its cut was not needed."""
    made = told(DONE, FAILED)
    deny = made.items[1]
    found = incident(key())
    ended = story(
        found,
        planned(found, {key(): here()}),
        changes={**made.changes, deny.id: failed(deny, "TargetGone")},
    )
    assert ended.outcome is Outcome.CONTAINED
    assert "not needed, it does not exist any more" in " ".join(mail(compose(ended)).split())


def test_what_the_table_could_not_keep_is_told() -> None:
    """Given a change that was not journaled, when people are told, they are sent to the run's history."""
    made = told(DONE, DONE)
    deny = made.items[1]
    ended = replace(made, changes={**made.changes, deny.id: replace(made.changes[deny.id], journaled=False)})
    assert any("incident table could not be written" in entry for entry in data(compose(ended))["not_done"])


def test_a_name_keeps_its_capitals_wherever_it_is_told() -> None:
    """Given a user called Deploy-Bot and a table that failed, when people are told, the name is spelled as it is."""
    found = incident(user("Deploy-Bot"))
    answer = planned(found, {user("Deploy-Bot"): here("Deploy-Bot", keys=())})
    (item,) = assign(answer.items, {}, CASE)
    alert = compose(story(found, answer, changes={item.id: change(item, journaled=False)}))
    assert "deploy-bot" not in mail(alert)


def test_a_deny_by_boundary_is_told_as_one() -> None:
    """Given a user with as many policies as IAM allows, when people are told, the boundary and why are named."""
    made = told(DONE, DONE)
    deny = made.items[1]
    state = {"user": USER, "user_id": USER_ID, "deny_policy": DENY_ALL, "attached": False}
    full = change(deny, before={**state, "boundary": ""}, after={**state, "boundary": DENY_ALL})
    text = " ".join(mail(compose(replace(made, changes={**made.changes, deny.id: full}))).split())
    assert "its permissions boundary is AWSDenyAll" in text
    assert "the policy AWSDenyAll is attached" not in text


def test_what_is_not_known_is_never_claimed() -> None:
    """Given a containment, when people are told, they read that nobody has looked back and that IAM takes seconds."""
    assert any("Nobody has looked yet" in entry for entry in data(compose(told(DONE, DONE)))["not_done"])
    assert not any("Nobody has looked yet" in entry for entry in data(compose(observed()))["not_done"])


def test_the_facts_of_the_case_are_in_the_mail() -> None:
    """Given a case, when people are told, account, signal, place, mode and the run's address stand at the end."""
    facts = mail(compose(told(DONE, DONE))).split("THE CASE", 1)[1]
    for fact in (
        CASE,
        ACCOUNT,
        "us-east-1",
        "aws.health",
        "AWS_RISK_CREDENTIALS_EXPOSED",
        "example.org/shop",
        "contain",
    ):
        assert fact in facts
    assert (
        f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{EXECUTION}"
        in facts
    )


CONTRACT: dict[str, object] = {
    "version": str,
    "source": str,
    "content": dict,
    "schema": str,
    "incident_id": str,
    "outcome": str,
    "mode": str,
    "account": str,
    "region": str,
    "severity": float,
    "title": str,
    "signal": dict,
    "targets": list,
    "actions": list,
    "not_done": list,
    "next_steps": list,
    "undo": str,
    "report": type(None),
    "at": str,
}


@pytest.mark.parametrize(
    "made",
    [
        *(
            told(DONE, DONE),
            told(DONE, FAILED),
            observed(),
            told(),
            suspected(),
            suspected(None, decision=decided("reject")),
        ),
        *(
            suspected(None, decision=decided("expire")),
            suspected(None, decision=decided("contain"), results=(DONE, DONE)),
        ),
        *(of_session(DONE, ask=ASK), of_session(FAILED), of_session(DONE, DONE)),
    ],
)
def test_the_json_has_exactly_the_fields_of_the_contract(made: Story) -> None:
    """Given any case, when machines are told, every field of the contract is there, of its type, and no other."""
    form = data(compose(made))
    assert {name: type(value) for name, value in form.items()} == CONTRACT
    assert set(form["content"]) == {"textType", "title", "description"}
    assert set(form["signal"]) == {"source", "type", "id"}
    assert [set(target) for target in form["targets"]] == [{"kind", "id", "name"}]
    assert [set(action) for action in form["actions"]] == [{"action", "target", "result", "held", "error"}] * 2


def test_the_json_says_what_the_contract_says() -> None:
    """Given a contained key, when machines are told, the values are those of the contract's example."""
    form = data(compose(told(DONE, FAILED)))
    del form["content"], form["not_done"], form["next_steps"], form["undo"]
    assert form == {
        "version": "1.0",
        "source": "custom",
        "schema": "tourniquet/1",
        "incident_id": CASE,
        "outcome": "PARTIAL",
        "mode": "contain",
        "account": ACCOUNT,
        "region": "us-east-1",
        "severity": 8.0,
        "title": "AWS found an access key of yours in public",
        "signal": {
            "source": "aws.health",
            "type": "AWS_RISK_CREDENTIALS_EXPOSED",
            "id": "0123456789abcdef0123",
        },
        "targets": [{"kind": "access_key", "id": "…0001", "name": "ci-user"}],
        "actions": [
            {"action": "disable_key", "target": "…0001", "result": "done", "held": None, "error": None},
            {
                "action": "deny_principal",
                "target": "ci-user",
                "result": "failed",
                "held": None,
                "error": "NotPermitted",
            },
        ],
        "report": None,
        "at": AT,
    }


def test_a_chat_message_is_one_that_amazon_q_takes() -> None:
    """Given an alert, when it goes to chat, version, source and description are what the client asks for."""
    form = data(compose(told(DONE, DONE)))
    assert (form["version"], form["source"], form["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    assert form["content"]["title"].startswith("CONTAINED: ")
    assert CASE.replace("-", r"\-") in form["content"]["description"]


def test_subscribers_can_filter() -> None:
    """Given an alert, when it is published, outcome, severity, source and account are its attributes."""
    assert compose(told(DONE, DONE)).attributes == {
        "outcome": {"DataType": "String", "StringValue": "CONTAINED"},
        "severity": {"DataType": "Number", "StringValue": "8"},
        "source": {"DataType": "String", "StringValue": "aws.health"},
        "account": {"DataType": "String", "StringValue": ACCOUNT},
    }


def test_an_attribute_is_never_empty() -> None:
    """Given an event whose account nobody could read, when it is published, SNS still takes the attributes."""
    found = incident_from({})
    alert = compose(story(found, planned(found)))
    assert all(attribute["StringValue"] for attribute in alert.attributes.values())


def test_the_undo_of_a_containment_is_a_command_for_each_change() -> None:
    """Given a contained key, when people are told how to undo it, the deny comes first, the key with a warning."""
    text = mail(compose(told(DONE, DONE)))
    undo = text.split("HOW TO UNDO IT")[1].split("THE CASE")[0]
    first, key_line, last = (row.split() for row in undo.splitlines() if row.lstrip().startswith("aws "))
    assert first[:3] == ["aws", "iam", "detach-user-policy"]
    assert key_line[:3] == ["aws", "iam", "update-access-key"]
    assert last[:3] == ["aws", "stepfunctions", "start-execution"]
    assert commands(undo)[-1][-1] == json.dumps({"incident_id": CASE, "answer": "released"})
    assert "a leaked key should be replaced" in undo
    assert KEY not in undo
    assert data(compose(told(DONE, DONE)))["undo"].startswith("aws iam detach-user-policy --user-name=ci-user")


def test_what_was_so_before_is_not_undone() -> None:
    """Given a key and a deny that were so already, when people are told, there is nothing to undo."""
    alert = compose(told(ALREADY, ALREADY))
    assert "HOW TO UNDO IT" not in mail(alert)
    assert data(alert)["undo"] == ""


def test_a_case_that_was_observed_says_how_to_contain() -> None:
    """Given a suspicion, when people are told, the command that contains is there and works when pasted."""
    ((*start, request),) = commands(mail(compose(suspected(ask=None))))
    assert start == [
        *("aws", "stepfunctions", "start-execution", "--region", "us-east-1"),
        *("--state-machine-arn", RESPOND, "--input"),
    ]
    assert json.loads(request) == {"user_name": USER, "mode": "contain", "reason": CASE}
    asked = incident_from(json.loads(request))
    assert asked.targets == (user(account=""),)
    assert asked.wanted is Mode.CONTAIN


def test_where_the_workflow_would_only_observe_the_alert_says_how_to_contain_by_hand() -> None:
    """Given the setting that only observes, when people are told, the command does not go through the workflow."""
    text = mail(compose(observed(observe_all=True)))
    rows = [row.strip() for row in text.splitlines() if row.lstrip().startswith("aws ")]
    assert rows[0].startswith(f"aws iam update-access-key --user-name={USER} --status Inactive ")
    assert shlex.split(rows[1]) == ["aws", "iam", "attach-user-policy", f"--user-name={USER}", "--policy-arn", DENY_ALL]
    assert len(rows) == 2
    again = incident_from({"user_name": USER, "mode": "contain"})
    answer = plan(again, {}, playbook_for(again.signal), Guardrails(account=ACCOUNT, observe_all=True))
    assert answer.mode is Mode.OBSERVE, "the workflow would contain: the alert may offer it"


@pytest.mark.parametrize("target", [key(name=""), Target(kind=Kind.ROLE_SESSION, id="AROA:x", name="deploy")])
@pytest.mark.parametrize("name", ["suspected_key", "unusual_use"])
def test_no_step_speaks_of_a_command_that_is_not_there(name: str, target: Target) -> None:
    """Given a playbook that points at the command above, when there is none to print, no step points at it."""
    playbook = next(playbook for playbook in PLAYBOOKS if playbook.name == name)
    found = incident(target)
    made = story(found, planned(found, playbook=playbook), next_steps=playbook.next_steps)
    assert "command above" not in mail(compose(made))


def test_a_sample_says_nothing_of_containing() -> None:
    """Given a sample finding, when people are told, no command is offered that would act on it."""
    found = incident(key(), inert="this is a sample finding")
    text = mail(compose(story(found, planned(found, {key(): here()}))))
    assert commands(text) == []
    assert "because this is a sample finding" in " ".join(text.split())


@pytest.mark.parametrize("results", [(FAILED, FAILED), (DONE, FAILED), ()])
def test_a_case_that_failed_says_how_to_contain_by_hand(results: tuple[Result, ...]) -> None:
    """Given cuts that were not made, when people are told, the command that denies the user is there."""
    assert [
        "aws",
        "iam",
        "attach-user-policy",
        f"--user-name={USER}",
        "--policy-arn",
        DENY_ALL,
    ] in commands(mail(compose(told(*results))))


def test_by_hand_is_right_in_every_partition() -> None:
    """Given a run in GovCloud, when people are told to deny by hand, the policy is that of GovCloud."""
    made = replace(told(FAILED, FAILED), execution=EXECUTION.replace("arn:aws:", "arn:aws-us-gov:"))
    assert "arn:aws-us-gov:iam::aws:policy/AWSDenyAll" in mail(compose(made))


def test_by_hand_is_told_even_where_no_user_is_known() -> None:
    """Given a key without a user and nothing that worked, when people are told, they read where to click."""
    found = incident(key(name=""))
    text = " ".join(mail(compose(story(found, planned(found)))).split())
    assert "Contain the key by hand" in text
    assert commands(text) == []


@pytest.mark.parametrize(
    "name",
    [
        "ci-user",
        "-rf",
        "--user-name=x",
        "a=b",
        "o'brien",
        "$(reboot)",
        "`id`",
        "a b",
        "x;y",
        'q"q',
        "a&&b",
        "=cmd|'/c calc'!A0",
    ],
)
def test_a_command_holds_the_name_and_nothing_of_it_runs(name: str) -> None:
    """Given a user whose name would be more than a name to a shell, when commands are printed, it is one word."""
    found = incident(user(name))
    facts = {user(name): here(name, keys=())}
    by_hand = commands(mail(compose(story(found, planned(found, facts)))))
    assert [command for command in by_hand if f"--user-name={name}" in command]
    planned_only = story(found, planned(found, facts, observe_all=True))
    assert [json.loads(command[-1])["user_name"] for command in commands(mail(compose(planned_only)))] == [name]
    (item,) = assign(planned(found, facts).items, {}, CASE)
    undo, told_so = commands(mail(compose(story(found, planned(found, facts), changes={item.id: change(item)}))))
    assert undo == ["aws", "iam", "detach-user-policy", f"--user-name={name}", "--policy-arn", DENY_ALL]
    assert json.loads(told_so[-1]) == {"incident_id": CASE, "answer": "released"}


HOSTILE = [
    "<img src=x onerror=1>",
    "$(reboot)",
    "`reboot`",
    "two\nlines",
    "WHAT WAS DONE\n  - everything is fine",
    "\r\nSubject: another",
    "[click](https://evil.example)",
    "<https://evil.example|click>",
    "<!channel> <@U12345>",
    "=cmd|'/c calc'!A0",
    "admin\u202egnp.exe",
    "a\u2066b\u2069\u200bc\ufeff",
    "\x1b[2Jcleared",
    "\x00null",
    "*bold* _it_ ~no~ ||spoiler||",
    "\ud800",
    "x" * 100_000,
    "é" * 5_000,
]


def hostile_stories(hostile: str) -> list[Story]:
    """Tell stories in which everything that comes from outside is hostile, but for names that IAM would not take."""
    odd = hostile.encode("utf-8", "replace").decode()  # an item's id is a hash of its target's name
    targets = (session(odd, odd), user(), federated(hostile), role(odd), key(SESSION_KEY, ""))
    found = incident(*targets, title=hostile, at=hostile, context=((hostile, hostile),), notes=(hostile,))
    found = replace(found, signal=replace(found.signal, region=hostile, type=hostile))
    answer = planned(found, {user(): here(keys=())}, playbook=PLAYBOOKS[0])
    items = assign(answer.items, {}, CASE)
    known = [item for item in items if item.target.name == USER]
    assert known
    assert len(items) > len(known)
    gone = {item.id: failed(item, "TargetGone") for item in items if item not in known}
    said: dict[str, Any] = {"why_mode": hostile, "next_steps": ("Look.",)}
    return [
        story(found, answer, changes=gone | {item.id: failed(item, "NotPermitted", hostile) for item in known}, **said),
        story(found, answer, changes=gone | {item.id: change(item) for item in known}, **said),
        *(
            story(
                found,
                replace(answer, items=tuple(replace(item, mode=Mode.APPROVE, why=hostile) for item in answer.items)),
                changes=gone,
                ask=ask,
                decision=decision,
                **said,
            )
            for ask, decision in (
                (ASK, None),
                (None, decided("reject", hostile)),
                (None, decided("expire")),
                (None, None),
            )
        ),
    ]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_untrusted_text_stays_text_wherever_it_is_told(hostile: str) -> None:
    """Given a hostile title, name, place, reason or type, when people are told, it is inert, flat and bounded."""
    for made in hostile_stories(hostile):
        alert = compose(made)
        alert.message.encode()
        assert len(alert.subject) <= 100
        assert alert.subject.isascii()
        assert alert.subject.isprintable()
        assert len(sms(alert)) <= 300
        for text in (mail(alert), sms(alert), json.dumps(data(alert), ensure_ascii=False)):
            assert len(text) < 30_000
            assert not set("\x00\x1b\r\u202e\u2066\u2069\u200b\ufeff\ud800") & set(text)
            assert "://evil" not in text
        made_any = any(result is DONE for result, _ in made.results.values())
        assert sections(mail(alert)).count("WHAT WAS DONE") == made_any
        description = data(alert)["content"]["description"]
        for before, after in pairwise(f" {description}"):
            assert after not in "[]()<>`~|@#" or before == "\\", description


@pytest.mark.parametrize("hostile", HOSTILE)
def test_untrusted_text_in_a_notice_stays_text(hostile: str) -> None:
    """Given a hostile sentence in a notice, when people are told, it is inert, flat and bounded."""
    alert = notice(told_of(sentences=(hostile, hostile)))
    alert.message.encode()
    assert len(alert.subject) <= 100
    assert alert.subject.isascii()
    assert alert.subject.isprintable()
    assert len(sms(alert)) <= 300
    for text in (mail(alert), sms(alert), json.dumps(data(alert), ensure_ascii=False), str(alert.attributes)):
        assert len(text) < 30_000
        assert not set("\x00\x1b\r\u202e\u2066\u2069\u200b\ufeff\ud800") & set(text)
        assert "://evil" not in text
    assert sections(mail(alert)).count("WHAT WAS DONE") == 0


def test_a_key_id_in_an_undo_line_never_comes_out() -> None:
    """Given an action that put a whole key id into its undo, when people are told, they are sent to the console."""
    alert = compose(replace(told(DONE, DONE), undo=lambda _: (f"aws iam update-access-key --access-key-id {KEY}",)))
    assert "undo it in the IAM console" in mail(alert)
    assert KEY not in alert.message
    assert "--access-key-id" not in alert.message, "a line that was cut does not work when pasted"


def test_a_hidden_key_id_never_comes_out() -> None:
    """Given a whole key id or a secret in every field that comes from outside, when told, none shows it whole."""
    secret = "q7Rk2mZ0vXy9Lb4Nf6Tj1HsWc8Dg3PaEo5Ui+K/x"
    for hidden in (KEY, SESSION_KEY, secret):
        text = f"seen: {hidden} there"
        found = incident(
            key(KEY, text),
            Target(kind=Kind.ROLE_SESSION, id=f"{text}:x", name=text, account=ACCOUNT),
            Target(kind=Kind.OTHER, id=text, account=ACCOUNT),
            user(text, text),
            title=text,
            context=((text, text),),
            notes=(text,),
            at=text,
        )
        found = replace(found, signal=replace(found.signal, type=text, region=text, account=text))
        answer = planned(found, {key(KEY, text): Fact(standing=Standing.UNKNOWN)})
        items = assign(answer.items, {}, CASE)
        changes = {item.id: failed(item, text, text) for item in items}
        for made in (
            story(found, answer, changes=changes, why_mode=text),
            story(found, replace(answer, mode=Mode.OBSERVE, why_mode=text), not_done=(text,)),
        ):
            alert = compose(made)
            for form in (mail(alert), sms(alert), json.dumps(data(alert)), alert.subject, alert.message):
                assert hidden not in form


@pytest.mark.parametrize("name", ["a" * 64, USER])
def test_an_alert_about_forty_users_is_one_that_sns_takes(name: str) -> None:
    """Given forty users with two keys each and the longest names, when people are told, it is under 256 KB."""
    users = [user(f"{number:02}{name}"[:64]) for number in range(40)]
    facts = {
        target: here(
            target.name,
            user_id=f"AIDA2TESTUSER{number:07}",
            keys=(f"AKIA2TESTFIRST{number:06}", f"AKIA2TESTOTHER{number:06}"),
        )
        for number, target in enumerate(users)
    }
    found = incident(*users)
    for answer in (planned(found, facts), planned(found, facts, observe_all=True)):
        for result in (DONE, FAILED):
            results = () if answer.mode is Mode.OBSERVE else (result,) * len(answer.items)
            alert = compose(story(found, answer, results=results))
            assert len(answer.items) == 120
            assert len(alert.message.encode()) + len(json.dumps(dict(alert.attributes))) < 262_144


def test_the_same_is_not_told_twice_and_something_new_is() -> None:
    """Given stories, when what they tell is compared, done and already are one, and any other change is new."""
    known = tellings(told(DONE, DONE))
    assert tellings(told(ALREADY, DONE)) == known
    assert tellings(replace(told(DONE, DONE), at="2027-01-01T00:00:00Z", incident_id="inc-other")) == known
    for made in (told(DONE, FAILED), told(FAILED, FAILED), observed(), told()):
        assert tellings(made) - known
    made = told(DONE, FAILED)
    deny = made.items[1].id
    assert tellings(replace(made, results={**made.results, deny: (FAILED, "QuotaFull")})) - tellings(made)


def test_each_thing_that_was_not_done_is_told_once() -> None:
    """Given what was told of a case, when a later signal leaves one more thing undone, only that is new."""
    first = told(DONE, DONE, not_done=("one",))
    second = told(DONE, DONE, not_done=("one", "two"))
    assert len(tellings(second) - tellings(first)) == 1
    assert not tellings(first) - set(told_after(tellings(second), first))


def test_of_how_the_items_stand_only_the_latest_is_remembered() -> None:
    """Given a case that failed, was contained and fails again, when people would be told, the second failure is new."""
    told_of = told_after([], told(FAILED, FAILED, not_done=("note",)))
    told_of = told_after(told_of, told(DONE, DONE))
    assert tellings(told(FAILED, FAILED)) - set(told_of)
    assert not tellings(told(DONE, DONE, not_done=("note",))) - set(told_of)
    assert told_of == sorted(told_of)


def test_a_signal_without_items_does_not_make_the_standing_forgotten() -> None:
    """Given a contained case, when a signal with nothing to do joins it, how the case stands is still told."""
    told_of = told_after([], told(DONE, DONE))
    empty = incident(user("nobody"))
    joined = story(empty, planned(empty, {user("nobody"): Fact(standing=Standing.GONE)}))
    assert not tellings(told(DONE, DONE)) - set(told_after(told_of, joined))


def test_what_a_rename_left_to_be_told_is_told() -> None:
    """Given a plan with notes, when people are told, each note is in the mail and in the JSON."""
    found = incident(key(name="old-name"))
    made = story(found, planned(found, {key(name="old-name"): here("new-name")}), results=(DONE, DONE))
    assert "it is of new-name" in " ".join(mail(compose(made)).split())
    assert any("it is of new-name" in note for note in data(compose(made))["not_done"])


def test_changes_of_another_case_are_not_told() -> None:
    """Given a change that is not of this case's items, when people are told, nothing of it is in the alert."""
    made = told(DONE, DONE)
    foreign = Change(
        item_id="f" * 16, incident_id="inc-other", action="disable_key", target=key(OTHER_KEY, "someone"), result=DONE
    )
    alert = compose(replace(made, changes={**made.changes, foreign.item_id: foreign}))
    assert "someone" not in alert.message


def test_a_question_says_what_why_until_when_and_how_to_answer() -> None:
    """Given changes that need a yes, when people are told, one section holds them, both commands and the deadline."""
    alert = compose(suspected())
    text = mail(alert)
    assert text.startswith("PENDING: AWS suspects a key of yours. ")
    assert sections(text) == ["WAITING FOR YOUR ANSWER", "WHAT TO DO NEXT", "THE CASE"]
    waiting = text.split("WAITING FOR YOUR ANSWER")[1].split("WHAT TO DO NEXT")[0]
    flat = " ".join(waiting.split())
    for said in (
        "Disable access key …0001 of user ci-user",
        "Deny everything to user ci-user",
        "because the playbook suspected_key says so",
        "Answer until 2026-11-20 04:09 UTC; if nobody does, nothing of this is changed.",
    ):
        assert said in flat
    yes, no = commands(waiting)
    for words, answer in ((yes, "approve"), (no, "reject")):
        assert words[:-1] == [
            *("aws", "stepfunctions", "start-execution", "--region", "us-east-1"),
            *("--state-machine-arn", RESPOND, "--input"),
        ]
        assert json.loads(words[-1]) == {"incident_id": CASE, "question": ASK["id"], "answer": answer}
    assert "waits for your answer" not in text.split("WHAT TO DO NEXT")[1], "said twice"


def test_what_happens_when_nobody_answers_is_told() -> None:
    """Given the setting that makes the changes then, when people are asked, they read so in the mail and the JSON."""
    alert = compose(suspected({**ASK, "then": "contain"}))
    assert "if nobody does, the changes are made." in " ".join(mail(alert).split())
    assert any("if nobody does, the changes are made." in step for step in data(alert)["next_steps"])


def test_what_only_a_yes_makes_is_not_said_to_be_made_in_silence() -> None:
    """Given the setting that makes the changes then, when some or all need a yes, people read which are made."""
    then = {**ASK, "then": "contain"}
    all_need = mail(compose(of_session(DONE, ask=then)))
    assert "if nobody does, nothing of this is changed." in " ".join(all_need.split())
    found = incident(session(), source="aws.guardduty", type_="UnauthorizedAccess:IAMUser/TorIPCaller")
    answer = planned(found, {session(): of_role()}, modes={"stolen_credentials": ((0.0, Mode.APPROVE),)})
    mixed = replace(answer, items=(answer.items[0], replace(answer.items[1], needs_yes=True)))
    text = " ".join(mail(compose(story(found, mixed, ask=then))).split())
    assert "if nobody does, the changes that the playbook's mode asks about are made." in text


def test_a_question_is_a_plan_to_machines_and_the_first_steps_answer_it() -> None:
    """Given changes that wait, when machines are told, they read the contract's "planned", and how to answer first."""
    form = data(compose(suspected()))
    assert (form["outcome"], form["mode"]) == ("PENDING", "approve")
    assert [action["result"] for action in form["actions"]] == ["planned", "planned"]
    assert all("waits for your answer, because the playbook suspected_key says so" in one for one in form["not_done"])
    answers = [json.loads(shlex.split(step.split("\n")[1])[-1])["answer"] for step in form["next_steps"][:2]]
    assert answers == ["approve", "reject"]
    assert form["undo"] == ""


def test_an_alert_holds_no_token() -> None:
    """Given a question with a task token in it by mistake, when people are told, no form shows it."""
    token = "AQDgAAAAKgAAAAMAAAAAAAAAA" + "x1Y" * 200
    alert = compose(suspected({**ASK, "token": token}))
    for form in (alert.subject, alert.message, str(alert.attributes)):
        assert token not in form
        assert "x1Yx1Y" not in form


@pytest.mark.parametrize(
    ("answer", "reason", "outcome", "says"),
    [
        ("reject", "our scanner", "REJECTED", ["a person turned it down at", "2026-11-20", "(our scanner)"]),
        ("reject", "", "REJECTED", ["a person turned it down at", "2026-11-20"]),
        ("expire", "", "EXPIRED", ["nobody answered the question of", "2026-11-20"]),
    ],
)
def test_a_question_that_was_turned_down_is_told(answer: str, reason: str, outcome: str, says: list[str]) -> None:
    """Given a no, or none who answered, when people are told, each change says why it was not made, and how to."""
    alert = compose(suspected(None, decision=decided(answer, reason)))
    assert mail(alert).startswith(f"{outcome}: ")
    assert "WAITING FOR YOUR ANSWER" not in mail(alert)
    assert "()" not in mail(alert)
    first, second = data(alert)["not_done"]
    assert first.startswith("Disable access key …0001 of user ci-user: not done, because ")
    assert second.startswith("Deny everything to user ci-user: not done, because ")
    for said in says:
        assert said in first
        assert said in second
    assert [action["result"] for action in data(alert)["actions"]] == ["planned", "planned"]
    ((*_, request),) = commands(mail(alert))
    assert json.loads(request) == {"user_name": USER, "mode": "contain", "reason": CASE}


@pytest.mark.parametrize(
    ("answer", "says"), [("approve", "A person approved"), ("contain", "Nobody answered in time, and the setting")]
)
def test_a_yes_is_told_with_what_was_done(answer: str, says: str) -> None:
    """Given a yes, when the changes are made, people read who said so and what was done, and how to undo it."""
    text = mail(compose(suspected(None, decision=decided(answer), results=(DONE, DONE))))
    assert text.startswith("CONTAINED: AWS suspects a key of yours. ")
    assert says in text.split("\n")[0]
    assert sections(text) == ["WHAT WAS DONE", "WHAT WAS NOT DONE", "WHAT TO DO NEXT", "HOW TO UNDO IT", "THE CASE"]


def test_what_was_cut_and_what_waits_are_told_apart() -> None:
    """Given a session that was denied and sessions to ask about, when people are told, nothing waiting sounds done."""
    alert = compose(of_session(DONE, ask=ASK))
    text = mail(alert)
    first = text.split("\n")[0]
    assert first.startswith("PENDING: ")
    assert "Done: denied everything to session attacker of role deploy." in first
    assert "evoke" not in first
    assert sections(text)[:2] == ["WHAT WAS DONE", "WAITING FOR YOUR ANSWER"]
    waiting = " ".join(text.split("WAITING FOR YOUR ANSWER")[1].split("WHAT WAS NOT DONE")[0].split())
    assert "Revoke every session of role deploy that began until now" in waiting
    assert "session attacker" not in waiting
    assert [action["result"] for action in data(alert)["actions"]] == ["done", "planned"]


@pytest.mark.parametrize(
    ("outcome", "says"),
    [(Outcome.FAILED, "Nothing was contained; act by hand now."), (Outcome.PARTIAL, "Only a part of it worked.")],
)
def test_an_open_question_does_not_hide_that_something_failed(outcome: Outcome, says: str) -> None:
    """Given a cut that failed beside a question, when people are told, the first line says both."""
    first = mail(compose(of_session(FAILED, ask=ASK, outcome=outcome))).split("\n")[0]
    assert first.startswith(f"{outcome}: ")
    assert says in first
    assert "waits" in first


def test_a_role_is_told_by_its_name_and_a_session_by_both() -> None:
    """Given a session of a role that one user has, when people are told, they read which was cut off and how."""
    text = " ".join(mail(compose(of_session(DONE, DONE, fact=of_role(shared=False)))).split())
    assert "Denied everything to session attacker of role deploy; read back: the role has the inline policy" in text
    assert "Denied everything to role deploy; read back: the policy AWSDenyAll is attached." in text


@pytest.mark.parametrize("fact", [of_role(), of_role(shared=False), of_role(names_chosen=False)])
@pytest.mark.parametrize("observe_all", [True, False])
def test_what_was_only_planned_of_a_role_can_be_done_by_hand(fact: Fact, observe_all: bool) -> None:  # noqa: FBT001 - both settings
    """Given a plan about a session, when people are told, each item has a step that makes it and no more."""
    found = incident(session())
    settings: dict[str, Any] = (
        {"observe_all": True} if observe_all else {"modes": {"exposed_key": ((0.0, Mode.OBSERVE),)}}
    )
    made = story(found, planned(found, {session(): fact}, **settings), observe_all=observe_all)
    given = commands(mail(compose(made)))
    assert len(given) == len(made.items)
    for item, words in zip(made.items, sorted(given, key=lambda words: words[1] == "stepfunctions"), strict=True):
        if item.action == "revoke_sessions":
            assert words[:4] == ["aws", "iam", "put-role-policy", f"--role-name={ROLE}"]
            assert f"--policy-name=Tourniquet-{CASE}-{item.id}" in words
        elif observe_all:
            assert words == ["aws", "iam", "attach-role-policy", f"--role-name={ROLE}", "--policy-arn", DENY_ALL]
        else:
            assert json.loads(words[-1]) == {"role_name": ROLE, "mode": "contain", "reason": CASE}


def test_a_deny_of_a_session_that_failed_can_be_done_by_hand() -> None:
    """Given a session whose deny was not permitted, when people are told, the line denies that session and no other."""
    ((*_, document),) = commands(mail(compose(of_session(FAILED, ask=ASK))))[2:]
    assert json.loads(document)["Statement"][0]["Condition"] == {"StringEquals": {"aws:userid": f"{ROLE_ID}:attacker"}}


def test_where_a_role_has_no_room_no_line_is_offered_that_needs_room() -> None:
    """Given a role whose inline policies are full, when people are told, what is offered can work: the whole role."""
    made = of_session(FAILED, ask=ASK)
    revoke = made.items[0]
    ended = replace(
        made,
        changes={revoke.id: failed(revoke, "QuotaFull", "PutRolePolicy: LimitExceeded")},
        results={**made.results, revoke.id: (FAILED, "QuotaFull")},
    )
    given = commands(mail(compose(ended)))
    requests = [json.loads(words[-1]) for words in given if words[1] == "stepfunctions"]
    assert [request for request in requests if "answer" not in request] == [
        {"role_name": ROLE, "mode": "contain", "reason": CASE}
    ]
    assert not [words for words in given if words[2] == "put-role-policy"], "it would be refused for the same reason"


def test_the_undo_of_revoked_sessions_says_what_it_gives_back() -> None:
    """Given only revoked sessions, when people are told how to undo it, no key and no user is spoken of."""
    alert = compose(of_session(DONE, DONE))
    undo = mail(alert).split("HOW TO UNDO IT")[1].split("THE CASE")[0]
    assert "sessions that were stolen work again" in undo
    assert "leaked key" not in undo
    assert "gives the user back" not in undo
    policies = [f"--policy-name=Tourniquet-{CASE}-{item.id}" for item in of_session(DONE, DONE).items]
    *lines, told_so = commands(undo)
    assert lines == [["aws", "iam", "delete-role-policy", f"--role-name={ROLE}", one] for one in policies]
    assert json.loads(told_so[-1]) == {"incident_id": CASE, "answer": "released"}
    assert data(alert)["undo"] == " && ".join(shlex.join(words) for words in commands(undo))


def test_the_undo_of_a_denied_role_gives_the_role_back_first() -> None:
    """Given a denied role and a denied session, when people are told how to undo it, both lines are there, in order."""
    undo = mail(compose(of_session(DONE, DONE, fact=of_role(shared=False)))).split("HOW TO UNDO IT")[1]
    assert [words[2] for words in commands(undo)] == ["detach-role-policy", "delete-role-policy", "start-execution"]


@pytest.mark.parametrize("name", ["-rf", "--role-name=x", "a=b,c.d@e+f_g", "=cmd", "A" * 64])
def test_a_command_about_a_role_holds_its_name_as_one_word(name: str) -> None:
    """Given a name that IAM takes and a shell could misread, when commands are printed, it is one word."""
    found = incident(session(name, name))
    fact = of_role(arn=f"arn:aws:iam::{ACCOUNT}:role/{name}")
    for results in ((FAILED, FAILED), (DONE, DONE)):
        for words in commands(
            mail(compose(story(found, planned(found, {session(name, name): fact}), results=results)))
        ):
            if words[1] == "iam":
                assert f"--role-name={name}" in words


def told_of(**fields: Any) -> Notice:
    """Give a notice: an answer that came too late, unless said otherwise."""
    given: dict[str, Any] = {
        "incident_id": CASE,
        "outcome": Outcome.REFUSED,
        "what": f"an answer to case {CASE} was refused.",
        "sentences": ("The answer came too late.", "Nothing was changed by it."),
        "steps": (),
        "source": "manual",
        "type": "answer",
        "execution": EXECUTION,
        "at": AT,
    }
    return Notice(**given | fields)


@pytest.mark.parametrize("steps", [(), ("Look at the case.", "Answer it.")])
def test_a_notice_says_what_happened_and_what_to_do(steps: tuple[str, ...]) -> None:
    """Given something to tell that is no signal's story, people read what, why, what to do, and where it ran."""
    alert = notice(told_of(steps=steps))
    text = mail(alert)
    assert text.startswith(f"REFUSED: an answer to case {CASE} was refused.\n")
    assert sections(text) == ["WHAT HAPPENED", *(["WHAT TO DO NEXT"] if steps else []), "THE CASE"]
    for said in ("The answer came too late.", "Nothing was changed by it.", *steps, ACCOUNT, "us-east-1", EXECUTION):
        assert said in text
    assert sms(alert).startswith(f"REFUSED: an answer to case {CASE} was refused. The answer came too late.")
    assert alert.subject.startswith("[Tourniquet] REFUSED: an answer to case ")


def test_a_notice_is_of_the_contracts_form() -> None:
    """Given a notice, when machines are told, every field of the contract is there, of its type, and no other."""
    alert = notice(told_of(steps=("Look.",)))
    form = data(alert)
    assert {name: type(value) for name, value in form.items()} == CONTRACT
    assert (form["outcome"], form["incident_id"], form["account"], form["region"]) == (
        "REFUSED",
        CASE,
        ACCOUNT,
        "us-east-1",
    )
    assert (form["targets"], form["actions"], form["undo"], form["next_steps"]) == ([], [], "", ["Look."])
    assert form["mode"] in {*Mode, "unknown"}
    assert all(attribute["StringValue"] for attribute in alert.attributes.values())
    assert set(alert.attributes) == {"outcome", "severity", "source", "account"}


def test_a_notice_about_no_case_says_so() -> None:
    """Given an answer that names no case, when people are told, the mail says that there is none."""
    assert re.search(r"^  Case +none$", mail(notice(told_of(incident_id=""))), re.MULTILINE)


def test_a_notice_never_gives_a_key_or_a_token_away() -> None:
    """Given a notice with a whole key id and a token in its sentences, when people are told, no form shows them."""
    token = "IQoJb3JpZ2luX2Vj" + "A1b2C3" * 20
    hidden = f"{KEY} {token}"
    alert = notice(told_of(sentences=(hidden, hidden), steps=(hidden,)))
    for form in (alert.subject, alert.message):
        assert KEY not in form
        assert token not in form


@pytest.mark.parametrize("answer", ["reject", "expire", "approve"])
def test_a_decision_is_told_once(answer: str) -> None:
    """Given how a question ended, when the same would be told again, there is nothing new in it."""
    results = (DONE, DONE) if answer == "approve" else ()
    made = suspected(None, decision=decided(answer), results=results)
    assert tellings(made) - tellings(suspected()), "how it ended is news after the question"
    assert not tellings(made) - set(told_after(tellings(suspected()), made))


def test_a_question_is_told_once_and_again_after_it_ended() -> None:
    """Given a question that was told and turned down, when people are asked anew, that is news; a repeat is not."""
    told_once = told_after([], suspected())
    assert not tellings(suspected()) - set(told_once)
    turned_down = told_after(told_once, suspected(None, decision=decided("reject")))
    assert tellings(suspected()) - set(turned_down)


@pytest.mark.parametrize("results", [(), (DONE,), (FAILED,), (ALREADY, FAILED)])
@pytest.mark.parametrize("decision", [None, *(decided(one) for one in ("approve", "reject", "expire", "contain"))])
@pytest.mark.parametrize("ask", [None, ASK])
def test_every_standing_of_a_question_can_be_told(
    results: tuple[Result, ...], decision: dict[str, str] | None, ask: dict[str, str] | None
) -> None:
    """Given any mixture of made, failed, asked and decided, when people are told, each item is in the mail."""
    made = of_session(*results, ask=ask, decision=decision)
    text = " ".join(mail(compose(made)).split())
    assert "session attacker of role deploy" in text
    assert "every session of role deploy that began until now" in text
    assert len(data(compose(made))["actions"]) == 2
    assert {action["result"] for action in data(compose(made))["actions"]} <= {
        *("done", "already", "planned", "failed", "skipped", "refused")
    }


# Instances

STOP: dict[str, Any] = {"extras": {"compromised_instance": ("stop_instance",)}}
ON_INSTANCE = [action for action in ISOLATE if action != "revoke_sessions"]
OTHER_INSTANCE = "i-0fedcba9876543210"


def cut(*results: Result, fact: Fact | None = None, ask: dict[str, str] | None = None, **settings: Any) -> Story:
    """Tell the story of an instance that talks to an attacker; without results all that acts was done."""
    found = incident(
        instance(), source="aws.guardduty", type_="Backdoor:EC2/C&CActivity.B", title="It calls its master"
    )
    answer = planned(found, {instance(): fact or of_instance(group="web")}, **settings)
    acting = [] if ask or not all(acts(item) for item in answer.items) else [DONE] * len(answer.items)
    return story(
        found, answer, results=results or tuple(acting), ask=ask, observe_all=settings.get("observe_all", False)
    )


def ended(action: str, result: Result, *, others: Result = DONE, **settings: Any) -> Story:
    """Tell the story of an instance of which one action ended differently from all others."""
    made = cut(**settings)
    assert action in [item.action for item in made.items]
    return cut(*(result if item.action == action else others for item in made.items), **settings)


def flat(text: str) -> str:
    """Unfold what was folded for a mail client."""
    return " ".join(text.split())


def test_the_first_line_about_an_instance_names_the_isolation_first() -> None:
    """Given an instance that was cut off, when people are told, the isolation is what they read first."""
    for alert in (compose(cut()), compose(cut(**STOP))):
        first = mail(alert).split("\n")[0]
        assert first.startswith(
            f"CONTAINED: It calls its master. Done: isolated instance {INSTANCE}; denied everything"
        )
        assert f"isolated instance {INSTANCE}" in sms(alert)
    assert alert.subject.startswith(f"[Tourniquet] CONTAINED: instance {INSTANCE}, account {ACCOUNT}")
    assert f"stopped instance {INSTANCE}" in first
    assert first.endswith("; and 5 more.")


@pytest.mark.parametrize("action", [*ON_INSTANCE, "revoke_sessions"])
def test_what_was_not_needed_is_not_in_the_first_line(action: str) -> None:
    """Given a part that was so already, the first line tells it only of the cut itself; the mail tells it always."""
    made = ended(action, ALREADY)
    text = mail(compose(made))
    first, rest = text.split("\n", 1)
    (item,) = [item for item in made.items if item.action == action]
    words = wording.phrase(item)
    said = f"{words.done} {words.object}"
    assert (f"{said} (was so already)" in first) is (action in {"isolate_instance", "revoke_sessions"})
    assert (said in first) is (action in {"isolate_instance", "revoke_sessions"})
    assert f"{said.capitalize()[0]}{said[1:]}: {wording.already(item)}." in flat(rest)


@pytest.mark.parametrize("result", [DONE, ALREADY, FAILED])
@pytest.mark.parametrize("others", [DONE, FAILED])
def test_what_an_isolation_does_not_cut_is_told_where_there_is_one(result: Result, others: Result) -> None:
    """Given an instance, when people are told, what goes on is told exactly where its interfaces are isolated."""
    alert = compose(ended("isolate_instance", result, others=others))
    assert (wording.SURVIVES in data(alert)["not_done"]) is (result is not FAILED)
    assert (wording.SURVIVES in flat(mail(alert))) is (result is not FAILED)


@pytest.mark.parametrize(
    "made",
    [
        cut(observe_all=True),
        cut(ask=ASK, modes={"compromised_instance": ((0.0, Mode.APPROVE),)}),
        cut(instances=frozenset({INSTANCE})),
        told(DONE, DONE),
    ],
)
def test_without_an_isolation_nothing_is_told_of_its_limits(made: Story) -> None:
    """Given no isolation, as it was only planned, asked about, refused or never wanted, its limits are not told."""
    assert wording.SURVIVES not in data(compose(made))["not_done"]
    assert "NAT gateway" not in mail(compose(made))


def test_where_no_credentials_were_cut_nothing_is_told_of_them() -> None:
    """Given an instance without a profile, when people are told, they read nothing of credentials or IAM's delay."""
    text = flat(mail(compose(cut(fact=of_instance(profile="")))))
    assert "Nobody has looked yet" not in text
    assert "Nobody has looked yet" in flat(mail(compose(cut())))


@pytest.mark.parametrize(
    "playbook", [one for one in PLAYBOOKS if "isolate_instance" in one.actions], ids=lambda p: p.name
)
def test_about_an_instance_no_advice_is_given_about_leaked_keys(playbook: Any) -> None:  # noqa: ANN401 - a playbook
    """Given only an instance, when people are told what to do, it is about instances; a user brings the rest."""
    found = incident(instance())
    answer = planned(
        found, {instance(): of_instance()}, playbook=playbook, modes={playbook.name: ((0.0, Mode.CONTAIN),)}
    )
    made = story(found, answer, results=(DONE,) * len(answer.items), next_steps=playbook.steps({Kind.INSTANCE}))
    text = flat(mail(compose(made)))
    assert "Capture the memory" in text
    for advice in ("key leaked", "leaked key", "leaked one", "root user", "attach AWSDenyAll"):
        assert advice not in text
    both = flat(" ".join(playbook.steps({Kind.INSTANCE, Kind.USER})))
    assert "Capture the memory" in both
    assert set(playbook.steps({Kind.INSTANCE})) < set(playbook.steps({Kind.INSTANCE, Kind.USER})) or not (
        playbook.after_principals
    )


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE])
@pytest.mark.parametrize("fact", [of_instance(group="web"), of_instance(profile=""), of_instance(alone=True)])
def test_one_request_has_all_of_an_instance_made(mode: Mode, fact: Fact) -> None:
    """Given an instance that was only planned for, one command makes all of it, in its region, and is read as such."""
    alert = compose(cut(fact=fact, modes={"compromised_instance": ((0.0, mode),)}))
    ((*start, request),) = commands(mail(alert))
    assert start[:3] == ["aws", "stepfunctions", "start-execution"]
    assert json.loads(request) == {"instance_id": INSTANCE, "region": REGION, "mode": "contain", "reason": CASE}
    assert len([step for step in data(alert)["next_steps"] if "\n" in step]) == 1
    again = incident_from(json.loads(request))
    assert [(target.id, target.region) for target in again.targets] == [(INSTANCE, REGION)]
    assert {item.action for item in cut(fact=fact).items} <= {
        item.action for item in planned(again, {again.targets[0]: fact}).items
    }, "the request makes less than was planned"


def test_each_of_two_instances_has_a_request_of_its_own() -> None:
    """Given two instances that were only planned for, when people are told, each has its command and no other."""
    found = incident(instance(), instance(OTHER_INSTANCE), source="aws.guardduty", type_="Backdoor:EC2/Spambot")
    facts = {target: of_instance() for target in found.targets}
    answer = planned(found, facts, modes={"compromised_instance": ((0.0, Mode.OBSERVE),)})
    requests = [json.loads(words[-1]) for words in commands(mail(compose(story(found, answer))))]
    assert [request["instance_id"] for request in requests] == [INSTANCE, OTHER_INSTANCE]


def test_an_instance_of_no_known_region_is_told_by_hand() -> None:
    """Given an instance whose region nobody knows, no request is offered that the workflow cannot read."""
    target = instance(region="")
    found = incident(target, source="aws.guardduty", type_="Backdoor:EC2/Spambot")
    answer = planned(found, {}, modes={"compromised_instance": ((0.0, Mode.OBSERVE),)})
    assert answer.items
    text = mail(compose(story(found, answer)))
    assert "start-execution" not in text
    assert "modify-instance-metadata-options --instance-id" in text


def test_where_the_workflow_would_only_observe_each_part_has_its_line() -> None:
    """Given the setting that only observes, when people are told, each part has the step that makes it by hand."""
    made = cut(observe_all=True)
    alert = compose(made)
    assert "start-execution" not in mail(alert)
    for item in made.items:
        found = wording.by_hand(item, DENY_ALL, "")
        assert found
        assert any(step.startswith(found[0].removesuffix(":")) for step in data(alert)["next_steps"])
        assert found[1] in mail(alert)
    assert "from load balancers by hand, in the console." in flat(mail(alert))


@pytest.mark.parametrize("action", [*ON_INSTANCE, "revoke_sessions", "stop_instance"])
def test_a_part_that_failed_is_named_with_its_line(action: str) -> None:
    """Given one part that failed, when people are told, it is named with its error, and how to make it by hand."""
    made = ended(action, FAILED, **STOP)
    alert = compose(made)
    (item,) = [item for item in made.items if item.action == action]
    words = wording.phrase(item)
    to_do = f"{words.to_do[0].upper()}{words.to_do[1:]} {words.object}"
    named = f"{words.to_do} {words.object}"
    assert mail(alert).startswith(f"PARTIAL: It calls its master. Only a part of it worked. FAILED: {named}. Done: ")
    assert f"{words.done} {words.object}" not in mail(alert).split("\n")[0]
    assert f"{to_do}: FAILED (NotPermitted)." in data(alert)["not_done"]
    assert f"{to_do}: FAILED (NotPermitted)." in flat(mail(alert))
    found = wording.by_hand(item, DENY_ALL, "NotPermitted")
    assert found
    assert data(alert)["next_steps"][0].startswith(f"{to_do} by hand")
    assert found[1] in mail(alert)
    assert [entry["action"] for entry in data(alert)["actions"] if entry["result"] == "failed"] == [action]


def test_the_undo_of_an_instance_is_in_the_order_of_undoing() -> None:
    """Given all that can be done to an instance, its undo gives the profile first and the protection up last."""
    alert = compose(cut(**STOP))
    undo = mail(alert).split("HOW TO UNDO IT")[1].split("THE CASE")[0]
    lines = commands(undo)
    assert [f"{words[1]} {words[2]}" for words in lines] == [
        "iam delete-role-policy",
        "ec2 associate-iam-instance-profile",
        "ec2 modify-instance-metadata-options",
        "ec2 modify-network-interface-attribute",
        "ec2 start-instances",
        "elbv2 register-targets",
        "elb register-instances-with-load-balancer",
        "autoscaling attach-instances",
        "ec2 modify-instance-attribute",
        "ec2 modify-instance-attribute",
        "ec2 modify-instance-attribute",
        "stepfunctions start-execution",
    ]
    assert all(f"--region={REGION}" in words for words in lines[1:-1])
    assert json.loads(lines[-1][-1]) == {"incident_id": CASE, "answer": "released"}
    assert data(alert)["undo"] == " && ".join(row.strip() for row in undo.splitlines() if row.lstrip()[:4] == "aws ")
    assert "leaked" not in undo


@pytest.mark.parametrize("result", [ALREADY, FAILED])
@pytest.mark.parametrize("action", ["isolate_instance", "take_profile", "protect_instance", "stop_instance"])
def test_only_what_was_changed_is_undone(action: str, result: Result) -> None:
    """Given a part that was so already or failed, when people are told how to undo it, it has no line."""
    (item,) = [item for item in cut(**STOP).items if item.action == action]
    lines = cut(**STOP).undo(change(item))
    text = mail(compose(ended(action, result, **STOP)))
    assert lines
    assert not any(line in text for line in lines)
    assert "HOW TO UNDO IT" in text


def test_an_undo_line_that_may_not_be_shown_is_not_passed_over() -> None:
    """Given a name that looks like a secret, its line is not shown, and the reader is told what is left to undo."""
    made = cut()
    (leave,) = [item for item in made.items if item.action == "leave_groups"]
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12"
    left = change(leave)
    odd = replace(left, before=left.before | {"group": secret})
    alert = compose(replace(made, changes={**made.changes, leave.id: odd}))
    undo = mail(alert).split("HOW TO UNDO IT")[1]
    assert "# undo it in the console (autoscaling attach-instances): a name in the command looks like a secret" in undo
    assert "attach-instances --region" not in undo
    assert "attach-instances" not in data(alert)["undo"]
    assert secret not in alert.message


@pytest.mark.parametrize(
    "made",
    [
        cut(),
        cut(**STOP),
        ended("isolate_instance", FAILED),
        cut(observe_all=True),
        cut(ask=ASK, modes={"compromised_instance": ((0.0, Mode.APPROVE),)}),
        cut(instances=frozenset({INSTANCE})),
    ],
)
def test_machines_are_told_of_an_instance_as_the_contract_says(made: Story) -> None:
    """Given any case of an instance, when machines are told, the fields are the contract's, each action with its id."""
    form = data(compose(made))
    assert {name: type(value) for name, value in form.items()} == CONTRACT
    assert form["targets"] == [{"kind": "instance", "id": INSTANCE, "name": ""}]
    assert [entry["action"] for entry in form["actions"]] == [item.action for item in made.items]
    assert {entry["target"] for entry in form["actions"]} == {INSTANCE, f"{ROLE_ID}:{INSTANCE}"}
    assert {entry["result"] for entry in form["actions"]} <= {"done", "failed", "planned", "refused"}
    assert form["content"]["title"].startswith(f"{form['outcome']}: ")
    assert CASE.replace("-", r"\-") in form["content"]["description"]


def test_a_protected_instance_is_told_as_refused() -> None:
    """Given a protected instance, when people are told, every part is refused, by which setting, and none offered."""
    alert = compose(cut(instances=frozenset({INSTANCE})))
    assert mail(alert).startswith("REFUSED: ")
    assert flat(mail(alert)).count('refused, because its instance is in the setting "protected_instances"') == 10
    assert commands(mail(alert)) == []


@pytest.mark.parametrize("result", [DONE, ALREADY])
def test_nothing_of_user_data_can_get_into_an_alert(result: Result) -> None:
    """Given states with more in them than was asked for, when people are told, no form shows any of it."""
    secret = "password=correct-horse"
    made = cut()
    more = {"user_data": secret, "UserData": {"Value": secret}, "console": [secret], "tags": {"Name": secret}}
    changes = {
        item_id: replace(one, before=one.before | more, after=one.after | more, result=result)
        for item_id, one in made.changes.items()
    }
    results = dict.fromkeys(made.results, (result, ""))
    alert = compose(replace(made, changes=changes, results=results))
    for form in (alert.subject, alert.message, str(alert.attributes)):
        assert "correct-horse" not in form
