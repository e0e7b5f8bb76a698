"""GuardDuty saw an EC2 instance talk to an attacker's infrastructure, mine, scan or attack others.

The instance does this itself, so somebody else most likely runs code on it. Nothing is isolated
automatically yet; the steps isolate it by hand and keep the evidence.

What decides is the type of the finding, not GuardDuty's role of the resource: findings on an instance that talks to
a command-and-control server arrive with the role TARGET too, AWS' samples among them. Only for brute force does AWS
document that the role says which side the instance was on; with TARGET it is answered by ``attacked_instance``.

Expected sources of such findings: a vulnerability scanner (port scans), a mail server (port 25), a wallet or
node of a blockchain, a research host.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

_SEVERE = 7.0

#: Isolating an instance by hand, in the order that keeps the evidence. Each step works for any instance.
STEPS_FOR_AN_INSTANCE = (
    (
        "Keep the instance: detach it from its Auto Scaling group without lowering the desired capacity (an isolated "
        "instance fails health checks and would be terminated), deregister it from load balancers, set its shutdown "
        "behaviour to stop, and switch DeleteOnTermination of its volumes off."
    ),
    (
        "Isolate it: make a security group without any rule in its VPC (delete the egress rules that a new group has) "
        "and set it as the only group of each of its network interfaces. Connections that are open survive this. To "
        "cut those too, deny the remote address in the subnet's network ACL, or stop the instance, which loses its "
        "memory."
    ),
    (
        "Cut off its credentials: disassociate the instance profile, and deny the session by an inline policy on the "
        "role with the condition aws:userid = the role's unique id, a colon, the instance's id. Taking the profile off "
        "alone leaves credentials that were already issued valid for hours."
    ),
    (
        "Keep evidence: snapshot all of its volumes in one call (aws ec2 create-snapshots), and capture memory first "
        "if you can. Instance-store volumes are not in a snapshot."
    ),
    ("Review CloudTrail for what its role did, in every region: the session's name is the instance's id."),
    (
        "Find how the attacker came in, rebuild the instance from an image that you trust, rotate every secret that "
        "was on it, and terminate it when the evidence is kept."
    ),
)

PLAYBOOK = Playbook(
    name="compromised_instance",
    triggers=(
        Trigger(source="aws.guardduty", type="Backdoor:EC2/*"),
        Trigger(source="aws.guardduty", type="CryptoCurrency:EC2/*"),
        Trigger(source="aws.guardduty", type="Trojan:EC2/*"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:EC2/*"),
        Trigger(source="aws.guardduty", type="Impact:EC2/*BruteForce"),
        Trigger(source="aws.guardduty", type="Impact:EC2/PortSweep"),
        Trigger(source="aws.guardduty", type="Impact:EC2/BitcoinDomainRequest*"),
        Trigger(source="aws.guardduty", type="Impact:EC2/MaliciousDomainRequest*"),
        Trigger(source="aws.guardduty", type="Recon:EC2/Portscan"),
        Trigger(source="aws.guardduty", type="Behavior:EC2/*", at_least=_SEVERE),  # such as a log4j callback
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Ask the instance's owner whether this is its job (a scanner, a mail server, a miner of yours). If it is, "
            "suppress the finding in GuardDuty for this instance, and stop here."
        ),
        *STEPS_FOR_AN_INSTANCE,
    ),
)
