"""GuardDuty saw an EC2 instance talk to an attacker's infrastructure, mine, scan or attack others.

The instance does this itself, so somebody else most likely runs code on it. It is taken out of its Auto Scaling group
and its load balancers, cut off the network, and kept: protected from termination, its volumes in a locked snapshot
set, what EC2 tells about it in the evidence bucket. Its credentials are taken away: its profile, its metadata service,
the session of its role; every session of the role, where no other instance has it. From severity 7 on this is done at
once; from 4 on a person is asked first.

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
from lambdas.playbooks.shape import ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

_ASKED, _SEVERE = 4.0, 7.0

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
    actions=ISOLATE,
    modes=((0.0, Mode.OBSERVE), (_ASKED, Mode.APPROVE), (_SEVERE, Mode.CONTAIN)),
    next_steps=(
        (
            "Ask the instance's owner whether this is its job (a scanner, a mail server, a miner of yours). If it is, "
            "undo what was done, suppress the finding in GuardDuty for this instance, and stop here."
        ),
        *STEPS_AFTER_ISOLATION,
    ),
)
