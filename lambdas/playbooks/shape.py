"""What a playbook is made of.

May touch: nothing.
Never: holds a default that a playbook should say itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.model import Kind, Mode

if TYPE_CHECKING:
    from collections.abc import Collection

#: What AWS publishes for an account with compromised credentials, in the order of doing.
STEPS_FOR_A_LEAKED_KEY = (
    (
        "If a key leaked, rotate it: create a new key for whatever used it, deploy it, then delete the leaked one. "
        "Remove it from the place where it was found."
    ),
    (
        "Review CloudTrail for this user and key in every region since the key was leaked: new users, keys, roles, "
        "instances, functions; data events (such as reads of S3 objects) show only where they were switched on."
    ),
    "Look for users, roles, keys and resources that you do not know, in every region, and remove them.",
    "Change the root user's password, make sure that it has MFA and no access keys.",
    "Answer the support case that AWS opened, if there is one; AWS may restrict the account until you do.",
)


#: Cut off a principal: its keys, everything that it or a session made from its keys could do, a role's sessions.
CUT_OFF = ("disable_key", "deny_principal", "revoke_sessions")

#: Cut an instance off, keep it and its evidence, and deny the session that it was given; in the order of the telling.
ISOLATE = (
    "isolate_instance",
    "take_profile",
    "revoke_sessions",
    "leave_groups",
    "leave_balancers",
    "protect_instance",
    "lock_metadata",
    "snapshot_volumes",
    "record_instance",
    "collect_evidence",
)

#: What an owner may add to a playbook that isolates, by the setting ``playbook_extras``.
EXTRAS = ("stop_instance",)

#: After an instance was isolated: what is left to people.
STEPS_AFTER_ISOLATION = (
    (
        "Capture the memory before anybody stops or reboots the instance, if you have the tools for it: nothing else "
        "that is listed here keeps it. Instance-store volumes are not in the snapshots either."
    ),
    (
        "Read the evidence: the snapshots (start a forensic instance in another VPC from copies of them), the "
        "console's output and screenshot, the user data. The user data may hold secrets: rotate those that it held."
    ),
    "Review CloudTrail for what its role did, in every region: the session's name is the instance's id.",
    (
        "Find how the attacker came in, rebuild the instance from an image that you trust, rotate every secret that "
        "was on it, and terminate it when you need it no more: its termination protection has to be switched off first."
    ),
)

#: Where it is for a person to say whether an instance is compromised.
STEP_TO_ISOLATE = (
    "If the instance is compromised, have it isolated, kept and snapshotted: start the respond workflow with "
    '{"instance_id": "i-…", "region": "…"}.'
)

#: How far to go, by severity: (least severity from 0 to 10, mode), in ascending order.
type Modes = tuple[tuple[float, Mode], ...]


def mode_at(modes: Modes, severity: float) -> Mode:
    """Give the mode of the highest step that a severity reaches; below the lowest, observe."""
    reached = [mode for least, mode in modes if severity >= least]
    return reached[-1] if reached else Mode.OBSERVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Signals that a playbook answers.

    A source, a glob on the type, a least severity (0 to 10) and, where it is given, GuardDuty's role of the
    resource: ``ACTOR`` or ``TARGET``.
    """

    source: str
    type: str = "*"
    at_least: float = 0.0
    resource_role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One answer to one kind of signal.

    What it is called, which signals it answers, with which actions, how far it goes by itself (by severity), and
    what people do next: always, where principals are named, where instances are. Without actions a signal is announced
    and nothing is planned. ``wide`` is how far it goes at most with a change that may hit others than the attacker: one
    on a role that is shared, or not known not to be. ``vouched`` says that AWS itself reports the credential as exposed
    or compromised: the circuit breaker lets it pass.
    """

    name: str
    triggers: tuple[Trigger, ...]
    actions: tuple[str, ...]
    modes: Modes
    next_steps: tuple[str, ...]
    wide: Mode = Mode.APPROVE
    vouched: bool = False
    after_principals: tuple[str, ...] = ()
    after_instances: tuple[str, ...] = ()

    def steps(self, kinds: Collection[Kind]) -> tuple[str, ...]:
        """Give what people do next about targets of these kinds."""
        instances = Kind.INSTANCE in kinds
        principals = not instances or set(kinds) != {Kind.INSTANCE}
        return (
            *self.next_steps,
            *(self.after_principals if principals else ()),
            *(self.after_instances if instances else ()),
        )
