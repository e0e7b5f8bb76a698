"""One of GuardDuty's Custom Detection Rules, which you switched on for this account, matched.

AWS names these findings after MITRE ATT&CK tactic and technique. Each stands for one kind of call in CloudTrail that
you declared unexpected here: a login profile made, a snapshot shared, flow logs deleted. Many are also an
administrator's daily work, so the plan is shown, and from severity 7 on a person is asked. Where the finding does not
name a principal that can be read, it is announced.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger
from lambdas.playbooks.stolen_credentials import STEP_FOR_A_ROLE

_SEVERE = 7.0

PLAYBOOK = Playbook(
    name="custom_rule",
    triggers=(
        Trigger(source="aws.guardduty", type="DefenseImpairment:*"),
        Trigger(source="aws.guardduty", type="LateralMovement:*"),
        Trigger(source="aws.guardduty", type="ResourceDevelopment:*"),
        Trigger(source="aws.guardduty", type="*/AccountManipulation"),
        Trigger(source="aws.guardduty", type="*/ModifyAuthenticationProcess"),
        Trigger(source="aws.guardduty", type="*/TransferDataToCloudAccount"),
        Trigger(source="aws.guardduty", type="*/UnsecuredCredentials"),
        Trigger(source="aws.guardduty", type="*/CommandAndScriptingInterpreter"),
        Trigger(source="aws.guardduty", type="*/DataDestruction"),
        Trigger(source="aws.guardduty", type="*/ResourceHijacking"),
        Trigger(source="aws.guardduty", type="*/ValidAccounts"),
        Trigger(source="aws.guardduty", type="*/ExploitPublicFacingApplication"),
        Trigger(source="aws.guardduty", type="*/BootOrLogonInitializationScripts"),
        Trigger(source="aws.guardduty", type="*/ExternalRemoteServices"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.OBSERVE), (_SEVERE, Mode.APPROVE)),
    next_steps=(
        (
            "Read the signals in the finding: the call, who made it, on which resource. Ask that person or the owner "
            "of that pipeline. If it was theirs, take the rule off this account or suppress it for that principal."
        ),
        (
            "If it was not, undo the call first: make shared snapshots, images and buckets private, delete login "
            "profiles and keys that were made, detach the policy, restore flow logs and trails, close the port."
        ),
        (
            "Contain the principal: approve the plan or, where the alert has none, start the respond workflow with "
            '{"user_name": "…"} or {"role_name": "…"}.'
        ),
        STEP_FOR_A_ROLE,
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)
