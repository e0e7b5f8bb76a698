"""An EKS cluster let an anonymous caller in, or GuardDuty reports something else about it that names no AWS credential.

A successful anonymous call is a wrong setting of the cluster, and somebody is already using it. There is nothing in
IAM to cut off; the cluster has to be closed.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.cluster_access import STEPS_FOR_A_CLUSTER
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="cluster",
    triggers=(Trigger(source="aws.guardduty", type="*:Kubernetes/*"),),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=STEPS_FOR_A_CLUSTER,
)
