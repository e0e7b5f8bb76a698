"""Stories of restores: the undo of a case, by the real workflow with the real functions."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from demo import events
from lambdas import errors
from lambdas.model import RELEASING
from tests.estate import Estate
from tests.flows.account import ACCOUNT, REGION
from tests.flows.test_principals import EC2, make_role, stolen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.estate import Machine, Place
    from tests.flows.account import Account

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NOBODY = "inc-20261120-0000000000"


def contained(account: Account, name: str = "ci-user") -> tuple[str, str]:
    """Contain a user whose key leaked; give the key and the case."""
    (key,) = account.user(name)
    (case,) = account.run(events.health(key, user=name, account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.denied(name)
    account.alerts()
    return key, case["incident_id"]


def case_of(account: Account, incident_id: str) -> dict[str, Any]:
    """Read a case's own item."""
    (found,) = account.records(incident_id, "INCIDENT")
    return found


def actions_of(alert: dict[str, Any]) -> dict[str, str]:
    """Give the result of each action of an alert."""
    return {one["action"]: one["result"] for one in alert["actions"]}


def test_a_leaked_key_case_is_undone_and_the_key_stays_disabled(account: Account) -> None:
    """Given a contained user, when the case is restored, the deny is lifted, the key stays off, and people are told."""
    key, case = contained(account)
    said = account.restore(case, reason="rotated")
    assert said["released"] == case
    assert not account.denied("ci-user")
    assert account.status("ci-user") == {key: "Inactive"}
    (alert,) = account.alerts()
    assert (alert["outcome"], alert["incident_id"], alert["schema"]) == ("RELEASED", case, "tourniquet/1")
    assert actions_of(alert) == {"disable_key": "skipped", "deny_principal": "done"}
    assert any("stays disabled" in sentence for sentence in alert["not_done"])
    assert key not in json.dumps(alert)
    found = case_of(account, case)
    assert found["outcome"] == "RELEASED"
    assert set(found["released"]) == {one["item_id"] for one in account.records(case, "CHANGE#")}
    assert not found["made"]
    by_action = {one["action"]: one for one in account.records(case, "CHANGE#")}
    assert "released_at" in by_action["deny_principal"]
    assert "released_at" not in by_action["disable_key"], "a later restore can make it active"


def test_the_alerts_undo_is_one_line_that_restores(account: Account) -> None:
    """Given the alert of a containment, its undo is the line that starts this workflow with this case."""
    (key,) = account.user("ci-user")
    (case,) = account.run(events.health(key, user="ci-user", account=ACCOUNT))
    (alert,) = account.alerts()
    words = shlex.split(alert["undo"])
    assert words[:3] == ["aws", "stepfunctions", "start-execution"]
    assert words[words.index("--state-machine-arn") + 1] == account.restorer
    given = json.loads(words[words.index("--input") + 1])
    assert given == {"incident_id": case["incident_id"]}
    account.restore(**given)
    assert not account.denied("ci-user")


def test_keys_are_made_active_where_a_person_says_so(account: Account) -> None:
    """Given a restored case, when it is restored again with its keys, they are active, and the alert warns of it."""
    key, case = contained(account)
    account.restore(case)
    account.alerts()
    said = account.restore(case, reactivate_keys=True)
    assert len(said["undone"]) == 1
    assert account.status("ci-user") == {key: "Active"}
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "done"}
    assert any("ACTIVE" in step for step in alert["next_steps"])


def test_a_second_restore_changes_nothing(account: Account) -> None:
    """Given a restored case, when it is restored again, nothing is changed and people are told so."""
    key, case = contained(account)
    account.restore(case)
    account.alerts()
    account.iam.attach_user_policy(UserName="ci-user", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    said = account.restore(case)
    assert said["undone"] == []
    assert account.denied("ci-user"), "what a person attached since is none of the case's"
    assert account.status("ci-user") == {key: "Inactive"}
    (alert,) = account.alerts()
    assert alert["outcome"] == "RELEASED"


def test_a_repeat_after_a_restore_contains_nothing_by_itself(account: Account) -> None:
    """Given a restored case, when the signal comes again, nothing is changed."""
    (key,) = account.user("ci-user")
    signal = events.health(key, user="ci-user", account=ACCOUNT)
    (case,) = account.run(signal)
    account.restore(case["incident_id"])
    account.alerts()
    account.run(signal)
    assert not account.denied("ci-user")
    assert case_of(account, case["incident_id"])["outcome"] == "RELEASED"
    assert account.alerts() == []


def test_what_somebody_changed_since_is_told_and_stays(account: Account) -> None:
    """Given a user whose boundary somebody set since, when the case is restored, it stays, and the alert says so."""
    _, case = contained(account)
    account.iam.put_user_permissions_boundary(UserName="ci-user", PermissionsBoundary=READ_ONLY)
    said = account.restore(case)
    assert len(said["not_undone"]) == 2
    assert not account.denied("ci-user"), "what is as the responder left it is undone"
    boundary = account.iam.get_user(UserName="ci-user")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert boundary == READ_ONLY
    (alert,) = account.alerts()
    assert actions_of(alert)["deny_principal"] == "failed"
    (told,) = [one for one in alert["not_done"] if "StateChanged" in one]
    assert "permissions boundary" in told
    assert "ReadOnlyAccess" in told
    assert "left none" in told


def test_a_partial_restore_is_finished_by_the_next(account: Account) -> None:
    """Given a restore whose undo of the deny failed, when it is started again, it does only what is left."""
    key, case = contained(account)
    account.failures["UndoDenyPrincipalFunctionArn"] = [errors.NotPermitted("refused")]
    account.restore(case, reactivate_keys=True)
    assert account.denied("ci-user")
    assert account.status("ci-user") == {key: "Active"}
    (alert,) = account.alerts()
    assert actions_of(alert) == {"disable_key": "done", "deny_principal": "failed"}
    assert any("detach-user-policy" in step for step in alert["next_steps"])
    said = account.restore(case)
    assert len(said["undone"]) == 1
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert actions_of(alert) == {"deny_principal": "done"}


def test_an_undo_whose_answer_is_lost_is_not_made_twice(account: Account) -> None:
    """Given an undo that is killed after it was made, when the workflow tries again, it ends well."""
    _, case = contained(account)
    account.after["UndoDenyPrincipalFunctionArn"] = [errors.Unavailable("lost")]
    account.restore(case)
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert actions_of(alert)["deny_principal"] == "done"


def test_a_dead_restore_is_taken_over(account: Account) -> None:
    """Given a restore that was stopped while it was at work, when another one is started, it finishes the work."""
    _, case = contained(account)
    stopped: list[str] = []

    def stop() -> None:
        account.stepfunctions.stop_execution(executionArn=stopped[0])
        raise errors.Unexpected("killed")

    account.before["UndoDenyPrincipalFunctionArn"] = stop
    account.before["RestoreFunctionArn"] = lambda: _until(stopped)
    stopped.append(account.start_restore({"incident_id": case}))
    assert account.finish(stopped[0])["status"] != "SUCCEEDED"
    assert case_of(account, case)["outcome"] == RELEASING
    assert account.denied("ci-user")
    account.restore(case)
    assert not account.denied("ci-user")
    assert case_of(account, case)["outcome"] == "RELEASED"


def _until(known: list[str]) -> None:
    while not known:
        pass


def refused(account: Account, event: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Start a restore that is refused; give its alert."""
    ended = account.finish(account.start_restore(event))
    assert ended["status"] == "SUCCEEDED", account.tracebacks
    said = json.loads(ended["output"])
    assert said["refused"]
    (alert,) = account.alerts()
    assert alert["outcome"] == "REFUSED"
    assert "start-execution" in " ".join(alert["next_steps"])
    return alert


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        "text",
        {"incident_id": 7},
        {"incident_id": "inc-1"},
        {"incident_id": NOBODY},
        {"incident_id": NOBODY, "reactivate_keys": "yes"},
        {"incident_id": NOBODY, "more": 1},
        {"incident_id": NOBODY, "reason": ["x"]},
    ],
    ids=str,
)
def test_what_cannot_be_understood_changes_nothing(account: Account, event: object) -> None:
    """Given an input that names no case, or another form, when it is started, people are told what to do."""
    contained(account)
    refused(account, event)
    assert account.denied("ci-user")


def test_a_malformed_input_leaves_the_case_as_it_was(account: Account) -> None:
    """Given a real case and an input of another form, when it is started, the case is as it was."""
    key, case = contained(account)
    was = case_of(account, case)
    refused(account, {"incident_id": case, "reactivate_keys": "true"})
    assert case_of(account, case) == was
    assert account.status("ci-user") == {key: "Inactive"}


def test_a_case_that_is_run_still_is_not_restored(account: Account) -> None:
    """Given a case whose run is at work, when it is restored, that is refused, and the run ends as it would."""
    (key,) = account.user("ci-user")
    said: list[dict[str, Any]] = []

    def meanwhile() -> None:
        (case,) = account.cases()
        said.append(refused(account, {"incident_id": case["incident_id"]}))

    account.before["NotifyFunctionArn"] = meanwhile
    (case,) = account.run(events.health(key, user="ci-user", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert "still at work" in " ".join(said[0]["not_done"])
    assert account.denied("ci-user")


def test_one_restore_at_a_time(account: Account) -> None:
    """Given a restore at work, when another one is started, it is refused, and the first one ends well."""
    _, case = contained(account)
    said: list[dict[str, Any]] = []
    account.before["UndoDenyPrincipalFunctionArn"] = lambda: said.append(refused(account, {"incident_id": case}))
    account.restore(case)
    assert "Another restore" in " ".join(said[0]["not_done"])
    assert not account.denied("ci-user")


def test_a_person_who_insists_meanwhile_has_the_case(account: Account) -> None:
    """Given a restore at work, when a person insists on containing, nothing more is undone, and that is told."""
    _, case = contained(account)
    account.before["UndoDenyPrincipalFunctionArn"] = lambda: account.run(
        {"user_name": "ci-user", "mode": "contain", "reason": "no!"}
    )
    account.restore(case)
    assert account.denied("ci-user")
    alert = next(one for one in account.alerts() if one["outcome"] == "RELEASED")
    assert any("Superseded" in one for one in alert["not_done"])
    assert any("took it over" in one for one in alert["not_done"])
    assert case_of(account, case)["outcome"] == "CONTAINED"


def two_cases(account: Account) -> tuple[str, str]:
    """Let two cases meet on one user: the second one found the deny of the first, and needs it."""
    _, first = contained(account)
    table = boto3.resource("dynamodb", region_name=REGION).Table(account.table)
    second = "inc-20261120-0123456789"
    for record in account.records(first):
        key = str(record["sk"]).replace(first, second)
        if key.startswith("CHANGE#") and record["action"] == "deny_principal":
            table.put_item(Item={**record, "pk": second, "incident_id": second, "result": "already"})
        elif key == "INCIDENT":
            table.put_item(Item={**record, "pk": second, "incident_id": second})
    return first, second


def test_a_deny_that_another_case_needs_stays_until_that_one_is_released(account: Account) -> None:
    """Given two cases on one user, when one is restored, the deny stays; when both are, it is lifted."""
    first, second = two_cases(account)
    account.restore(first)
    assert account.denied("ci-user")
    (alert,) = account.alerts()
    assert any(second in one and "needs it too" in one for one in alert["not_done"])
    account.restore(second)
    assert account.denied("ci-user"), "the second case only found it"
    (alert,) = account.alerts()
    assert any(first in one and "made it" in one for one in alert["not_done"])
    account.restore(first)
    assert not account.denied("ci-user")


def test_a_case_that_only_found_the_deny_needs_it_no_more_once_it_is_released(account: Account) -> None:
    """Given two cases on one user, when the second one is restored first, the first one's restore lifts the deny."""
    first, second = two_cases(account)
    account.restore(second)
    assert account.denied("ci-user")
    account.restore(first)
    assert not account.denied("ci-user")


def test_a_session_and_a_role_are_given_back(account: Account) -> None:
    """Given a role whose session was stolen and that is denied, when the cases are restored, it is as it was."""
    role_id = make_role(account, "web", EC2)
    (case,) = account.run(stolen("web", role_id, "i-0123456789abcdef0"))
    assert account.iam.list_role_policies(RoleName="web")["PolicyNames"]
    account.restore(case["incident_id"])
    assert account.iam.list_role_policies(RoleName="web")["PolicyNames"] == []
    (whole,) = account.run({"role_name": "web"})
    assert account.iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]
    account.restore(whole["incident_id"])
    assert account.iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"] == []


def test_the_key_may_be_deleted_before_the_case_is_restored(account: Account) -> None:
    """Given a user whose leaked key was deleted, as it should be, when the case is restored, the user is found."""
    key, case = contained(account)
    account.iam.delete_access_key(UserName="ci-user", AccessKeyId=key)
    account.restore(case)
    assert not account.denied("ci-user")


def test_awss_own_quarantine_is_not_touched(account: Account) -> None:
    """Given a user whom AWS quarantined, when the case is restored, the quarantine is there still."""
    _, case = contained(account)
    quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    account.iam.attach_user_policy(UserName="ci-user", PolicyArn=quarantine)
    account.restore(case)
    (left,) = account.iam.list_attached_user_policies(UserName="ci-user")["AttachedPolicies"]
    assert left["PolicyName"] == "AWSCompromisedKeyQuarantineV3"


def test_without_the_table_nothing_is_undone_and_people_are_told(account: Account) -> None:
    """Given a table that does not answer, when a case is restored, nothing is changed and the alert says so."""
    _, case = contained(account)
    account.failures["RestoreFunctionArn"] = [errors.NotPermitted("no table")]
    ended = account.finish(account.start_restore({"incident_id": case}))
    assert "failed" in json.loads(ended["output"])
    (alert,) = account.alerts()
    assert alert["outcome"] == "FAILED"
    assert account.denied("ci-user")


def test_people_are_told_plainly_where_the_alert_cannot_be_written(account: Account) -> None:
    """Given an end that fails, when a case is restored, the workflow itself publishes."""
    _, case = contained(account)

    def break_the_end() -> None:
        account.failures["RestoreFunctionArn"] = [errors.Unexpected("boom")]

    account.before["UndoDenyPrincipalFunctionArn"] = break_the_end
    ended = account.finish(account.start_restore({"incident_id": case}))
    assert json.loads(ended["output"]) == {"announced": "plainly"}
    (alert,) = account.alerts()
    assert (alert["outcome"], alert["incident_id"]) == ("FAILED", case)
    assert "1 of its changes are undone" in alert["not_done"][0]
    assert not account.denied("ci-user")


def state_of(estate: Estate, machine: Machine, place: Place) -> dict[str, Any]:
    """Read, by clients of the test's own, what a containment changes of an instance."""
    found = estate.describe(machine.id)
    ec2 = estate.ec2
    kept = ec2.describe_instance_attribute(InstanceId=machine.id, Attribute="disableApiTermination")
    shutdown = ec2.describe_instance_attribute(InstanceId=machine.id, Attribute="instanceInitiatedShutdownBehavior")
    assert place
    return {
        "groups": estate.groups(machine.id),
        "profiles": estate.profiles(machine.id),
        "metadata": found["MetadataOptions"]["HttpEndpoint"],
        "termination": kept["DisableApiTermination"]["Value"],
        "shutdown": shutdown["InstanceInitiatedShutdownBehavior"]["Value"],
        "volumes": [one["Ebs"]["DeleteOnTermination"] for one in found["BlockDeviceMappings"]],
        "state": found["State"]["Name"],
    }


def test_an_instance_is_given_everything_back(account: Account) -> None:
    """Given an isolated and stopped instance of a group, when the case is restored, it is as before; evidence stays."""
    estate = Estate(lambda service: boto3.client(service, region_name=REGION))  # type: ignore[call-overload]  # any service
    place, role = estate.place(), estate.role()
    account.deploy_again(extras={"compromised_instance": ["stop_instance"]})
    machine = estate.grouped(place, role=role)
    before = state_of(estate, machine, place)
    (case,) = account.run(events.instance_finding(machine.id, account=ACCOUNT))
    assert state_of(estate, machine, place) != before
    account.alerts()
    account.restore(case["incident_id"], reason="false alarm")
    assert state_of(estate, machine, place) == before
    assert account.iam.list_role_policies(RoleName=role[0])["PolicyNames"] == []
    (alert,) = account.alerts()
    assert alert["outcome"] == "RELEASED"
    assert set(actions_of(alert).values()) == {"done"}, alert["not_done"]
    assert any("Evidence and snapshots stay" in one for one in alert["not_done"])
    assert estate.snapshots(machine, case["incident_id"])
    assert estate.evidence(account.bucket, case["incident_id"], machine.id)


def test_an_instance_that_somebody_moved_stays_there(account: Account) -> None:
    """Given an isolated instance that somebody gave another group, when restored, that stays, the rest goes on."""
    estate = Estate(lambda service: boto3.client(service, region_name=REGION))  # type: ignore[call-overload]  # any service
    place = estate.place()
    machine = estate.machine(place)
    (case,) = account.run(events.instance_finding(machine.id, account=ACCOUNT))
    other = estate.ec2.create_security_group(GroupName="forensics", Description="x", VpcId=place.vpc)["GroupId"]
    for interface in estate.groups(machine.id):
        estate.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[other])
    account.alerts()
    account.restore(case["incident_id"])
    assert {group for groups in estate.groups(machine.id).values() for group in groups} == {other}
    assert estate.describe(machine.id)["MetadataOptions"]["HttpEndpoint"] == "enabled"
    (alert,) = account.alerts()
    results = actions_of(alert)
    assert results["isolate_instance"] == "failed"
    assert results["protect_instance"] == "done"
    (told,) = [one for one in alert["not_done"] if "StateChanged" in one]
    assert other in told
    assert re.search(r"network interface|interface eni-", told)


def test_the_mail_can_be_read_by_whoever_is_on_call(account: Account, make_mail: Callable[[], str]) -> None:
    """Given a restore with a part that failed, its mail says first what was not undone, then what to do."""
    _, case = contained(account)
    account.failures["UndoDenyPrincipalFunctionArn"] = [errors.NotPermitted("refused")]
    account.restore(case)
    text = make_mail()
    assert text.index("NOT undone") < text.index("WHAT WAS NOT UNDONE") < text.index("WHAT TO DO NEXT")
    assert "HOW TO UNDO THE REST BY HAND" in text


@pytest.fixture
def make_mail(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Give a function that gives the latest mail of a restore."""
    from lambdas import release_alert

    texts: list[str] = []
    compose = release_alert.compose

    def watched(release: release_alert.Release) -> Any:  # noqa: ANN401 - an alert
        ready = compose(release)
        texts.append(json.loads(ready.message)["email"])
        return ready

    assert account
    monkeypatch.setattr(release_alert, "compose", watched)
    return lambda: texts[-1]
