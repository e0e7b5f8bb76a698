"""Least privilege: over all the stories together, what a function calls is what it is granted, and no less."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from demo import events
from demo.emulator import moto_fixes
from lambdas import actions, aws, errors, journal
from lambdas.handlers import notify, triage
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from tests.flows import account as account_module
from tests.flows.account import ACCOUNT, Account, placeholder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.aws import Grant

_SERVICES = {"sfn": "states"}


def granted(grants: Iterable[Grant]) -> set[str]:
    """Name what must be called: a grant that another call implies is not."""
    return {grant.action for grant in grants if not grant.implied_by}


def calls_of(model: Any, params: Any) -> set[str]:  # noqa: ANN401 - botocore's own
    """Name the IAM actions that a call needs; a transaction needs those of its items."""
    service = model.service_model.endpoint_prefix if model.service_model.service_name != "stepfunctions" else "states"
    if model.name == "TransactWriteItems":
        body = json.loads(params["body"])
        return {f"dynamodb:{kind}Item" for item in body["TransactItems"] for kind in item}
    return {f"{_SERVICES.get(service, service)}:{model.name}"}


class Recorder:
    """Which function called what: a thread that is no function's is one of triage's, which asks in parallel."""

    def __init__(self) -> None:
        self.calls: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def __call__(self, model: Any, params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        """Note one call."""
        variables = getattr(account_module._local, "variables", None)  # noqa: SLF001 - the harness' own
        function = "triage" if variables is None else getattr(account_module._local, "name", "")  # noqa: SLF001 - too
        with self._lock:
            self.calls.setdefault(function, set()).update(calls_of(model, params))


def tell_every_story(account: Account) -> None:
    """Run what makes each function use all that it may."""
    leaked, second = account.user("ci-user", keys=2)
    health = events.health(leaked, user="ci-user", account=ACCOUNT)
    account.run(health)
    account.run(events.guardduty(second, "ci-user", account=ACCOUNT))
    account.failures["NotifyFunctionArn"] = [errors.Unexpected("boom")]
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


def test_what_is_granted_is_what_is_called(account: Account) -> None:
    """Given all the stories, each function's calls and its grants are the same set."""
    recorder = Recorder()
    aws._session().events.register("before-call", recorder)  # noqa: SLF001 - every client of the functions
    tell_every_story(account)
    assert recorder.calls["triage"] | recorder.calls["TriageFunctionArn"] == granted(triage.GRANTS)
    assert recorder.calls["NotifyFunctionArn"] == granted(notify.GRANTS)
    for name in actions.names():
        wanted = granted([*actions.load(name).grants, *journal.CHANGE_GRANTS])
        assert recorder.calls[placeholder(name)] == wanted, name


@pytest.mark.parametrize("name", actions.names())
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
        deny = f"arn:aws:iam::aws:policy/{aws.DENY_ALL}"
        for way, boundary in (("policy", ""), ("boundary", ""), ("boundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")):
            iam.create_user(UserName="u")
            key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
            if boundary:
                iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=boundary)
            kind = Kind.ACCESS_KEY if name == "disable_key" else Kind.USER
            target = Target(kind=kind, id=key if kind is Kind.ACCESS_KEY else "", name="u")
            item = PlanItem(incident_id="i", action=name, target=target, args={"via_key": key}, mode=Mode.CONTAIN)
            before = action.look(iam, item)
            if name == "deny_principal" and way == "boundary":
                iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=deny)
            else:
                action.apply(iam, before)
            change = Change(
                item_id="x",
                incident_id="i",
                action=name,
                target=target,
                before=before,
                after=action.look(iam, item),
                result=Result.DONE,
            )
            iam.update_user(UserName="u", NewUserName=f"renamed-{way}-{bool(boundary)}")
            action.undo(undoing, change)
    assert recorder.calls["triage"] == granted(action.undo_grants)
