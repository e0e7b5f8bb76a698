"""IAM as late as on AWS: for users of some names, what denies them and their keys counts seconds after it was written.

IAM shows a change at once and enforces it three to four seconds later. Between the two whoever has the credentials can
undo the change. LocalEmu enforces at once, so a fight over a containment cannot be fought there. The users whose
names begin with one of DEMO_LATE_USERS (separated by commas) are late; they have to be administrators, because what
they may do until then is taken to be everything. Other users, and roles, are not touched by this.

May touch: LocalEmu's enforcement in this process.
Never does: make anybody late who is not named.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localemu.services.iam_enforcement import enforcer, evaluator
from localemu.services.iam_enforcement.identity import CallerIdentity
from moto.iam.models import iam_backends

if TYPE_CHECKING:
    from collections.abc import Callable

_LATE = tuple(filter(None, os.environ.get("DEMO_LATE_USERS", "").split(",")))
_LEAST_SECONDS, _MOST_SECONDS = 3.0, 4.0
_DENY = "AWSDenyAll"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What counts for a user from a time on: whether AWSDenyAll denies it, and which of its keys are active."""

    since: float
    denied: bool
    active: frozenset[str]


_states: dict[tuple[str, str], list[_State]] = {}
_noting = threading.Lock()


def install() -> None:
    """Make the named users late. To be called once, after ``iam_as_aws``; without names it does nothing."""
    if not _LATE:
        return
    enforcer.IAMEnforcementHandler.__call__ = _noticing(enforcer.IAMEnforcementHandler.__call__)
    enforcer.resolve_caller = _resolving(enforcer.resolve_caller)
    evaluator.PolicyEvaluator.evaluate = _evaluating(evaluator.PolicyEvaluator.evaluate)


def _noticing(judge: Callable[..., None]) -> Callable[..., None]:
    """At each call note what was written meanwhile, and from when on it counts."""

    def noticed(self: Any, chain: object, context: Any, response: object) -> None:  # noqa: ANN401 - LocalEmu is untyped
        _note(context.account_id)
        judge(self, chain, context, response)

    return noticed


def _note(account: str | None) -> None:
    if not account:
        return
    with _noting:
        for user in list(iam_backends[account]["global"].users.values()):
            if user.name.startswith(_LATE):
                known = _states.setdefault((account, user.name), [])
                now = _state(user)
                if not known or (known[-1].denied, known[-1].active) != now:
                    known.append(_State(since=_since(known, *now), denied=now[0], active=now[1]))


def _since(known: list[_State], denied: bool, active: frozenset[str]) -> float:  # noqa: FBT001 - half of a state
    """Say from when on a state counts: a key that is new at once, anything else late."""
    ever = frozenset[str]().union(*(state.active for state in known))
    if not known or (denied == known[-1].denied and active - known[-1].active and not active & ever - known[-1].active):
        return time.monotonic() if known else 0.0
    late = time.monotonic() + random.uniform(_LEAST_SECONDS, _MOST_SECONDS)  # noqa: S311 - no secret
    return max(late, known[-1].since)


def _state(user: Any) -> tuple[bool, frozenset[str]]:  # noqa: ANN401 - moto is untyped
    attached = any(str(arn).endswith(f"/{_DENY}") for arn in user.managed_policies)
    active = frozenset(key.access_key_id for key in user.access_keys if key.status == "Active")
    return attached or _DENY in str(getattr(user, "permissions_boundary", None) or ""), active


def _counting(account: str, name: str) -> _State | None:
    """Give the state that counts now; ``None`` where nothing is known of a user."""
    with _noting:
        known = _states.get((account, name), [])
        return next((state for state in reversed(known) if state.since <= time.monotonic()), None)


def _resolving(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Know a late user's key by the status that counts; one that is too new to count is known by its own."""

    def resolved(access_key_id: str, account_id: str, region: str) -> Any:  # noqa: ANN401 - LocalEmu is untyped
        user = _owner(account_id, access_key_id)
        state = _counting(account_id, user.name) if user is not None and user.name.startswith(_LATE) else None
        if state is None or not any(access_key_id in one.active for one in _states[(account_id, user.name)][:-1]):
            return resolve(access_key_id, account_id, region)
        if access_key_id not in state.active:
            return None
        return CallerIdentity(
            principal_type="User",
            account_id=account_id,
            arn=user.arn,
            username=user.name,
            access_key_id=access_key_id,
            tags={},
        )

    return resolved


def _owner(account: str, access_key: str) -> Any:  # noqa: ANN401 - moto is untyped
    users = list(iam_backends[account]["global"].users.values()) if access_key else []
    return next((user for user in users if any(key.access_key_id == access_key for key in user.access_keys)), None)


def _evaluating(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Judge a late user by the deny that counts; without one it may do everything."""

    def judged(self: object, *, caller: Any, **call: Any) -> Any:  # noqa: ANN401 - LocalEmu is untyped
        name = str(getattr(caller, "username", "") or "")
        state = _counting(caller.account_id, name) if name.startswith(_LATE) else None
        if state is None:
            return evaluate(self, caller=caller, **call)
        return evaluator.Decision.EXPLICIT_DENY if state.denied else evaluator.Decision.ALLOW

    return judged
