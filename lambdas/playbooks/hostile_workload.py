"""GuardDuty's agent saw a process that no administrator runs: a miner, a reverse shell, a command-and-control client.

Where the finding's resource is an instance, the instance is isolated as in ``compromised_instance``. Tasks and pods
are not isolated automatically: an ECS or EKS finding names a cluster, and its other workloads may be sound.

Expected sources of such findings: a wallet or node of a blockchain, a research host, a test of your own red team.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.compromised_workload import STEPS_FOR_A_WORKLOAD
from lambdas.playbooks.shape import ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

_ASKED, _SEVERE = 4.0, 7.0

PLAYBOOK = Playbook(
    name="hostile_workload",
    triggers=(
        Trigger(source="aws.guardduty", type="Backdoor:Runtime/*"),
        Trigger(source="aws.guardduty", type="CryptoCurrency:Runtime/*"),
        Trigger(source="aws.guardduty", type="Execution:Runtime/MaliciousFileExecuted"),
        Trigger(source="aws.guardduty", type="Execution:Runtime/ReverseShell"),
        Trigger(source="aws.guardduty", type="Impact:Runtime/CryptoMinerExecuted"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:Runtime/Tor*"),
    ),
    actions=ISOLATE,
    modes=((0.0, Mode.OBSERVE), (_ASKED, Mode.APPROVE), (_SEVERE, Mode.CONTAIN)),
    next_steps=(
        (
            "Read the process in the finding: its path, its user, its parents. If it is yours, undo what was done, "
            "suppress the finding for that workload, and stop here."
        ),
        *STEPS_FOR_A_WORKLOAD,
    ),
    after_instances=STEPS_AFTER_ISOLATION,
)
