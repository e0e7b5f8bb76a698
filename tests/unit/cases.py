"""What tests of plans and alerts are made of: a user and its key, a role and its session, what may become of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas import actions, commands
from lambdas.alert import Story
from lambdas.guardrails import Guardrails
from lambdas.model import (
    Change,
    Fact,
    Incident,
    InstanceFact,
    Kind,
    Mode,
    Outcome,
    Result,
    RoleFact,
    Signal,
    Standing,
    Target,
)
from lambdas.planning import Plan, assign, outcome, plan, standing
from lambdas.playbooks import playbook_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.model import Json, PlanItem
    from lambdas.playbooks.shape import Playbook

ACCOUNT = "123456789012"
CASE = "inc-20261120-0123456789"
RESPOND = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:tourniquet-respond"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:tourniquet-respond:5be1c0de-0000-4000-8000-00000000a1b2"
AT = "2026-11-20T03:09:15.250Z"

KEY = "AKIA2TESTEXPOSED0001"
OTHER_KEY = "AKIA2TESTEXPOSED0009"
SESSION_KEY = "ASIA2TESTSESSION0001"
USER = "ci-user"
USER_ID = "AIDA2TESTCIUSER00001"
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/pipelines/{USER}"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"

ROLE = "deploy"
ROLE_ID = "AROA2TESTDEPLOYROLE1"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/pipelines/{ROLE}"
INSTANCE = "i-0123456789abcdef0"
VPC = "vpc-0123456789abcdef0"
REGION = "eu-west-1"
BUCKET = "tourniquet-evidence"
ISOLATED, THROUGH, OWNERS = "sg-0isolated000000", "sg-0open0000000000", "sg-0owners00000000"
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/team/web"
GONE, UNKNOWN = Fact(standing=Standing.GONE), Fact(standing=Standing.UNKNOWN)

ASK = {"id": "0123456789abcdef", "answer_by": "2026-11-20T04:09:15.250Z", "then": "expire"}


def key(key_id: str = KEY, name: str = USER, account: str = ACCOUNT) -> Target:
    """Give an access key as a target."""
    return Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=account)


def user(name: str = USER, user_id: str = "", account: str = ACCOUNT) -> Target:
    """Give a user as a target."""
    return Target(kind=Kind.USER, id=user_id, name=name, account=account)


def role(name: str = ROLE, role_id: str = "", account: str = ACCOUNT) -> Target:
    """Give a role as a target."""
    return Target(kind=Kind.ROLE, id=role_id, name=name, account=account)


def session(called: str = "attacker", name: str = ROLE, account: str = ACCOUNT) -> Target:
    """Give a session of a role as a target, by the session's name; without one only the role's id is known."""
    return Target(kind=Kind.ROLE_SESSION, id=f"{ROLE_ID}:{called}" if called else ROLE_ID, name=name, account=account)


def federated(name: str = "visitor", account: str = ACCOUNT) -> Target:
    """Give a federated user as a target."""
    return Target(kind=Kind.FEDERATED_USER, id=f"{account}:{name}", name=name, account=account)


def instance(instance_id: str = INSTANCE, region: str = REGION, account: str = ACCOUNT) -> Target:
    """Give an instance as a target."""
    return Target(kind=Kind.INSTANCE, id=instance_id, account=account, region=region)


def of_instance(*, group: str = "", profile: str = PROFILE, alone: bool = False, **fact: Any) -> Fact:
    """Give the fact of an instance that is there, with a role that EC2 alone can assume."""
    found = of_role(of_instances=True) if profile else Fact(standing=Standing.HERE)
    here_ = InstanceFact(region=REGION, group=group, profile=profile, alone=alone)
    return replace(found, instance=here_, **({"vpcs": (VPC,)} | fact))


def of_role(
    *,
    shared: bool = True,
    names_chosen: bool = True,
    of_instances: bool = False,
    unchangeable: str = "",
    arn: str = ROLE_ARN,
    **fact: Any,
) -> Fact:
    """Give the fact of a role that is there, or of a session of it."""
    found = RoleFact(
        name=arn.rpartition("/")[2],
        role_id=ROLE_ID,
        arn=arn,
        shared=shared,
        names_chosen=names_chosen and not of_instances,
        of_instances=of_instances,
        unchangeable=unchangeable,
    )
    return Fact(standing=Standing.HERE, role=found, **fact)


def here(name: str = USER, *, user_id: str = USER_ID, arn: str = "", keys: tuple[str, ...] = (KEY,)) -> Fact:
    """Give the fact of a user that is there, with active keys."""
    return Fact(
        standing=Standing.HERE,
        user=name,
        user_id=user_id,
        arn=arn or f"arn:aws:iam::{ACCOUNT}:user/pipelines/{name}",
        keys=dict.fromkeys(keys, "Active"),
    )


def incident(
    *targets: Target,
    source: str = "aws.health",
    type_: str = "AWS_RISK_CREDENTIALS_EXPOSED",
    wanted: Mode | None = None,
    notes: tuple[str, ...] = (),
    context: tuple[tuple[str, str], ...] = (),
    **signal: Any,
) -> Incident:
    """Give an incident about some targets; an exposed key unless said otherwise."""
    given: dict[str, Any] = {
        "account": ACCOUNT,
        "region": "us-east-1",
        "severity": 8.0,
        "at": "2026-11-20T03:09:12Z",
    } | signal
    title = str(given.pop("title", "AWS found an access key of yours in public"))
    return Incident(
        signal=Signal(source=source, type=type_, id="0123456789abcdef0123", title=title, **given),
        targets=targets,
        wanted=wanted,
        notes=notes,
        context=context,
    )


def planned(
    found: Incident,
    facts: Mapping[Target, Fact] | None = None,
    *,
    playbook: Playbook | None = None,
    **guardrails: Any,
) -> Plan:
    """Plan the answer to an incident, with the playbook that answers it."""
    return plan(found, facts or {}, playbook or playbook_for(found.signal), Guardrails(account=ACCOUNT, **guardrails))


def change(item: PlanItem, result: Result = Result.DONE, **fields: Any) -> Change:
    """Give the change that the item's action would answer with."""
    before, after = _states(item)
    if result is Result.ALREADY:
        before = after
    given: dict[str, Any] = {"before": before, "after": after, "changed": result is Result.DONE, "at": AT} | fields
    return Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        result=result,
        **given,
    )


def _states(item: PlanItem) -> tuple[Json, Json]:
    """Give what the item's action reads before and after it makes the change."""
    name, was = item.args.get("user") or item.target.name, item.target.id
    if item.target.kind is Kind.INSTANCE:
        base = {"instance": was, "region": item.target.region}
        before, after = _states_of_instance(item)
        return base | before, base | after
    match item.action, item.target.kind:
        case "disable_key", _:
            base = {"user": name, "key_id": was}
            return {**base, "status": "Active"}, {**base, "status": "Inactive"}
        case "revoke_sessions", kind:
            one = was if kind is Kind.ROLE_SESSION else ""
            base = {
                "role": item.target.name,
                "role_id": item.args.get("role_id", ROLE_ID),
                "policy": f"Tourniquet-{item.incident_id}-{item.id}",
                "session": one,
                "issued_until": item.args.get("issued_until", ""),
            }
            denied = commands.session_denied(one) if one else commands.older_sessions_denied("2026-11-20T03:09:45Z")
            return {**base, "document": ""}, {**base, "document": json.dumps(denied)}
        case _, Kind.ROLE:
            base = {"kind": "role", "role": item.target.name, "role_id": was}
        case _:
            base = {"kind": "user", "user": name, "user_id": USER_ID, "via_key": item.args.get("via_key", "")}
    base |= {"deny_policy": DENY_ALL, "boundary": ""}
    return {**base, "attached": False}, {**base, "attached": True}


def _states_of_instance(item: PlanItem) -> tuple[Json, Json]:  # noqa: PLR0911  (one an action)
    """Give what an action on an instance reads before and after: one interface, one volume, nothing kept yet."""
    folder = f"incidents/{item.incident_id}/{item.target.id}/"
    evidence: Json = {"incident": item.incident_id, "bucket": BUCKET}
    match item.action:
        case "isolate_instance":
            return interfaces({"eni-1": (VPC, OWNERS)}), interfaces({"eni-1": (VPC, ISOLATED)})
        case "stop_instance":
            return {"state": "running"}, {"state": "stopping"}
        case "take_profile":
            return {"profile": PROFILE, "association": "iip-assoc-1"}, {"profile": "", "association": ""}
        case "leave_groups":
            return {"group": "web", "lifecycle": "InService"}, {"group": "web", "lifecycle": "Detaching"}
        case "leave_balancers":
            behind = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef"
            one = {"Id": item.target.id, "Ports": [80]}
            return {"targets": {behind: [one]}, "balancers": ["classic"]}, {"targets": {}, "balancers": []}
        case "protect_instance":
            volume = {"device": "/dev/sda1", "delete": True}
            before: Json = {"termination": False, "shutdown": "terminate", "volumes": {"vol-1": volume}}
            after: Json = {"termination": True, "shutdown": "stop", "volumes": {"vol-1": volume | {"delete": False}}}
            return {"spot": False} | before, {"spot": False} | after
        case "lock_metadata":
            base = {"tokens": "required", "hop_limit": 2}
            return base | {"endpoint": "enabled"}, base | {"endpoint": "disabled"}
        case "snapshot_volumes":
            base = evidence | {"days": 90, "root": "vol-1"}
            made = {"volumes": {"vol-1": "snap-1"}, "locked": {"snap-1": True}, "encrypted": {"snap-1": True}}
            return base | {"volumes": {"vol-1": ""}, "locked": {}, "encrypted": {}}, base | made
        case "record_instance":
            base = evidence | {"key": f"{folder}before.json"}
        case _:
            base = evidence | {"folder": folder}
    return base | {"kept": False}, base | {"kept": True}


def interfaces(groups: Mapping[str, tuple[str, str]], left: Mapping[str, str] | None = None) -> Json:
    """Give what isolate_instance reads: each interface's VPC and group, and the open groups that were left."""
    ours = {vpc: group for vpc, group in groups.values() if group.startswith(ISOLATED)}
    return {
        "interfaces": {name: {"vpc": vpc, "groups": [group]} for name, (vpc, group) in groups.items()},
        "groups": {vpc: {"id": ours.get(vpc, ""), "empty": vpc in ours} for vpc, _ in groups.values()},
        "open": {vpc: {"id": group, "empty": True} for vpc, group in (left or {}).items()},
    }


def failed(item: PlanItem, error: str = "NotPermitted", reason: str = "") -> Change:
    """Give the change of an item whose action raised an error."""
    return change(item, Result.FAILED, before={}, after={}, error=error, reason=reason)


def story(
    found: Incident,
    answer: Plan,
    *,
    results: tuple[Result, ...] = (),
    changes: Mapping[str, Change] | None = None,
    ask: Mapping[str, str] | None = None,
    decision: Mapping[str, str] | None = None,
    **fields: Any,
) -> Story:
    """Tell how a plan ended: with ``results`` in the plan's order, or with the changes given.

    With an ``ask`` people are asked about what needs an answer; with a ``decision`` (see ``decided``) that is settled.
    """
    items = assign(answer.items, {}, CASE)
    if changes is None:
        changes = {
            item.id: failed(item) if result is Result.FAILED else change(item, result)
            for item, result in zip(items, results, strict=False)
        }
    waiting = [item.id for item in items] if ask else []
    settled = (
        {"reject": "rejected", "expire": "expired", "contain": "expired"}.get(decision["answer"], "")
        if decision
        else ""
    )
    ended = standing(items, changes, waiting=waiting, settled=settled)
    given: dict[str, Any] = {
        "outcome": outcome(result for result, _ in ended.values()),
        "mode": answer.mode,
        "why_mode": answer.why_mode,
        "observe_all": False,
        "not_done": answer.not_done,
        "next_steps": playbook_for(found.signal).steps(_kinds(found, items)),
    } | fields
    return Story(
        incident_id=CASE,
        incident=found,
        items=items,
        results=ended,
        changes=changes,
        execution=EXECUTION,
        respond=RESPOND,
        at=AT,
        undo=lambda made: actions.load(made.action).undo_command(made),
        ask=ask,
        decision=decision,
        **given,
    )


def _kinds(found: Incident, items: Iterable[PlanItem]) -> set[Kind]:
    """Give what people follow up, as notify does: what the signal names, and the instances behind it."""
    return {target.kind for target in found.targets} | ({item.target.kind for item in items} & {Kind.INSTANCE})


def decided(answer: str, reason: str = "") -> dict[str, str]:
    """Give how a question ended."""
    return {"answer": answer, "at": "2026-11-20T03:31:00.000Z", "asked_at": AT, "reason": reason}


__all__ = [
    "ACCOUNT",
    "ASK",
    "AT",
    "BUCKET",
    "CASE",
    "DENY_ALL",
    "EXECUTION",
    "GONE",
    "INSTANCE",
    "ISOLATED",
    "KEY",
    "OTHER_KEY",
    "OWNERS",
    "PROFILE",
    "REGION",
    "RESPOND",
    "ROLE",
    "ROLE_ARN",
    "ROLE_ID",
    "SESSION_KEY",
    "THROUGH",
    "UNKNOWN",
    "USER",
    "USER_ARN",
    "USER_ID",
    "VPC",
    "Outcome",
    "change",
    "decided",
    "failed",
    "federated",
    "here",
    "incident",
    "instance",
    "interfaces",
    "key",
    "of_instance",
    "of_role",
    "planned",
    "role",
    "session",
    "story",
    "user",
]
