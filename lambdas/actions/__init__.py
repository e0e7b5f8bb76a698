"""What the responder can do to an account: one module a power, each ending in one ``ACTION``.

May touch: nothing; each action's own module says what it may.
Never: imports an action that was not asked for, so a function loads only its own power.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdas.actions.shape import Action

_NOT_ACTIONS = {"evidence", "instances", "roles", "shape", "users"}


def names() -> tuple[str, ...]:
    """List every action there is, in alphabetical order."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if name not in _NOT_ACTIONS))


def load(name: str) -> Action:
    """Give one action by its name. Raises ValueError when there is none of that name."""
    if name not in names():
        raise ValueError(f"There is no action {name!r}; there are: {', '.join(names())}.")
    action: Action = importlib.import_module(f"{__name__}.{name}").ACTION
    return action


def function_of(name: str) -> str:
    """Give the name of the function that makes an action; the stack deploys it under this one."""
    return "tourniquet-" + "".join(part.capitalize() for part in name.split("_"))
