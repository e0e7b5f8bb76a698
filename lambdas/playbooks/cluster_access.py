"""The API of an EKS cluster was called from a known bad address or through Tor: ask before cutting the caller off.

If the caller came as an IAM user or role, the finding names the credential, and the plan cuts it off in all of AWS; a
person decides, because a cluster's credentials are often those of a node or a pipeline that much depends on. A
service account, an OIDC user or an anonymous caller has no credential in AWS: then the finding is announced, and the
cut is made in the cluster.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, Playbook, Trigger

#: Cutting a user of a cluster off in the cluster itself, after AWS' guide.
STEPS_FOR_A_CLUSTER = (
    (
        "See who it was: kubernetesUserDetails in the finding. An IAM user or role: remove its access entry (aws eks "
        "delete-access-entry) or its line in the ConfigMap aws-auth. A service account "
        "(system:serviceaccount:namespace:name): delete its role bindings and recreate it, and treat the pods that use "
        "it as compromised. An OIDC user: cut it off at the provider. A node (system:node:name): treat it as a "
        "compromised instance."
    ),
    (
        "If it was system:anonymous: remove the role bindings of system:anonymous and system:unauthenticated, and "
        "restrict the cluster's public endpoint to your own addresses or switch it off."
    ),
    (
        "Isolate the pods that the finding names with a network policy that denies all ingress and egress, keep their "
        "logs and images, then delete them. Cordon and replace nodes that ran a privileged one."
    ),
    (
        "Read the cluster's audit log for everything that this user did: workloads, role bindings, secrets. Reverse "
        "it, and rotate the secrets that it read."
    ),
)

PLAYBOOK = Playbook(
    name="cluster_access",
    triggers=(Trigger(source="aws.guardduty", type="*:Kubernetes/*IPCaller*"),),
    actions=CUT_OFF,
    modes=((0.0, Mode.APPROVE),),
    next_steps=(
        (
            "Ask who works on this cluster whether the address in the finding is theirs. If it is not, or if nobody "
            "answers, approve the plan where there is one."
        ),
        *STEPS_FOR_A_CLUSTER,
    ),
)
