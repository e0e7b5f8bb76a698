"""GuardDuty saw a credential do something unusual: show the plan; from severity 7 on, ask a person.

Unusual is often a new employee, a new pipeline or an administrator at work, so nothing is cut off on that alone. High
severity (data leaves, things are destroyed) is worth waking somebody for. The alert holds the command that
contains, for when it is none of them.

Also here: logging, password policy or access logs switched off, console sign-ins from several places at once, unusual
use of AI models, and types about a credential that AWS adds later.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger
from lambdas.playbooks.stolen_credentials import STEP_FOR_A_ROLE

_SEVERE = 7.0

PLAYBOOK = Playbook(
    name="unusual_use",
    triggers=(
        Trigger(source="aws.guardduty", type="*:IAMUser/*"),
        Trigger(source="aws.guardduty", type="*:IAM/*"),
        Trigger(source="aws.guardduty", type="*:S3/AnomalousBehavior*"),
        Trigger(source="aws.guardduty", type="Stealth:S3/*"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.OBSERVE), (_SEVERE, Mode.APPROVE)),
    next_steps=(
        ("Ask the owner of the credential whether this was theirs. If it was not, or if nobody answers, contain it."),
        (
            "If something was switched off (a trail, access logs, Bedrock's logs, the password policy), switch it on "
            "again before anything else is lost."
        ),
        (
            "If models were called: read the prompts and the bill, and deny the model calls to every principal that "
            "does not need them. A prompt injection may come from a user of your application and not from a stolen "
            "credential."
        ),
        STEP_FOR_A_ROLE,
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)
