"""Stories of the alert: what a person reads at 3 a.m., and what machines hold on to."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.alert import Alert, compose, tellings, told_after
from lambdas.model import Change, Fact, Kind, Mode, Outcome, Result, Standing, Target
from lambdas.guardrails import Guardrails
from lambdas.planning import assign, plan
from lambdas.playbooks import PLAYBOOKS, playbook_for
from lambdas.signals import incident_from
from tests.unit.cases import (
    ACCOUNT,
    AT,
    CASE,
    DENY_ALL,
    EXECUTION,
    KEY,
    OTHER_KEY,
    RESPOND,
    SESSION_KEY,
    USER,
    USER_ID,
    change,
    failed,
    here,
    incident,
    key,
    planned,
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


@pytest.mark.parametrize("made", [told(DONE, DONE), told(DONE, FAILED), observed(), told()])
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
    first, last = (row.split() for row in undo.splitlines() if row.lstrip().startswith("aws "))
    assert first[:3] == ["aws", "iam", "detach-user-policy"]
    assert last[:3] == ["aws", "iam", "update-access-key"]
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
    ((*start, request),) = commands(mail(compose(observed())))
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
    undo = commands(mail(compose(story(found, planned(found, facts), changes={item.id: change(item)}))))
    assert undo == [["aws", "iam", "detach-user-policy", f"--user-name={name}", "--policy-arn", DENY_ALL]]


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


@pytest.mark.parametrize("hostile", HOSTILE)
def test_untrusted_text_stays_text_wherever_it_is_told(hostile: str) -> None:
    """Given a hostile title, name, place, reason or type, when people are told, it is inert, flat and bounded."""
    session = Target(kind=Kind.ROLE_SESSION, id=hostile, name=hostile, account=ACCOUNT)
    found = incident(session, user(), title=hostile, at=hostile, context=((hostile, hostile),), notes=(hostile,))
    found = replace(found, signal=replace(found.signal, region=hostile, type=hostile))
    answer = planned(found, {user(): here(keys=())}, playbook=PLAYBOOKS[0])
    (item,) = assign(answer.items, {}, CASE)
    alert = compose(story(found, answer, changes={item.id: failed(item, "NotPermitted", hostile)}, why_mode=hostile))
    alert.message.encode()
    assert len(alert.subject) <= 100
    assert alert.subject.isascii()
    assert alert.subject.isprintable()
    assert len(sms(alert)) <= 300
    for text in (mail(alert), sms(alert), json.dumps(data(alert), ensure_ascii=False)):
        assert len(text) < 30_000
        assert not set("\x00\x1b\r\u202e\u2066\u2069\u200b\ufeff\ud800") & set(text)
        assert "://evil" not in text
    assert sections(mail(alert)).count("WHAT WAS DONE") == 0
    description = data(alert)["content"]["description"]
    for before, after in pairwise(f" {description}"):
        assert after not in "[]()<>`~|@#" or before == "\\", description


def test_a_key_id_in_an_undo_line_never_comes_out() -> None:
    """Given an action that forgot itself and put a whole key id into its undo, when people are told, it is cut."""
    alert = compose(replace(told(DONE, DONE), undo=lambda _: (f"aws iam update-access-key --access-key-id {KEY}",)))
    assert "--access-key-id …0001" in mail(alert)
    assert KEY not in alert.message


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
