"""GuardDuty's agent saw a process on an instance, or in a container of ECS or EKS, do what attackers do.

The finding says which resource it is: an instance, an EKS cluster with pod, an ECS cluster with task, or a single
container. Types of low severity (a suspicious command, a shell) are often an administrator at work; the process tree
in the finding tells. From severity 7 on a person is asked whether the instance is to be isolated; tasks and pods are
not isolated automatically. What can only be an attacker is answered by ``hostile_workload``.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import ISOLATE, STEP_TO_ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

_SEVERE = 7.0

STEPS_FOR_A_WORKLOAD = (
    (
        "On ECS: block all traffic of the task with a security group without rules, if it has an interface of its "
        "own; keep its logs and its image; stop the task, and every other task that runs the same image."
    ),
    (
        "On EKS: isolate the pod with a network policy that denies all ingress and egress, cordon its node, keep "
        "logs and memory if you can, then delete the pod. If it was privileged or left its container, treat the "
        "node as a compromised instance."
    ),
    (
        "End the credentials that it could reach: deny the session of the task's or pod's role by aws:userid, and "
        "rotate the secrets that were mounted or in its environment."
    ),
    "Take the image out of use, find the weakness that let the attacker in, and deploy a fixed one.",
)

PLAYBOOK = Playbook(
    name="compromised_workload",
    triggers=(Trigger(source="aws.guardduty", type="*:Runtime/*"),),
    actions=ISOLATE,
    modes=((0.0, Mode.OBSERVE), (_SEVERE, Mode.APPROVE)),
    next_steps=(
        (
            "Read the process in the finding: its path, its user, its parents. If a person or a deployment of yours "
            "started it, suppress the finding for that workload, and stop here."
        ),
        *STEPS_FOR_A_WORKLOAD,
    ),
    after_instances=(STEP_TO_ISOLATE, *STEPS_AFTER_ISOLATION),
)
