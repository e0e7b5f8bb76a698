"""Least privilege: over all the stories together, what a function calls is what it is granted, and no less."""

from __future__ import annotations

import json
import threading
from itertools import product
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from demo import events
from demo.emulator import moto_fixes
from lambdas import actions, aws, errors, journal
from lambdas.handlers import approval, notify, restore, triage
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from tests.estate import Estate
from tests.flows import account as account_module
from tests.flows.account import ACCOUNT, REGION, Account, placeholder
from tests.flows.test_principals import EC2, make_role, stolen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.aws import Grant

_SERVICES = {"sfn": "states", "email": "ses", "api.ecr": "ecr", "api.sagemaker": "sagemaker"}
_OF_S3 = {
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}


def granted(grants: Iterable[Grant]) -> set[str]:
    """Name what must be called: a grant that another call implies is not."""
    return {grant.action for grant in grants if not grant.implied_by}


def calls_of(model: Any, params: Any) -> set[str]:  # noqa: ANN401 - botocore's own
    """Name the IAM actions that a call needs; a transaction needs those of its items."""
    service = model.service_model.endpoint_prefix if model.service_model.service_name != "stepfunctions" else "states"
    if model.name == "TransactWriteItems":
        body = json.loads(params["body"])
        return {f"dynamodb:{kind}Item" for item in body["TransactItems"] for kind in item}
    if model.service_model.service_name == "s3":
        return {f"s3:{_OF_S3.get(model.name, model.name)}"}
    return {f"{_SERVICES.get(service, service)}:{model.name}"}


class Recorder:
    """Which function called what; outside of any function, what ``""`` called."""

    def __init__(self) -> None:
        self.calls: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def __call__(self, model: Any, params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        """Note one call."""
        function = getattr(account_module._local, "name", "")  # noqa: SLF001 - the harness' own
        with self._lock:
            self.calls.setdefault(function, set()).update(calls_of(model, params))


def tell_every_story(account: Account) -> None:
    """Run what makes each function use all that it may."""
    leaked, second = account.user("ci-user", keys=2)
    health = events.health(leaked, user="ci-user", account=ACCOUNT)
    account.run(health)
    account.run(events.guardduty(second, "ci-user", account=ACCOUNT))
    account.failures["NotifyFunctionArn"] = [errors.Unexpected("boom"), errors.Unexpected("boom")]
    (third,) = account.user("third")
    account.run(events.health(third, account=ACCOUNT))
    account.run(events.trusted_advisor(third, "third", account=ACCOUNT))
    (full,) = account.user("full")
    account.fill_policy_quota("full")
    account.run(events.health(full, account=ACCOUNT))
    (moved,) = account.user("before")
    done: list[bool] = []

    def rename() -> None:
        if not done:
            done.append(True)
            account.iam.update_user(UserName="before", NewUserName="after")

    account.before["DisableKeyFunctionArn"] = account.before["DenyPrincipalFunctionArn"] = rename
    account.run(events.health(moved, account=ACCOUNT))
    tell_of_roles(account)
    tell_of_questions(account)
    tell_of_instances(account)
    tell_of_restores(account)


def tell_of_restores(account: Account) -> None:
    """Run what the restore function and the undo functions use: every case is restored, with its keys."""
    for case in account.cases():
        account.restore(case["pk"], reactivate_keys=True)


def tell_of_roles(account: Account) -> None:
    """Run what the actions on roles use: a session, a whole role, a role whose policies are full, a temporary key."""
    role_id = make_role(account, "web", EC2)
    account.run(stolen("web", role_id, "i-0123456789abcdef0"))
    account.run({"role_name": "web"})
    make_role(account, "crowded", EC2)
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for number in range(moto_fixes.POLICIES_PER_IDENTITY):
        policy = account.iam.create_policy(PolicyName=f"crowded-{number}", PolicyDocument=document)["Policy"]["Arn"]
        account.iam.attach_role_policy(RoleName="crowded", PolicyArn=policy)
    account.run({"role_name": "crowded"})
    account.run({"access_key_id": "ASIA2TESTSESSION0001"})


def tell_of_questions(account: Account) -> None:
    """Run what the approval function uses: a question that is answered, one that nobody asked, AWS' quarantine."""
    (key,) = account.user("asked")
    (case,) = account.run(events.health(key, code="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", account=ACCOUNT))
    account.finish_waiting_to_begin(case["incident_id"])
    account.answer(case["incident_id"], "approve")
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    account.answer("inc-20261120-0000000000", "approve")
    account.run(events.quarantine("asked", key, caller="somebody", account=ACCOUNT))


def tell_of_instances(account: Account) -> None:
    """Run what triage and the actions on instances use; what an interrupted one calls besides has its own tests."""
    estate = Estate(lambda service: boto3.client(service, region_name=REGION))  # type: ignore[call-overload]  # any service
    place, role = estate.place(), estate.role()
    for machine in (estate.grouped(place, role=role), estate.machine(place, role=role, volumes=2)):
        account.run(events.instance_finding(machine.id, account=ACCOUNT))
    account.deploy_again(extras={"compromised_instance": ["stop_instance"]})
    account.run(events.instance_finding(estate.machine(place).id, account=ACCOUNT))


def test_what_is_granted_is_what_is_called(account: Account) -> None:
    """Given all the stories, each function's calls and its grants are the same set."""
    recorder = Recorder()
    aws._session().events.register("before-call", recorder)  # noqa: SLF001 - every client of the functions
    tell_every_story(account)
    assert recorder.calls["TriageFunctionArn"] == granted(triage.GRANTS)
    assert recorder.calls["NotifyFunctionArn"] == granted(notify.GRANTS)
    assert recorder.calls["ApprovalFunctionArn"] == granted(approval.GRANTS)
    for name in actions.names():
        wanted, called = (
            granted([*actions.load(name).grants, *journal.CHANGE_GRANTS]),
            recorder.calls[placeholder(name)],
        )
        assert called <= wanted if actions.load(name).on_instances else called == wanted, name
    assert recorder.calls["RestoreFunctionArn"] == granted(restore.GRANTS)
    for name in actions.names():
        grants = actions.load(name).undo_grants
        called = recorder.calls.get(f"Undo{placeholder(name)}", set())
        assert called <= granted([*grants, *journal.UNDO_GRANTS]), name
        assert bool(called) == bool(grants), f"{name} was never undone"


DENY = f"arn:aws:iam::aws:policy/{aws.DENY_ALL}"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
WAYS = ("plain", "boundary", "boundary over another")
#: An undo that leaves a policy that stood there before to a person.
_LEFT_TO_A_PERSON = ("revoke_sessions", "boundary over another")


def item_for(name: str, kind: Kind, iam: Any, number: int, way: str) -> PlanItem:  # noqa: ANN401 - boto3's client
    """Make a fresh user or role, as the way wants it, and give the item that an action works on."""
    fresh = f"one-{number}"
    if kind in {Kind.ROLE, Kind.ROLE_SESSION}:
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        made = iam.create_role(RoleName=fresh, AssumeRolePolicyDocument=trust)["Role"]["RoleId"]
        if way == "boundary over another" and name == "deny_principal":
            iam.put_role_permissions_boundary(RoleName=fresh, PermissionsBoundary=READ_ONLY)
        unique = f"{made}:evil" if kind is Kind.ROLE_SESSION else made
        return PlanItem(
            incident_id="i", action=name, target=Target(kind=kind, id=unique, name=fresh), mode=Mode.CONTAIN
        )
    iam.create_user(UserName=fresh)
    key = iam.create_access_key(UserName=fresh)["AccessKey"]["AccessKeyId"]
    if way == "boundary over another":
        iam.put_user_permissions_boundary(UserName=fresh, PermissionsBoundary=READ_ONLY)
    target = Target(kind=kind, id=key if kind is Kind.ACCESS_KEY else "", name=fresh)
    return PlanItem(incident_id="i", action=name, target=target, args={"via_key": key}, mode=Mode.CONTAIN)


def make(iam: Any, action: Any, item: PlanItem, way: str) -> Change:  # noqa: ANN401 - boto3's client, an Action
    """Make an item's change in one of its ways; give the change."""
    name = item.target.name
    if action.name == "revoke_sessions" and way == "boundary over another":  # somebody's policy under our name
        statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=name, PolicyName=f"Tourniquet-i-{item.id}", PolicyDocument=document)
    before = action.look(iam, item)
    if action.name == "deny_principal" and way != "plain" and item.target.kind is Kind.ROLE:
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=DENY)
    elif action.name == "deny_principal" and way != "plain":
        iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=DENY)
    else:
        action.apply(iam, before)
    return Change(
        item_id="x",
        incident_id="i",
        action=action.name,
        target=item.target,
        before=before,
        after=action.look(iam, item),
        result=Result.DONE,
    )


KINDS = {
    "disable_key": (Kind.ACCESS_KEY,),
    "deny_principal": (Kind.USER, Kind.ROLE),
    "revoke_sessions": (Kind.ROLE_SESSION, Kind.ROLE),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_granted_to_undo_is_what_undo_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an action that was made in each of its ways, its undo calls what its undo grants allow."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    recorder = Recorder()
    config: Any = {"iam": {"load_aws_managed_policies": True}}
    action = actions.load(name)
    with mock_aws(config=config):
        moto_fixes.install()
        session = boto3.Session(region_name="us-east-1")
        undoing = session.client("iam")
        undoing.meta.events.register("before-call", recorder)
        iam = session.client("iam")
        for number, (kind, way) in enumerate(product(KINDS[name], WAYS)):
            item = item_for(name, kind, iam, number, way)
            change = make(iam, action, item, way)
            if kind in {Kind.USER, Kind.ACCESS_KEY}:
                iam.update_user(UserName=item.target.name, NewUserName=f"renamed-{number}")
            if (name, way) == _LEFT_TO_A_PERSON:
                with pytest.raises(errors.StateChanged):
                    action.undo(undoing, change)
            else:
                action.undo(undoing, change)
    assert recorder.calls[""] == granted(action.undo_grants)
