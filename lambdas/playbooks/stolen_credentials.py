"""A credential is used by somebody who should not have it: from a known bad address, through Tor, with an attack tool.

These findings are about who uses the credential, not about what an administrator may have meant. A key is disabled and
its user denied; a role's session is denied by its ``aws:userid``. Changes that may hit others who use the same role
are asked about.

S3 findings of this kind name the credential that read or wrote the bucket and are answered the same way. Where the
caller was anonymous, the bucket is public and there is nothing to cut off. ``MaliciousIPCaller.Custom`` fires on the
threat list that you uploaded yourself: what is on it is contained, so keep doubtful addresses off it.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

#: A denied session is one of many that the role can have.
STEP_FOR_A_ROLE = (
    "If it was a role's session: find in CloudTrail (AssumeRole) who took it, and contain that principal too or take "
    "it out of the role's trust policy. Whoever can still assume the role takes a session of another name."
)

PLAYBOOK = Playbook(
    name="stolen_credentials",
    triggers=(
        Trigger(source="aws.guardduty", type="CredentialAccess:IAMUser/CompromisedCredentials"),
        Trigger(source="aws.guardduty", type="*:IAMUser/*IPCaller*"),
        Trigger(source="aws.guardduty", type="PenTest:IAMUser/*"),
        Trigger(source="aws.guardduty", type="*:S3/*IPCaller*"),
        Trigger(source="aws.guardduty", type="PenTest:S3/*"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.CONTAIN),),
    next_steps=(
        (
            "If the address in the finding is yours (a VPN that leaves through Tor, a test of yours with Kali, an "
            "address on your own threat list by mistake), undo the change, and suppress the finding in GuardDuty for "
            "that address."
        ),
        STEP_FOR_A_ROLE,
        (
            "If the finding names an S3 bucket: see which objects were read, changed or deleted (data events, server "
            "access logs), restore older versions, and close public access if the caller was anonymous."
        ),
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)
