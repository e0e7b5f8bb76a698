"""A Lambda function talks to an attacker's infrastructure, to a miner's pool or to Tor.

Its code, or a library in it, does what its owner did not write, or an attacker changed it. The function's role is in
the attacker's hands as well.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="function",
    triggers=(
        Trigger(source="aws.guardduty", type="Backdoor:Lambda/*"),
        Trigger(source="aws.guardduty", type="CryptoCurrency:Lambda/*"),
        Trigger(source="aws.guardduty", type="Trojan:Lambda/*"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:Lambda/*"),
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        "Ask the function's owner whether it is meant to call the address in the finding. If so, suppress it there.",
        (
            "Keep the evidence: download the code and configuration of the version that ran (aws lambda get-function), "
            "and its logs."
        ),
        (
            "Stop it: aws lambda put-function-concurrency with --reserved-concurrent-executions 0. Running invocations "
            "end by themselves, after 15 minutes at most."
        ),
        (
            "Cut off its role: start the respond workflow with "
            '{"role_name": "…"}. If other functions share the role, they stop too.'
        ),
        (
            "Find in CloudTrail who changed the code last (UpdateFunctionCode, PublishLayerVersion, "
            "UpdateFunctionConfiguration); contain that principal if nobody knows the change. Otherwise look at the "
            "libraries and layers."
        ),
        "Deploy code that you trust under a new role, and rotate the secrets in its environment.",
    ),
)
