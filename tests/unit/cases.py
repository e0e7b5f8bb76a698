"""What tests of plans and alerts are made of: one user, its key, and what may become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas import actions
from lambdas.alert import Story
from lambdas.guardrails import Guardrails
from lambdas.model import Change, Fact, Incident, Kind, Mode, Outcome, Result, Signal, Standing, Target
from lambdas.planning import Plan, assign, outcome, plan, standing
from lambdas.playbooks import playbook_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.model import PlanItem
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


def key(key_id: str = KEY, name: str = USER, account: str = ACCOUNT) -> Target:
    """Give an access key as a target."""
    return Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=account)


def user(name: str = USER, user_id: str = "", account: str = ACCOUNT) -> Target:
    """Give a user as a target."""
    return Target(kind=Kind.USER, id=user_id, name=name, account=account)


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
    name, was = item.args.get("user") or item.target.name, item.target.id
    if item.action == "disable_key":
        before, after = ({"user": name, "key_id": was, "status": status} for status in ("Active", "Inactive"))
    else:
        base = {"user": name, "user_id": USER_ID, "deny_policy": DENY_ALL, "boundary": ""}
        before, after = {**base, "attached": False}, {**base, "attached": True}
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


def failed(item: PlanItem, error: str = "NotPermitted", reason: str = "") -> Change:
    """Give the change of an item whose action raised an error."""
    return change(item, Result.FAILED, before={}, after={}, error=error, reason=reason)


def story(
    found: Incident,
    answer: Plan,
    *,
    results: tuple[Result, ...] = (),
    changes: Mapping[str, Change] | None = None,
    **fields: Any,
) -> Story:
    """Tell how a plan ended: with ``results`` in the plan's order, or with the changes given."""
    items = assign(answer.items, {}, CASE)
    if changes is None:
        changes = {
            item.id: failed(item) if result is Result.FAILED else change(item, result)
            for item, result in zip(items, results, strict=False)
        }
    ended = standing(items, changes)
    given: dict[str, Any] = {
        "outcome": outcome(result for result, _ in ended.values()),
        "mode": answer.mode,
        "why_mode": answer.why_mode,
        "observe_all": False,
        "not_done": answer.not_done,
        "next_steps": playbook_for(found.signal).next_steps,
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
        **given,
    )


__all__ = [
    "ACCOUNT",
    "AT",
    "CASE",
    "DENY_ALL",
    "EXECUTION",
    "KEY",
    "OTHER_KEY",
    "RESPOND",
    "SESSION_KEY",
    "USER",
    "USER_ARN",
    "USER_ID",
    "Outcome",
    "change",
    "failed",
    "here",
    "incident",
    "key",
    "planned",
    "story",
    "user",
]
