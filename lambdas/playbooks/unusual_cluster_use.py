"""A user of an EKS cluster did something unusual: read secrets, bound a role, ran a command in a pod.

New deployments and repairs look like this. The plan is shown where the finding names an AWS credential; from
severity 7 on (a privileged container, a sensitive mount) a person is asked.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.cluster_access import STEPS_FOR_A_CLUSTER
from lambdas.playbooks.shape import CUT_OFF, Playbook, Trigger

_SEVERE = 7.0

PLAYBOOK = Playbook(
    name="unusual_cluster_use",
    triggers=(
        Trigger(source="aws.guardduty", type="*:Kubernetes/AnomalousBehavior*"),
        Trigger(source="aws.guardduty", type="Execution:Kubernetes/ExecInKubeSystemPod"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.OBSERVE), (_SEVERE, Mode.APPROVE)),
    next_steps=(
        "Ask the owner of the workload whether this was a deployment or a repair of theirs. If so, stop here.",
        *STEPS_FOR_A_CLUSTER,
    ),
)
