"""GuardDuty saw a credential do something unusual: show the plan, let a person decide.

Unusual is often a new employee, a new pipeline or an administrator at work. The alert holds the
command that contains, for when it is none of them.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF_A_USER, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="unusual_use",
    triggers=(Trigger(source="aws.guardduty", type="*:IAM*/*"),),
    actions=CUT_OFF_A_USER,
    mode=Mode.OBSERVE,
    next_steps=(
        ("Ask the owner of the credential whether this was theirs. If it was not, or if nobody answers, contain it."),
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)
