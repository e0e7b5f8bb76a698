"""Stories of the respond workflow: the real ASL, the real handlers, an account in this process."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from lambdas import aws, errors, journal, meeting
from tests.flows.account import ACCOUNT, Account

if TYPE_CHECKING:
    from collections.abc import Callable

DENY = "arn:aws:iam::aws:policy/AWSDenyAll"


def exposed(*entities: str, **details: Any) -> events.Event:
    """Give a Health event of this account."""
    return events.health(*entities, account=ACCOUNT, **details)


def actions_of(alert: dict[str, Any]) -> dict[str, str]:
    """Give action → result of an alert about one key of one user."""
    return {entry["action"]: entry["result"] for entry in alert["actions"]}


def test_an_exposed_key_is_disabled_and_its_user_denied(account: Account) -> None:
    """Given a user with a path and two keys, when Health reports one, it is inactive, the user denied, people told."""
    leaked, other = account.user("ci-user", path="/pipelines/", keys=2)
    (case,) = account.run(exposed(leaked, user="ci-user"))
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {leaked: "Inactive", other: "Active"}
    assert account.denied("ci-user")
    (alert,) = account.alerts()
    assert alert["outcome"] == "CONTAINED"
    assert actions_of(alert) == {"disable_key": "done", "deny_principal": "done"}
    assert leaked not in json.dumps(alert)
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"
    assert leaked in record["targets"]
    changes = account.records(case["incident_id"], "CHANGE#")
    assert {change["action"]: change["before"] for change in changes}["disable_key"]["status"] == "Active"


def test_several_keys_of_several_users_in_one_event_are_one_case(account: Account) -> None:
    """Given three keys of two users in one event, all are cut off in one case with one alert."""
    first, second = account.user("ann", keys=2)
    (third,) = account.user("bob")
    (case,) = account.run(exposed(first, second, third))
    assert case["outcome"] == "CONTAINED"
    assert set(account.status("ann").values()) | set(account.status("bob").values()) == {"Inactive"}
    assert account.denied("ann")
    assert account.denied("bob")
    assert len(account.alerts()) == len(account.cases()) == 1
    assert len(account.records(case["incident_id"], "CHANGE#")) == 5


def test_a_key_that_is_inactive_already_is_contained_all_the_same(account: Account) -> None:
    """Given a key that somebody disabled, its user is denied, and undo would leave the key as it was."""
    (leaked,) = account.user("ci-user")
    account.iam.update_access_key(UserName="ci-user", AccessKeyId=leaked, Status="Inactive")
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "already", "deny_principal": "done"}
    assert "update-access-key" not in alert["undo"]


def test_a_key_nobody_has_is_announced(account: Account) -> None:
    """Given a key and a user that do not exist, nothing is changed and people are told so."""
    account.user("somebody-else")
    (case,) = account.run(exposed("AKIAIOSFODNN7GHOST00", user="gone"))
    assert case["outcome"] == "ANNOUNCED"
    (alert,) = account.alerts()
    assert any("no such key" in sentence for sentence in alert["not_done"])
    assert not account.denied("somebody-else")


def test_a_key_that_was_deleted_already_leaves_the_decision_to_a_person(account: Account) -> None:
    """Given a leaked key that somebody deleted, denying its user is planned, and the alert's command does it."""
    account.user("ci-user")
    (case,) = account.run(exposed("AKIAIOSFODNN7GHOST00", user="ci-user"))
    assert case["outcome"] == "PENDING"
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert any("does not exist any more" in sentence for sentence in alert["not_done"])
    account.run({"user_name": "ci-user", "mode": "contain"})
    assert account.denied("ci-user")


def test_a_key_is_followed_to_a_renamed_user(account: Account) -> None:
    """Given an event with a user's old name, the key leads to the new one."""
    (leaked,) = account.user("old-name")
    account.iam.update_user(UserName="old-name", NewUserName="new-name")
    (case,) = account.run(exposed(leaked, user="old-name"))
    assert case["outcome"] == "CONTAINED"
    assert account.denied("new-name")
    assert account.status("new-name") == {leaked: "Inactive"}


def test_a_user_renamed_between_plan_and_action_is_found_again(account: Account) -> None:
    """Given an attacker who renames the user under the responder, both actions find it by the key."""
    (leaked,) = account.user("old-name")

    def rename() -> None:
        account.iam.update_user(UserName="old-name", NewUserName="new-name")

    account.before["NotifyFunctionArn"] = lambda: None
    renamed: list[bool] = []

    def rename_once() -> None:
        if not renamed:
            renamed.append(True)
            rename()

    account.before["DisableKeyFunctionArn"] = rename_once
    account.before["DenyPrincipalFunctionArn"] = rename_once
    (case,) = account.run(exposed(leaked, user="old-name"))
    assert renamed
    assert case["outcome"] == "CONTAINED"
    assert account.denied("new-name")
    assert account.status("new-name") == {leaked: "Inactive"}


def test_a_user_deleted_between_plan_and_action_is_announced(account: Account) -> None:
    """Given a user that vanishes after triage, nothing is left to cut and people are told."""
    (leaked,) = account.user("ci-user")
    deleted: list[bool] = []

    def delete() -> None:
        if not deleted:
            deleted.append(True)
            account.iam.delete_access_key(UserName="ci-user", AccessKeyId=leaked)
            account.iam.delete_user(UserName="ci-user")

    account.before["DisableKeyFunctionArn"] = delete
    account.before["DenyPrincipalFunctionArn"] = delete
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "ANNOUNCED"
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "skipped", "deny_principal": "skipped"}


def test_a_full_policy_quota_leads_to_the_boundary(account: Account) -> None:
    """Given a user that an attacker gave ten policies, the deny becomes its permissions boundary."""
    (leaked,) = account.user("ci-user")
    own = "arn:aws:iam::aws:policy/job-function/Billing"
    account.iam.put_user_permissions_boundary(UserName="ci-user", PermissionsBoundary=own)
    account.fill_policy_quota("ci-user")
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"
    user = account.iam.get_user(UserName="ci-user")["User"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == DENY
    changes = {change["action"]: change for change in account.records(case["incident_id"], "CHANGE#")}
    assert changes["deny_principal"]["before"]["boundary"] == own
    (alert,) = account.alerts()
    assert f"--permissions-boundary {own}" in account.by_hand(alert["incident_id"])


def test_four_reports_of_one_key_are_one_case_with_one_alert(account: Account) -> None:
    """Given a key reported by Health twice, by Trusted Advisor and by GuardDuty, it is contained once."""
    (leaked,) = account.user("ci-user")
    reports = [
        exposed(leaked, user="ci-user"),
        exposed(leaked, user="ci-user", region="us-west-2"),
        events.trusted_advisor(leaked, "ci-user", account=ACCOUNT),
        events.guardduty(leaked, "ci-user", account=ACCOUNT),
    ]
    cases = [account.run(report)[0] for report in reports]
    assert len({case["incident_id"] for case in cases}) == 1
    assert [case["alerted"] for case in cases] == [True, False, False, False]
    assert len(account.alerts()) == 1
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"
    assert len(account.records(record["pk"], "SIGNAL#")) == 4
    assert len(account.records(record["pk"], "CHANGE#")) == 2


def test_reports_that_arrive_together_are_one_case(account: Account) -> None:
    """Given four reports at the same moment, one execution contains and the others join its case."""
    (leaked,) = account.user("ci-user")
    started = [
        account.start(report)
        for report in (
            exposed(leaked, user="ci-user"),
            exposed(leaked, user="ci-user", region="us-west-2"),
            events.trusted_advisor(leaked, "ci-user", account=ACCOUNT),
            events.guardduty(leaked, "ci-user", account=ACCOUNT),
        )
    ]
    ended = [account.finish(execution) for execution in started]
    assert {one["status"] for one in ended} == {"SUCCEEDED"}, account.tracebacks
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"
    assert len(account.records(record["pk"], "SIGNAL#")) == 4
    assert len(account.alerts()) == 1


def test_the_same_event_delivered_twice_is_one_signal(account: Account) -> None:
    """Given EventBridge's at-least-once delivery, a redelivered event counts up and is not told again."""
    (leaked,) = account.user("ci-user")
    event = exposed(leaked, user="ci-user")
    account.run(event)
    (again,) = account.run(event)
    assert again["alerted"] is False
    (signal,) = account.records(again["incident_id"], "SIGNAL#")
    assert signal["seen"] == 2


def test_a_second_key_of_the_same_user_joins_the_case(account: Account) -> None:
    """Given a contained user whose other key leaks too, that key is disabled within the same case."""
    first, second = account.user("ci-user", keys=2)
    (opened,) = account.run(exposed(first))
    (joined,) = account.run(exposed(second, event_id="another"))
    assert joined["incident_id"] == opened["incident_id"]
    assert joined["outcome"] == "CONTAINED", "the second key was never contained before: nothing is repeated"
    assert set(account.status("ci-user").values()) == {"Inactive"}
    assert len(account.cases()) == 1
    assert len(account.alerts()) == 2


def test_keys_of_two_cases_in_one_event_are_told_to_each(account: Account) -> None:
    """Given one event about targets of two cases and a third key, each case gets the signal, the third its own."""
    (ann,) = account.user("ann")
    (bob,) = account.user("bob")
    (cat,) = account.user("cat")
    account.run(exposed(ann, event_id="1"))
    account.run(exposed(bob, event_id="2"))
    told = account.run(exposed(ann, bob, cat, event_id="3"))
    assert len(told) == 3
    assert sum(case["alerted"] for case in told) == 1
    assert account.denied("cat")
    assert len(account.cases()) == 3


def test_what_was_undone_is_cut_again_and_told(account: Account) -> None:
    """Given a contained key that somebody activated, a repeat of the signal disables it again and says so."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    account.alerts()
    account.iam.update_access_key(UserName="ci-user", AccessKeyId=leaked, Status="Active")
    (case,) = account.run(events.guardduty(leaked, "ci-user", account=ACCOUNT))
    assert case["outcome"] == "REPEATED"
    assert account.status("ci-user") == {leaked: "Inactive"}
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "done", "deny_principal": "already"}
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"
    changes = {change["action"]: change for change in account.records(case["incident_id"], "CHANGE#")}
    assert changes["disable_key"]["before"]["status"] == "Active"
    assert changes["deny_principal"]["result"] == "done"


def test_observe_changes_nothing_and_hands_over_the_command(make_account: Callable[..., Account]) -> None:
    """Given the setting observe, the plan is announced; the command in the alert works as soon as it may act."""
    account = make_account(observe_all=True)
    (leaked,) = account.user("ci-user")
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "OBSERVED"
    assert account.status("ci-user") == {leaked: "Active"}
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "planned", "deny_principal": "planned"}
    assert alert["undo"] == ""


def test_the_command_of_an_observed_finding_contains(account: Account) -> None:
    """Given an unusual use that is only shown, the alert's command, run as pasted, contains the user in its case."""
    (leaked,) = account.user("ci-user")
    unusual = "Discovery:IAMUser/AnomalousBehavior"
    (observed,) = account.run(events.guardduty(leaked, "ci-user", finding=unusual, severity=2.0, account=ACCOUNT))
    assert observed["outcome"] == "OBSERVED"
    (alert,) = account.alerts()
    command = next(step for step in alert["next_steps"] if "start-execution" in step).split("\n")[1]
    words = shlex.split(command)
    assert words[words.index("--state-machine-arn") + 1] == account.respond
    (contained,) = account.run(json.loads(words[words.index("--input") + 1]))
    assert contained == {"incident_id": observed["incident_id"], "outcome": "CONTAINED", "alerted": True}
    assert account.status("ci-user") == {leaked: "Inactive"}


def test_a_lesser_signal_about_a_contained_key_changes_nothing(account: Account) -> None:
    """Given a contained key, an observe-only finding about it is kept with the case and does not reopen it."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    finding = "Discovery:IAMUser/AnomalousBehavior"
    (case,) = account.run(events.guardduty(leaked, "ci-user", finding=finding, severity=2.0, account=ACCOUNT))
    assert case["alerted"] is False
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"


def test_a_graver_signal_about_an_observed_key_contains_it(account: Account) -> None:
    """Given a key that was only observed, a Health event about it contains it in the same case."""
    (leaked,) = account.user("ci-user")
    finding = "Discovery:IAMUser/AnomalousBehavior"
    account.run(events.guardduty(leaked, "ci-user", finding=finding, severity=2.0, account=ACCOUNT))
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"
    assert len(account.cases()) == 1
    assert len(account.alerts()) == 2


def test_a_sample_finding_changes_nothing(account: Account) -> None:
    """Given a sample finding that names a real key, it is observed whatever its type says."""
    (leaked,) = account.user("ci-user")
    (case,) = account.run(events.guardduty(leaked, "ci-user", severity=9.0, sample=True, account=ACCOUNT))
    assert case["outcome"] == "OBSERVED"
    assert account.status("ci-user") == {leaked: "Active"}


def test_a_protected_user_is_refused(make_account: Callable[..., Account]) -> None:
    """Given a protected user, a signal about its key ends REFUSED and touches nothing."""
    account = make_account(protected=[f"arn:aws:iam::{ACCOUNT}:user/prod/payments"])
    (leaked,) = account.user("payments", path="/prod/")
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "REFUSED"
    assert account.status("payments") == {leaked: "Active"}
    (alert,) = account.alerts()
    assert any("protected_principals" in sentence for sentence in alert["not_done"])


def test_a_finding_of_another_account_changes_nothing_here(account: Account) -> None:
    """Given a member account's finding in the administrator's account, a user of the same name here is left alone."""
    (leaked,) = account.user("ci-user")
    (case,) = account.run(events.guardduty(leaked, "ci-user", severity=9.0, account="999988887777"))
    assert case["outcome"] == "ANNOUNCED"
    assert account.status("ci-user") == {leaked: "Active"}


def test_a_cut_that_fails_leaves_the_other_made(account: Account) -> None:
    """Given a deny that is refused, the key is disabled, the outcome PARTIAL, and the alert says how to finish."""
    (leaked,) = account.user("ci-user")
    account.failures["DenyPrincipalFunctionArn"] = [errors.NotPermitted("AttachUserPolicy: AccessDenied")]
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "PARTIAL"
    assert account.status("ci-user") == {leaked: "Inactive"}
    (alert,) = account.alerts()
    assert alert["actions"][1]["error"] == "NotPermitted"
    assert any("attach-user-policy --user-name=ci-user" in step for step in alert["next_steps"])
    (again,) = account.run(exposed(leaked))
    assert again["outcome"] == "CONTAINED"
    assert account.denied("ci-user")
    (record,) = account.cases()
    assert record["outcome"] == "CONTAINED"


def test_cuts_that_all_fail_are_a_failure(account: Account) -> None:
    """Given two refused cuts, the outcome is FAILED and so is the record."""
    (leaked,) = account.user("ci-user")
    for name in ("DisableKeyFunctionArn", "DenyPrincipalFunctionArn"):
        account.failures[name] = [errors.NotPermitted("refused")]
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "FAILED"
    assert account.cases()[0]["outcome"] == "FAILED"
    assert len(account.alerts()) == 1


def test_a_throttled_cut_is_tried_again(account: Account) -> None:
    """Given two throttled tries, the third makes the cut."""
    (leaked,) = account.user("ci-user")
    account.failures["DisableKeyFunctionArn"] = [errors.Throttled("slow down"), errors.Unavailable("gone away")]
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"


def test_a_function_killed_after_its_change_is_repeated_without_harm(account: Account) -> None:
    """Given a function that dies right after the change, the retry keeps the state from before it, and says done."""
    (leaked,) = account.user("ci-user")
    account.after["DisableKeyFunctionArn"] = [errors.Unavailable("killed")]
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"
    (alert,) = account.alerts()
    assert actions_of(alert)["disable_key"] == "done"
    changes = {change["action"]: change for change in account.records(case["incident_id"], "CHANGE#")}
    assert changes["disable_key"]["before"]["status"] == "Active"


def test_a_failed_triage_is_announced_with_what_to_do(account: Account) -> None:
    """Given a triage that fails, people are told at once, with the user and the command."""
    (leaked,) = account.user("ci-user")
    account.failures["TriageFunctionArn"] = [errors.Unexpected("boom")]
    (case,) = account.run(exposed(leaked, user="ci-user"))
    assert case["outcome"] == "FAILED"
    (alert,) = account.alerts()
    assert 'The step "Triage" failed with Unexpected: boom' in alert["not_done"][0]
    assert any("--user-name=ci-user" in step for step in alert["next_steps"])
    assert leaked not in json.dumps(alert)


def test_an_alert_that_cannot_be_written_is_announced_plainly(account: Account) -> None:
    """Given a Notify that fails, the workflow itself publishes that a signal was answered."""
    (leaked,) = account.user("ci-user")
    account.failures["NotifyFunctionArn"] = [errors.Unexpected("boom"), errors.Unexpected("boom")]
    assert account.run(exposed(leaked)) == []
    (alert,) = account.alerts()
    assert alert["outcome"] == "FAILED"
    assert "2 of the planned changes are in place, 0 failed" in alert["content"]["description"]
    assert alert["incident_id"].startswith("inc-")
    assert account.denied("ci-user")


def test_a_broken_table_does_not_stop_the_cut(account: Account) -> None:
    """Given an incident table that an attacker deleted, the key is contained and the alert says what is missing."""
    (leaked,) = account.user("ci-user")
    account.dynamodb.delete_table(TableName=account.table)
    (case,) = account.run(exposed(leaked))
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {leaked: "Inactive"}
    (alert,) = account.alerts()
    assert any("incident table did not answer" in sentence for sentence in alert["not_done"])
    assert any("only in the history of the run" in sentence for sentence in alert["not_done"])


def test_the_journal_is_written_before_each_change(account: Account) -> None:
    """Given the moment of each change, the journal already holds what was there before it."""
    (leaked,) = account.user("ci-user")
    seen: dict[str, list[str]] = {}

    def watch(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        if model.name in {"UpdateAccessKey", "AttachUserPolicy"}:
            case = account.cases()[0]["pk"]
            seen[model.name] = [change["action"] for change in account.records(case, "CHANGE#")]

    aws.client("iam").meta.events.register("before-call.iam", watch)
    account.run(exposed(leaked))
    assert "disable_key" in seen["UpdateAccessKey"]
    assert "deny_principal" in seen["AttachUserPolicy"]


def test_a_case_whose_workflow_died_is_planned_again(account: Account) -> None:
    """Given a case without an outcome whose execution is dead, the next signal does the work."""
    (leaked,) = account.user("ci-user")
    account.failures["NotifyFunctionArn"] = [errors.Unexpected("boom"), errors.Unexpected("boom")]
    account.failures["DisableKeyFunctionArn"] = [errors.NotPermitted("refused")]
    account.run(exposed(leaked))
    account.alerts()
    assert "outcome" not in account.cases()[0]
    (case,) = account.run(events.trusted_advisor(leaked, "ci-user", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {leaked: "Inactive"}
    assert len(account.cases()) == 1


MALFORMED: list[Any] = [
    {},
    [],
    "text",
    {"source": "aws.health"},
    {"source": "aws.health", "detail-type": "AWS Health Event", "detail": None},
    {"source": "aws.health", "detail": {"eventTypeCode": 7, "affectedEntities": "x"}},
    {"source": "aws.guardduty", "detail": []},
    {"source": "aws.guardduty", "detail": {"resource": {"resourceType": "AccessKey", "accessKeyDetails": [1]}}},
    {"source": "aws.trustedadvisor", "detail": {"check-item-detail": 3}},
    {"source": "aws.health", "detail": {"eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED", "junk": "x" * 200_000}},
    {"source": "awsmock.health", "detail": {"affectedEntities": [{"entityValue": "ci-user"}]}},
    {"access_key_id": 5},
    {"user_name": "ci-user", "mode": "destroy"},
    {"user_name": "ci-user", "unknown_field": 1},
]


@pytest.mark.parametrize("event", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_event_is_announced_and_changes_nothing(account: Account, event: Any) -> None:  # noqa: ANN401 - any JSON
    """Given an event that cannot be understood, people are told and the account stays as it is."""
    (key,) = account.user("ci-user")
    (case,) = account.run(event)
    assert case == {"incident_id": case["incident_id"], "outcome": "ANNOUNCED", "alerted": True}
    (alert,) = account.alerts()
    assert alert["not_done"]
    assert account.status("ci-user") == {key: "Active"}
    assert not account.denied("ci-user")


def test_an_unknown_health_code_is_announced_only(account: Account) -> None:
    """Given a code of the family that nobody knows yet, people are told and nothing is changed."""
    (key,) = account.user("ci-user")
    (case,) = account.run(exposed(key, code="AWS_RISK_SOMETHING_NEW"))
    assert case["outcome"] == "ANNOUNCED"
    assert account.status("ci-user") == {key: "Active"}


def test_a_person_can_contain_a_user_by_name(account: Account) -> None:
    """Given a request with a user's name, all its keys are disabled and it is denied."""
    keys = account.user("ci-user", keys=2)
    (case,) = account.run({"user_name": "ci-user", "reason": "seen in a public log"})
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == dict.fromkeys(keys, "Inactive")


def test_a_person_can_look_before_acting(account: Account) -> None:
    """Given a request with mode observe, the plan is announced and nothing is changed."""
    (key,) = account.user("ci-user")
    (case,) = account.run({"access_key_id": key, "mode": "observe"})
    assert case["outcome"] == "OBSERVED"
    assert account.status("ci-user") == {key: "Active"}


def test_under_observe_the_alert_gives_commands_that_do_not_need_the_workflow(
    make_account: Callable[..., Account],
) -> None:
    """Given the setting observe, the workflow would only observe again, so the alert's command is IAM's own."""
    account = make_account(observe_all=True)
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    (alert,) = account.alerts()
    assert any("aws iam attach-user-policy --user-name=ci-user" in step for step in alert["next_steps"])
    assert not any("start-execution" in step for step in alert["next_steps"])


def test_a_person_who_asks_again_is_answered_again(account: Account) -> None:
    """Given a contained user, a person's request about it is answered, though nothing changed."""
    account.user("ci-user")
    account.run({"user_name": "ci-user"})
    (case,) = account.run({"user_name": "ci-user", "reason": "is it?"})
    assert case["alerted"] is True
    assert len(account.alerts()) == 2


def test_what_cannot_be_contained_is_told_though_the_case_is_known(account: Account) -> None:
    """Given a contained user, an event that names the root user beside it is told, once."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked, event_id="1"))
    account.alerts()
    both = exposed(leaked, f"arn:aws:iam::{ACCOUNT}:root", event_id="2")
    account.run(both)
    (alert,) = account.alerts()
    assert any("root user" in sentence for sentence in alert["not_done"])
    account.run(both)
    assert account.alerts() == []


def test_a_repeat_after_rotation_leaves_the_user_alone(account: Account) -> None:
    """Given a key that was replaced and deleted, and a deny that was lifted, a late repeat does not deny again."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked, user="ci-user"))
    account.iam.delete_access_key(UserName="ci-user", AccessKeyId=leaked)
    account.iam.detach_user_policy(UserName="ci-user", PolicyArn=DENY)
    account.run(events.trusted_advisor(leaked, "ci-user", account=ACCOUNT))
    assert not account.denied("ci-user")


def test_a_signal_that_could_not_be_kept_at_first_is_kept_at_the_end(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a table that fails one write of triage, the case is one case, and the signal is not lost."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    keep = journal.Table.signal
    tries: list[bool] = []

    def keep_later(table: journal.Table, *of: Any) -> None:
        tries.append(True)
        if len(tries) == 1:
            raise errors.Unavailable("not now")
        keep(table, *of)

    monkeypatch.setattr(journal.Table, "signal", keep_later)
    account.run(events.guardduty(leaked, "ci-user", account=ACCOUNT))
    (record,) = account.cases()
    assert len(account.records(record["pk"], "SIGNAL#")) == 2


def test_a_triage_that_is_repeated_after_it_took_a_case_over_does_its_work(account: Account) -> None:
    """Given a failed case, when the triage that takes it over is killed at its end, its retry makes the cuts."""
    (leaked,) = account.user("ci-user")
    for name in ("DisableKeyFunctionArn", "DenyPrincipalFunctionArn"):
        account.failures[name] = [errors.NotPermitted("refused")]
    account.run(exposed(leaked))
    account.after["TriageFunctionArn"] = [errors.Unavailable("killed")]
    (case,) = account.run(events.guardduty(leaked, "ci-user", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {leaked: "Inactive"}


def test_a_case_taken_over_at_the_same_moment_is_met_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given another execution that takes the case between reading and writing, nothing is left out."""
    first, second = account.user("ci-user", keys=2)
    account.run(exposed(first))
    take = journal.Table.run
    tries: list[bool] = []

    def lose_once(table: journal.Table, *of: Any) -> bool:
        tries.append(True)
        return len(tries) > 1 and take(table, *of)

    monkeypatch.setattr(journal.Table, "run", lose_once)
    account.run(exposed(second, event_id="2"))
    assert account.status("ci-user") == {first: "Inactive", second: "Inactive"}


def test_a_protected_users_key_is_told_though_it_came_with_a_known_one(make_account: Callable[..., Account]) -> None:
    """Given a contained user's key and a protected user's key in one event, the refusal is told."""
    account = make_account(protected=[f"arn:aws:iam::{ACCOUNT}:user/payments"])
    (known,) = account.user("ci-user")
    (safe,) = account.user("payments")
    account.run(exposed(known, event_id="1"))
    account.alerts()
    account.run(exposed(known, safe, event_id="2"))
    (alert,) = account.alerts()
    assert "refused" in {entry["result"] for entry in alert["actions"]}
    assert account.status("payments") == {safe: "Active"}


def test_a_suspicion_about_a_new_key_of_a_contained_user_is_told(account: Account) -> None:
    """Given a contained user, a suspicion about a key that the case never had is asked about, not acted on."""
    first, second = account.user("ci-user", keys=2)
    account.run(exposed(first))
    account.alerts()
    account.run(exposed(second, code="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", event_id="2"))
    (alert,) = account.alerts()
    assert alert["outcome"] == "PENDING"
    assert [entry["result"] for entry in alert["actions"]] == ["planned"]
    assert account.status("ci-user")[second] == "Active"
    (record,) = account.cases()
    assert record["outcome"] == "PENDING"


def test_an_outcome_counts_what_another_run_of_the_case_did_not_make(account: Account) -> None:
    """Given two runs of one case at once, of which one fails its deny, the record does not say CONTAINED."""
    first, second = account.user("ci-user", keys=2)
    account.failures["DenyPrincipalFunctionArn"] = [errors.NotPermitted("refused")]
    account.before["DenyPrincipalFunctionArn"] = lambda: account.run(exposed(second, event_id="2"))
    account.run(exposed(first, event_id="1"))
    (record,) = account.cases()
    assert record["outcome"] == "PARTIAL"


def test_the_undo_never_takes_away_a_boundary_that_is_not_ours(account: Account) -> None:
    """Given a boundary that somebody set after the containment, no later alert offers to delete it."""
    (leaked,) = account.user("ci-user")
    account.run({"user_name": "ci-user"})
    own = "arn:aws:iam::aws:policy/job-function/Billing"
    account.iam.put_user_permissions_boundary(UserName="ci-user", PermissionsBoundary=own)
    account.alerts()
    account.run({"access_key_id": leaked})
    (alert,) = account.alerts()
    assert "boundary" not in account.by_hand(alert["incident_id"])


def test_a_disable_that_failed_gets_its_own_command(account: Account) -> None:
    """Given a deny that was made and a disable that was not, the alert's step is the one that disables the key."""
    (leaked,) = account.user("ci-user")
    account.failures["DisableKeyFunctionArn"] = [errors.NotPermitted("refused")]
    account.run(exposed(leaked))
    (alert,) = account.alerts()
    assert alert["outcome"] == "PARTIAL"
    assert "aws iam update-access-key --user-name=ci-user --status Inactive" in alert["next_steps"][0]
    assert not any("attach-user-policy" in step for step in alert["next_steps"])


@pytest.mark.parametrize("gone_first", [True, False])
def test_a_live_key_beside_a_deleted_one_still_gets_its_user_denied(account: Account, *, gone_first: bool) -> None:
    """Given an event with a deleted and a live key of one user, the user is denied, in whatever order they come."""
    (live,) = account.user("ci-user")
    gone = "AKIAIOSFODNN7GHOST00"
    both = [gone, live] if gone_first else [live, gone]
    event = exposed(*both)
    event["detail"]["affectedEntities"].append({"entityValue": "ci-user"})
    (case,) = account.run(event)
    assert account.denied("ci-user"), case
    assert account.status("ci-user") == {live: "Inactive"}


def test_a_takeover_that_is_killed_and_overtaken_still_cuts_what_it_set_out_to(account: Account) -> None:
    """Given a triage killed after it took a case over, and another run that joins before its retry, all is cut."""
    first, second = account.user("ci-user", keys=2)
    finding = "Discovery:IAMUser/AnomalousBehavior"
    account.run(events.guardduty(first, "ci-user", finding=finding, severity=2.0, account=ACCOUNT))
    killed = errors.Unavailable("killed")
    account.after["TriageFunctionArn"] = [killed]
    joined: list[bool] = []

    def join() -> None:
        if not account.after["TriageFunctionArn"] and not joined:
            joined.append(True)
            account.run(exposed(second, event_id="2"))

    account.always["TriageFunctionArn"] = join
    account.run(exposed(first, event_id="1"))
    assert joined
    assert account.status("ci-user") == {first: "Inactive", second: "Inactive"}
    assert account.denied("ci-user")


def test_a_lesser_signal_does_not_make_a_failed_case_look_contained(account: Account) -> None:
    """Given a deny that failed and a Notify that died, a later observe-only signal leaves the record honest."""
    (leaked,) = account.user("ci-user")
    account.failures["DenyPrincipalFunctionArn"] = [errors.NotPermitted("refused")]
    account.failures["NotifyFunctionArn"] = [errors.Unexpected("boom"), errors.Unexpected("boom")]
    account.run(exposed(leaked))
    finding = "Discovery:IAMUser/AnomalousBehavior"
    account.run(events.guardduty(leaked, "ci-user", finding=finding, severity=2.0, account=ACCOUNT))
    (record,) = account.cases()
    assert record["outcome"] != "CONTAINED"


def test_repeats_about_two_keys_in_turn_are_told_once_each(account: Account) -> None:
    """Given two contained keys of one user, repeats that name them in turn are not told again."""
    first, second = account.user("ci-user", keys=2)
    told = [
        account.run(exposed(key, event_id=str(number)))[0]["alerted"]
        for number, key in enumerate((first, second, first, second, first))
    ]
    assert told == [True, True, False, False, False]


def test_the_owners_boundary_survives_a_second_cut(account: Account) -> None:
    """Given a deny that was lifted and a boundary set meanwhile, the undo of the next cut gives that boundary back."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    account.iam.detach_user_policy(UserName="ci-user", PolicyArn=DENY)
    own = "arn:aws:iam::aws:policy/job-function/Billing"
    account.iam.put_user_permissions_boundary(UserName="ci-user", PermissionsBoundary=own)
    account.fill_policy_quota("ci-user")
    account.alerts()
    account.run(events.trusted_advisor(leaked, "ci-user", account=ACCOUNT))
    (alert,) = account.alerts()
    assert f"put-user-permissions-boundary --user-name=ci-user --permissions-boundary {own}" in account.by_hand(
        alert["incident_id"]
    )


def test_a_second_cut_whose_function_is_killed_is_told_all_the_same(account: Account) -> None:
    """Given a containment that was undone, when the function dies after cutting again, people still read of it."""
    (leaked,) = account.user("ci-user")
    account.run(exposed(leaked))
    account.iam.update_access_key(UserName="ci-user", AccessKeyId=leaked, Status="Active")
    account.after["DisableKeyFunctionArn"] = [errors.Unavailable("killed")]
    (case,) = account.run(events.guardduty(leaked, "ci-user", account=ACCOUNT))
    assert case == {"incident_id": case["incident_id"], "outcome": "REPEATED", "alerted": True}


def test_a_contain_stage_that_dies_is_told_with_what_the_journal_kept(account: Account) -> None:
    """Given answers of the actions that were lost, Notify tells what the journal kept of this run, undo included."""
    (leaked,) = account.user("ci-user")
    execution = account.start(exposed(leaked))
    account.finish(execution)
    account.alerts()
    history = account.stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    inputs = [
        json.loads(e["taskScheduledEventDetails"]["parameters"]) for e in history if "taskScheduledEventDetails" in e
    ]
    payload = next(one["Payload"] for one in inputs if "triage" in one["Payload"])
    lost = payload | {"changes": [], "failure": {"state": "Contain", "error": "States.Runtime", "cause": "lost"}}
    answer, failed = account.invoke("NotifyFunctionArn", json.dumps(lost))
    assert not failed, answer
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "done", "deny_principal": "done"}
    assert "detach-user-policy" in account.by_hand(alert["incident_id"])


def test_a_slow_table_is_not_asked_about_every_case(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one event about several known cases and a table that takes its time, every cut is made all the same."""
    keys = {name: account.user(name)[0] for name in ("ann", "bob", "cat")}
    for name, key in keys.items():
        account.run(exposed(key, event_id=name))
        account.iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    monkeypatch.setattr(meeting, "_SECONDS", 0.1)
    keep = journal.Table.signal

    def slowly(table: journal.Table, *of: Any) -> None:
        time.sleep(0.2)
        keep(table, *of)

    monkeypatch.setattr(journal.Table, "signal", slowly)
    told = account.run(exposed(*keys.values(), event_id="all"))
    assert len(told) == 3
    assert {status for name in keys for status in account.status(name).values()} == {"Inactive"}
    assert all(len(account.records(case["incident_id"], "SIGNAL#")) == 2 for case in told)
