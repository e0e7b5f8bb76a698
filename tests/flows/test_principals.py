"""Stories of principals that are no long-term key: sessions of roles, roles, federated users, and who cannot be cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from lambdas import aws, errors, facts
from lambdas.facts import gather
from tests.flows.account import ACCOUNT, Account

if TYPE_CHECKING:
    from collections.abc import Callable

EC2 = {"Service": "ec2.amazonaws.com"}
DENY = "arn:aws:iam::aws:policy/AWSDenyAll"
EXFILTRATED = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"


def make_role(account: Account, name: str, *principals: dict[str, Any], path: str = "/") -> str:
    """Make a role that these principals may assume; give its id."""
    statements = [{"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"} for one in principals]
    trust = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return account.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)["Role"]["RoleId"]


def stolen(role: str, role_id: str, session: str, **details: Any) -> events.Event:
    """Give a finding on a role's session."""
    return events.guardduty(
        "ASIA2TESTSESSION0001",
        role,
        user_type="AssumedRole",
        principal_id=f"{role_id}:{session}",
        account=ACCOUNT,
        **details,
    )


def inline(account: Account, role: str) -> dict[str, Any]:
    """Read a role's inline policies: name → the condition of its only statement."""
    found = {}
    for name in account.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document: Any = account.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        (statement,) = document["Statement"]
        assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
        found[name] = statement["Condition"]
    return found


def attached(account: Account, role: str) -> set[str]:
    """Read the names of a role's managed policies."""
    return {one["PolicyName"] for one in account.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}


def users(account: Account, *names: str) -> list[dict[str, Any]]:
    """Make users, as principals of a trust policy."""
    return [{"AWS": account.iam.create_user(UserName=name)["User"]["Arn"]} for name in names]


def test_a_stolen_session_of_a_shared_role_is_denied_and_more_is_asked(account: Account) -> None:
    """Given a role that two may assume, the one session is denied at once, and revoking all older ones waits."""
    role_id = make_role(account, "deploy", *users(account, "ann", "bob"))
    (case,) = account.run(stolen("deploy", role_id, "evil"))
    assert case["outcome"] == "PENDING"
    ((name, condition),) = inline(account, "deploy").items()
    assert condition == {"StringEquals": {"aws:userid": f"{role_id}:evil"}}
    assert name.startswith(f"Tourniquet-{case['incident_id']}-")
    assert attached(account, "deploy") == set()
    (alert,) = account.alerts()
    assert [(entry["action"], entry["result"]) for entry in alert["actions"]] == [
        ("revoke_sessions", "done"),
        ("revoke_sessions", "planned"),
    ]
    assert any("others may use the role too" in sentence for sentence in alert["not_done"])
    assert "delete-role-policy" in account.by_hand(alert["incident_id"])
    account.answer(case["incident_id"], "approve")
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    conditions = list(inline(account, "deploy").values())
    assert len(conditions) == 2
    assert any("aws:TokenIssueTime" in one.get("DateLessThan", {}) for one in conditions)
    (record,) = account.records(case["incident_id"], "INCIDENT")
    assert record["outcome"] == "CONTAINED"


def test_a_role_of_one_user_is_denied_at_once(account: Account) -> None:
    """Given a role that only one user may assume, its session and the role itself are denied, and nobody is asked."""
    role_id = make_role(account, "ann-only", *users(account, "ann"))
    (case,) = account.run(stolen("ann-only", role_id, "evil"))
    assert case["outcome"] == "CONTAINED"
    assert attached(account, "ann-only") == {aws.DENY_ALL}
    assert len(inline(account, "ann-only")) == 1


def test_two_cases_on_one_role_keep_their_own_denies(account: Account) -> None:
    """Given the credentials of two instances of one role, each finding is a case with a deny of its own."""
    role_id = make_role(account, "web", EC2)
    cases = [
        account.run(stolen("web", role_id, instance, finding=EXFILTRATED, severity=8.0))[0]
        for instance in ("i-0123456789abcdef0", "i-0123456789abcdef1")
    ]
    assert [case["outcome"] for case in cases] == ["CONTAINED", "CONTAINED"]
    assert len({case["incident_id"] for case in cases}) == 2
    denied = inline(account, "web")
    assert sorted(one["StringEquals"]["aws:userid"] for one in denied.values()) == [
        f"{role_id}:i-0123456789abcdef0",
        f"{role_id}:i-0123456789abcdef1",
    ]
    assert {name[: len("Tourniquet-inc-20261120-0123456789")] for name in denied} == {
        f"Tourniquet-{case['incident_id']}" for case in cases
    }


def test_a_finding_that_names_only_the_role_is_asked_about(account: Account) -> None:
    """Given a role's id without a session, nothing narrow can be cut, and revoking every session waits."""
    role_id = make_role(account, "web", EC2)
    event = stolen("web", role_id, "x")
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = role_id
    (case,) = account.run(event)
    assert case["outcome"] == "PENDING"
    assert inline(account, "web") == {}


def test_a_person_who_names_a_role_has_it_denied(account: Account) -> None:
    """Given a request with a role's name, the whole role is denied, and the alert's undo gives it back."""
    make_role(account, "web", EC2)
    (case,) = account.run({"role_name": "web", "reason": "found on a laptop"})
    assert case["outcome"] == "CONTAINED"
    assert attached(account, "web") == {aws.DENY_ALL}
    (alert,) = account.alerts()
    undo, told = account.by_hand(alert["incident_id"]).split(" && ")
    assert undo == f"aws iam detach-role-policy --role-name=web --policy-arn {DENY}"
    assert '"answer": "released"' in told


def test_a_role_without_room_for_a_policy_is_bounded(account: Account) -> None:
    """Given a role with as many managed policies as IAM allows, AWSDenyAll becomes its boundary."""
    make_role(account, "web", EC2)
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
    )
    for number in range(10):
        made = account.iam.create_policy(PolicyName=f"web-{number}", PolicyDocument=document)["Policy"]["Arn"]
        account.iam.attach_role_policy(RoleName="web", PolicyArn=made)
    (case,) = account.run({"role_name": "web"})
    assert case["outcome"] == "CONTAINED"
    boundary = account.iam.get_role(RoleName="web")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert boundary == DENY


def test_a_role_whose_inline_policies_are_full_fails_loudly_with_the_way_out(account: Account) -> None:
    """Given a role without room for another inline policy, the alert says so and offers to deny the whole role."""
    role_id = make_role(account, "web", EC2)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "x" * 40}
    for size in (50, 42):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement] * size})
        account.iam.put_role_policy(RoleName="web", PolicyName=f"full-{size}", PolicyDocument=document)
    (case,) = account.run(stolen("web", role_id, "i-0123456789abcdef0", finding=EXFILTRATED, severity=8.0))
    assert case["outcome"] == "FAILED"
    (alert,) = account.alerts()
    assert any("no room for another inline policy" in step and '"role_name"' in step for step in alert["next_steps"])


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/", "service-linked role"),
        ("AWSReservedSSO_Admin_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/", "IAM Identity Center"),
    ],
)
def test_a_role_that_nobody_here_can_change_is_announced(account: Account, name: str, path: str, words: str) -> None:
    """Given a session of a role that belongs to AWS, nothing is tried, and the steps say who can do what."""
    role_id = make_role(account, name, {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/x"}, path=path)
    (case,) = account.run(stolen(name, role_id, "ann@example.org"))
    assert case["outcome"] == "ANNOUNCED"
    (alert,) = account.alerts()
    assert any(words in sentence for sentence in alert["not_done"])
    assert inline(account, name) == {}


def test_a_role_that_only_looks_like_identity_centers_is_cut(account: Account) -> None:
    """Given an attacker who named a role so that it looks untouchable, its session is denied."""
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    role_id = make_role(account, name, *users(account, "ann"))
    (case,) = account.run(stolen(name, role_id, "evil"))
    assert case["outcome"] == "CONTAINED"


@pytest.mark.parametrize(
    ("user_type", "principal", "name", "words"),
    [
        ("Root", ACCOUNT, "root", "The root user"),
        ("FederatedUser", f"{ACCOUNT}:ann", "ann", "GetFederationToken"),
        ("AWSAccount", "210987654321", "", "belongs to account 210987654321"),
    ],
)
def test_who_cannot_be_cut_is_announced_with_steps(
    account: Account, user_type: str, principal: str, name: str, words: str
) -> None:
    """Given root, a federated user whom CloudTrail does not know, another account: announced, with what to do."""
    event = events.guardduty("ASIA2TESTSESSION0001", name, user_type=user_type, principal_id=principal, account=ACCOUNT)
    (case,) = account.run(event)
    assert case["outcome"] == "ANNOUNCED"
    (alert,) = account.alerts()
    assert any(words in sentence for sentence in alert["not_done"])
    assert account.records(case["incident_id"], "CHANGE#") == []


def test_a_protected_role_and_a_protected_instance_are_refused(make_account: Callable[..., Account]) -> None:
    """Given protected roles, instances and the responder's own, findings on them change nothing and say why."""
    own = "tourniquet-Notify"
    instance = "i-0123456789abcdef0"
    account = make_account(
        protected=[f"arn:aws:iam::{ACCOUNT}:role/prod/ledger"], own={"role/tourniquet/": [own]}, instances=[instance]
    )
    ids = {
        "ledger": make_role(account, "ledger", EC2, path="/prod/"),
        own: make_role(account, own, {"Service": "lambda.amazonaws.com"}, path="/tourniquet/"),
        "web": make_role(account, "web", EC2),
    }
    for name, session, words in (
        ("ledger", "evil", "protected_principals"),
        (own, "evil", "the responder's own"),
        ("web", instance, "protected_instances"),
    ):
        (case,) = account.run(stolen(name, ids[name], session))
        assert case["outcome"] == "REFUSED"
        (alert,) = account.alerts()
        assert any(words in sentence for sentence in alert["not_done"])
        assert inline(account, name) == {}
        assert attached(account, name) == set()
    (case,) = account.run(stolen("web", ids["web"], "i-0123456789abcdef1", finding=EXFILTRATED, severity=8.0))
    assert case["outcome"] == "CONTAINED"


def test_a_name_or_a_path_does_not_protect(make_account: Callable[..., Account]) -> None:
    """Given an attacker's role with the responder's path and the CDK's prefix, it is cut like any other."""
    account = make_account(own={"role/tourniquet/tourniquet-": ["Notify"]})
    (ann,) = users(account, "ann")
    for name in ("tourniquet-Notify-2", "cdk-hnb659fds-cfn-exec-role-evil"):
        role_id = make_role(account, name, ann, path="/tourniquet/")
        (case,) = account.run(stolen(name, role_id, "evil"))
        assert case["outcome"] == "CONTAINED", name


def test_a_session_whose_instance_nobody_could_find_is_asked_about(make_account: Callable[..., Account]) -> None:
    """Given a protected VPC and an EC2 that does not answer, the session may be of an instance in it: people decide."""
    account = make_account(vpcs=["vpc-0000000000000000f"])
    role_id = make_role(account, "web", EC2)

    def refuse(**_: object) -> None:
        raise errors.Unavailable("no answer")

    account.on_call("before", "ec2", "DescribeInstances", refuse)
    (case,) = account.run(stolen("web", role_id, "i-0123456789abcdef0", finding=EXFILTRATED, severity=8.0))
    assert case["outcome"] == "PENDING"
    assert inline(account, "web") == {}
    (alert,) = account.alerts()
    assert any("protected VPC" in sentence for sentence in alert["not_done"])


def test_a_role_made_anew_under_the_same_name_is_left_alone(account: Account) -> None:
    """Given a finding on a role that was deleted and made again, the new one is not touched."""
    make_role(account, "web", EC2)
    (case,) = account.run(stolen("web", "AROA2TESTGONEROLE0001", "i-0123456789abcdef0"))
    assert case["outcome"] == "ANNOUNCED"
    assert inline(account, "web") == {}


def test_an_attack_sequence_cuts_every_actor_in_one_case(account: Account) -> None:
    """Given a sequence with a user and a role's session, both are cut in one case, and the instance is announced."""
    (key,) = account.user("ci-user")
    user_id = account.iam.get_user(UserName="ci-user")["User"]["UserId"]
    role_id = make_role(account, "web", EC2)
    event = events.attack_sequence(
        events.actor("ci-user", key_id=key, uid=user_id),
        events.actor("web", "AssumedRole", uid=f"{role_id}:i-0123456789abcdef0"),
        account=ACCOUNT,
    )
    (case,) = account.run(event)
    assert case["outcome"] == "CONTAINED"
    assert account.denied("ci-user")
    assert [one["StringEquals"]["aws:userid"] for one in inline(account, "web").values()] == [
        f"{role_id}:i-0123456789abcdef0"
    ]
    assert len(account.alerts()) == 1


def test_aws_quarantine_is_believed_only_of_the_victim_or_when_it_is_there(account: Account) -> None:
    """Given records of AWS' quarantine, the victim's own is contained, a forged one is not, an attached one is."""
    (key,) = account.user("victim")
    (case,) = account.run(events.quarantine("victim", key, error="AccessDenied", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.denied("victim")
    account.alerts()
    account.user("innocent")
    (case,) = account.run(events.quarantine("innocent", key, caller="mallory", account=ACCOUNT))
    assert case["outcome"] == "ANNOUNCED"
    assert not account.denied("innocent")
    (alert,) = account.alerts()
    assert any("can be forged" in sentence for sentence in alert["not_done"])
    policy = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    account.iam.attach_user_policy(UserName="innocent", PolicyArn=policy)
    (case,) = account.run(events.quarantine("innocent", key, caller="mallory", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.denied("innocent")


def test_instances_are_announced_each_kind_of_signal_once(account: Account) -> None:
    """Given an instance that attacks others, each kind of signal about it is told once, repeats are silent."""
    instance = "i-0123456789abcdef0"
    first = events.instance_finding(instance, "Backdoor:EC2/C&CActivity.B", account=ACCOUNT)
    second = events.instance_finding(instance, "UnauthorizedAccess:EC2/SSHBruteForce", role="TARGET", account=ACCOUNT)
    for event in (first, first, second, second, events.abuse(instance, account=ACCOUNT)):
        (case,) = account.run(event)
        assert case["outcome"] in {"ANNOUNCED", "REPEATED"}
    assert len(account.alerts()) == 3
    assert len(account.cases()) == 1


def test_a_finding_that_names_nobody_is_one_case_however_often_it_comes(account: Account) -> None:
    """Given a finding on a database that GuardDuty repeats, people are told once."""
    event = events.instance_finding(
        "not-an-instance", "CredentialAccess:RDS/AnomalousBehavior.FailedLogin", account=ACCOUNT
    )
    event["detail"]["resource"] = {"resourceType": "RDSDBInstance"}
    for count in range(3):
        event["detail"]["service"]["count"] = count
        account.run(event)
    assert len(account.alerts()) == 1
    assert len(account.cases()) == 1


def test_a_session_named_like_a_protected_instance_is_cut(make_account: Callable[..., Account]) -> None:
    """Given a role that users may assume, a session that bears a protected instance's id is denied like any other."""
    instance = "i-0123456789abcdef0"
    account = make_account(instances=[instance], vpcs=["vpc-0000000000000000f"])
    role_id = make_role(account, "deploy", *users(account, "ann", "bob"))
    (case,) = account.run(stolen("deploy", role_id, instance))
    assert case["outcome"] == "PENDING"
    assert [one["StringEquals"]["aws:userid"] for one in inline(account, "deploy").values()] == [
        f"{role_id}:{instance}"
    ]
    (alert,) = account.alerts()
    assert any("under another name" in sentence for sentence in alert["not_done"])


def test_a_user_whose_rotated_key_iam_was_too_slow_to_tell_about_is_left_to_a_person(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a key that was deleted and an IAM that answers triage too late, the user is not denied by name alone."""
    account.user("ci-user")
    monkeypatch.setattr(facts, "gather", lambda client, incident: gather(client, incident, 0.0))
    event = events.health("AKIAIOSFODNN7GHOST00", user="ci-user", account=ACCOUNT)
    (case,) = account.run(event)
    assert case["outcome"] == "FAILED"
    assert not account.denied("ci-user")
    (alert,) = account.alerts()
    assert {entry["action"]: entry["error"] for entry in alert["actions"]} == {
        "disable_key": "TargetGone",
        "deny_principal": "Doubtful",
    }
    assert any("attach-user-policy" in step for step in alert["next_steps"])
