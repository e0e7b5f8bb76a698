"""What a playbook is made of.

May touch: nothing.
Never: holds a default that a playbook should say itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdas.model import Mode

#: What AWS publishes for an account with compromised credentials, in the order of doing.
STEPS_FOR_A_LEAKED_KEY = (
    (
        "Rotate: create a new key for whatever used this one, deploy it, then delete the leaked key. Remove the "
        "leaked key from the place where it was found."
    ),
    (
        "Review CloudTrail for this user and key in every region since the key was leaked: new users, keys, roles, "
        "instances, functions; data events (such as reads of S3 objects) show only where they were switched on."
    ),
    "Look for users, roles, keys and resources that you do not know, in every region, and remove them.",
    "Change the root user's password, make sure that it has MFA and no access keys.",
    "Answer the support case that AWS opened, if there is one; AWS may restrict the account until you do.",
)


#: Cut off an IAM user: its keys, and everything else it or a session made from its keys could do.
CUT_OFF_A_USER = ("disable_key", "deny_principal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Signals that a playbook answers: a source, a glob on the type, a least severity (0 to 10)."""

    source: str
    type: str = "*"
    at_least: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One answer to one kind of signal.

    What it is called, which signals it answers, with which actions, how far it goes by itself, and
    what people do next. Without actions a signal is announced and nothing is planned.
    """

    name: str
    triggers: tuple[Trigger, ...]
    actions: tuple[str, ...]
    mode: Mode
    next_steps: tuple[str, ...]
