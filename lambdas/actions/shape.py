"""What an action is made of.

May touch: nothing.
Never: calls an action; the act handler does, and journals around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_iam import IAMClient

    from lambdas.aws import Grant
    from lambdas.model import Change, Json, PlanItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One power over an account.

    ``look`` reads the state that the action cares about, as JSON; it resolves a renamed target again and raises
    TargetGone when there is none. ``verify`` says of such a reading whether the target is contained. ``apply`` makes
    the change on the target as it was just read, and can be repeated. ``rebase`` says what to put back when the change
    was undone by somebody and made anew, from the state before the first time and the one before the latest.
    ``undo`` puts back what ``before`` of a change recorded. ``undo_command`` gives the same as lines for a shell,
    without a whole key id in them, or nothing where there is nothing to undo.
    """

    name: str
    grants: tuple[Grant, ...]
    undo_grants: tuple[Grant, ...]
    look: Callable[[IAMClient, PlanItem], Json]
    verify: Callable[[Json], bool]
    apply: Callable[[IAMClient, Json], None]
    rebase: Callable[[Json, Json], Json]
    undo: Callable[[IAMClient, Change], None]
    undo_command: Callable[[Change], tuple[str, ...]]
