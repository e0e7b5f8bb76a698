"""Somebody attacks an EC2 instance: guesses passwords, probes an open port, or tries to reach its metadata.

An attacked instance is not a compromised one, and isolating it would do the attacker's work. Close the way in, then
check whether the attack succeeded. Every host with a public port sees such traffic.

DNS rebinding (``MetadataDNSRebind``) is the exception in severity: it aims at the credentials of the instance's role.
If it worked, they are stolen.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import STEP_TO_ISOLATE, Playbook, Trigger

PLAYBOOK = Playbook(
    name="attacked_instance",
    triggers=(
        Trigger(source="aws.guardduty", type="*:EC2/*BruteForce", resource_role="TARGET"),
        Trigger(source="aws.guardduty", type="Recon:EC2/PortProbe*"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:*/MetadataDNSRebind"),
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Close the port that the finding names: in the instance's security groups allow it only from the addresses "
            "that need it, and reach SSH and RDP through Session Manager instead. If it has to be public, as on a "
            "bastion host, suppress the finding in GuardDuty for that instance."
        ),
        (
            "Check whether the attack succeeded: the host's own log of sign-ins from the address in the finding, and "
            "other findings on the same instance since then."
        ),
        STEP_TO_ISOLATE,
        (
            "For a probed EMR port (such as 8088): block public access for EMR in this region, and look for "
            "applications that you did not submit."
        ),
        (
            "For DNS rebinding: require IMDSv2 (aws ec2 modify-instance-metadata-options --http-tokens required), look "
            "for the application or the browser that asked for the domain, and look in CloudTrail for use of the "
            "instance's role from elsewhere. If there is any, start the respond workflow with "
            '{"role_name": "…"}; mind that it hits every instance that shares the role.'
        ),
    ),
)
