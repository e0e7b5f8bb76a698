"""What an action is made of, and what it is given to work with.

May touch: nothing.
Never: calls an action; the act handler does, and journals around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.aws import Grant
    from lambdas.model import Change, Json, PlanItem


class Clients(Protocol):
    """Gives the client of a service: in the function's own region, or in the one that is named."""

    def __call__(self, service: str, *, hasty: bool = False, once: bool = False, region: str = "") -> Any:  # noqa: ANN401  (boto3's clients are made at run time)
        """Give the client; ``hasty`` gives up after a second, ``once`` never asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an instance is, and where its evidence goes: what an action on instances is given.

    ``region`` is the instance's, or ``""`` for the function's own. ``bucket`` is the evidence bucket, in the function's
    own region, and ``days`` how long evidence is locked.
    """

    clients: Clients
    region: str = ""
    bucket: str = ""
    days: int = 0

    def client(self, service: str, *, once: bool = False) -> Any:  # noqa: ANN401  (boto3's clients are made at run time)
        """Give the client of a service in the instance's region."""
        return self.clients(service, once=once, region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One power over an account.

    ``look`` reads the state that the action cares about, as JSON; it resolves a renamed target again and raises
    TargetGone when there is none. ``verify`` says of such a reading whether the target is contained. ``apply`` makes
    the change on the target as it was just read, and can be repeated. ``rebase`` says what to put back when the change
    was undone by somebody and made anew, from the state before the first time and the one before the latest.
    ``fields`` gives of such a reading what the action changes, by name, as two readings can be compared: what passes by
    itself (a change that is under way, a user's name) is not in it. Nothing in it means that there is nothing to undo.
    ``undo`` puts back what ``before`` of a change recorded, where it is still as the action left it. ``undo_command``
    gives the same as lines for a shell, without a whole key id in them, or nothing where there is nothing to undo.

    The first argument of ``look``, ``apply`` and ``undo`` is IAM's client or, ``on_instances``, a ``Place``.
    """

    name: str
    grants: tuple[Grant, ...]
    undo_grants: tuple[Grant, ...]
    look: Callable[[Any, PlanItem], Json]
    verify: Callable[[Json], bool]
    apply: Callable[[Any, Json], None]
    fields: Callable[[Json], Json]
    rebase: Callable[[Json, Json], Json]
    undo: Callable[[Any, Change], None]
    undo_command: Callable[[Change], tuple[str, ...]]
    on_instances: bool = False
