"""Lines for a shell that a person pastes: what an alert offers to do by hand, and to undo.

May touch: nothing.
Never: holds a whole access key id, or a name that a shell could read as anything but a name.
"""

from __future__ import annotations

import json
import shlex


def set_key_status(user: str, key_id: str, status: str) -> str:
    """Give the line that makes a key ``Active`` or ``Inactive``; it looks the whole id up by its last four."""
    name = _option("user-name", user)
    query = f"AccessKeyMetadata[?ends_with(AccessKeyId, '{key_id[-4:]}')].AccessKeyId"
    return (
        f"aws iam update-access-key {name} --status {status} --access-key-id "
        f'"$(aws iam list-access-keys {name} --query "{query}" --output text)"'
    )


def attach_policy(user: str, policy: str) -> str:
    """Give the line that attaches a managed policy to a user."""
    return f"aws iam attach-user-policy {_option('user-name', user)} --policy-arn {shlex.quote(policy)}"


def detach_policy(user: str, policy: str) -> str:
    """Give the line that detaches a managed policy from a user."""
    return f"aws iam detach-user-policy {_option('user-name', user)} --policy-arn {shlex.quote(policy)}"


def set_boundary(user: str, policy: str) -> str:
    """Give the line that sets a user's permissions boundary, or takes it away where ``policy`` is empty."""
    name = _option("user-name", user)
    if policy:
        return f"aws iam put-user-permissions-boundary {name} --permissions-boundary {shlex.quote(policy)}"
    return f"aws iam delete-user-permissions-boundary {name}"


def start_execution(machine: str, request: dict[str, str]) -> str:
    """Give the line that starts a workflow with a request."""
    region = machine.split(":")[3]
    return (
        f"aws stepfunctions start-execution --region {region} --state-machine-arn {shlex.quote(machine)} "
        f"--input {shlex.quote(json.dumps(request))}"
    )


def _option(name: str, value: str) -> str:
    """Join an option and its value, so that a value that begins with a dash is not taken for an option."""
    return shlex.quote(f"--{name}={value}")
