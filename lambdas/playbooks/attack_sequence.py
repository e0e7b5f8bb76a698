"""GuardDuty put several signals together and sees an attack under way: contain every principal that it names.

One such finding stands for many: the same credentials, or the same cluster, group of instances or buckets, in a row
of steps that only an attacker takes. AWS gives it Critical. Each actor is cut off: keys disabled, users denied,
sessions denied one by one; what may hit others who share a role is asked about. Instances that it names are isolated
and kept, as in ``compromised_instance``.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import (
    CUT_OFF,
    ISOLATE,
    STEPS_AFTER_ISOLATION,
    STEPS_FOR_A_LEAKED_KEY,
    Playbook,
    Trigger,
)
from lambdas.playbooks.stolen_credentials import STEP_FOR_A_ROLE

PLAYBOOK = Playbook(
    name="attack_sequence",
    triggers=(Trigger(source="aws.guardduty", type="AttackSequence:*"),),
    actions=(*CUT_OFF, *(name for name in ISOLATE if name not in CUT_OFF)),
    modes=((0.0, Mode.CONTAIN),),
    next_steps=(
        (
            "Open the finding in GuardDuty and read its signals in order: they are the attacker's steps, with the "
            "resources that each touched. Check that every actor in it is in this alert."
        ),
        (
            "Tasks and pods that it names are compromised until shown otherwise: isolate them (security group without "
            "rules, network policy), keep their logs, and stop what mines or scans."
        ),
        (
            "Buckets that it names: switch versioning and Object Lock on where they are off, see what was read or "
            "deleted, and look for lifecycle rules, replication and encryption keys that you did not set."
        ),
    ),
    after_principals=(STEP_FOR_A_ROLE, *STEPS_FOR_A_LEAKED_KEY),
    after_instances=STEPS_AFTER_ISOLATION,
)
