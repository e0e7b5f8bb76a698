"""Lines for a shell that a person pastes: what an alert offers to do by hand, and to undo.

The two policies that end a role's sessions are here, because the lines and the action both write them.

May touch: nothing.
Never: holds a whole access key id, or a name that a shell could read as anything but a name.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from lambdas.text import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type _Policy = dict[str, Any]

_PLACES = re.compile(r"\{([\w.\[\]]+)\}")

#: For a place in a policy document where the shell that it is pasted into puts the time.
_NOW = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"


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


def attach_role_policy(role: str, policy: str) -> str:
    """Give the line that attaches a managed policy to a role."""
    return f"aws iam attach-role-policy {_option('role-name', role)} --policy-arn {shlex.quote(policy)}"


def detach_role_policy(role: str, policy: str) -> str:
    """Give the line that detaches a managed policy from a role."""
    return f"aws iam detach-role-policy {_option('role-name', role)} --policy-arn {shlex.quote(policy)}"


def set_role_boundary(role: str, policy: str) -> str:
    """Give the line that sets a role's permissions boundary, or takes it away where ``policy`` is empty."""
    name = _option("role-name", role)
    if policy:
        return f"aws iam put-role-permissions-boundary {name} --permissions-boundary {shlex.quote(policy)}"
    return f"aws iam delete-role-permissions-boundary {name}"


def put_role_policy(role: str, policy: str, document: str) -> str:
    """Give the line that writes an inline policy of a role; ``document`` is its JSON."""
    return f"{_put_role_policy(role, policy)} {shlex.quote(document)}"


def delete_role_policy(role: str, policy: str) -> str:
    """Give the line that deletes an inline policy of a role."""
    return f"aws iam delete-role-policy {_option('role-name', role)} {_option('policy-name', policy)}"


def deny_session(role: str, policy: str, session: str) -> str:
    """Give the line that denies everything to one session of a role (``AROA…:<session name>``)."""
    return put_role_policy(role, policy, json.dumps(session_denied(session)))


def deny_older_sessions(role: str, policy: str) -> str:
    """Give the line that denies everything to the sessions of a role that are older than the moment of pasting it."""
    before, after = json.dumps(older_sessions_denied(_NOW)).split(_NOW)
    return f'{_put_role_policy(role, policy)} {shlex.quote(before)}"{_NOW}"{shlex.quote(after)}'


def session_denied(session: str) -> _Policy:
    """Give the policy that denies everything to one session of the role it is in (``AROA…:<session name>``)."""
    return _denied({"StringEquals": {"aws:userid": session}})


def older_sessions_denied(issued_before: str) -> _Policy:
    """Give the policy that denies everything to the sessions issued before a time (ISO 8601)."""
    return _denied({"DateLessThan": {"aws:TokenIssueTime": issued_before}})


def _denied(condition: dict[str, dict[str, str]]) -> _Policy:
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _put_role_policy(role: str, policy: str) -> str:
    return f"aws iam put-role-policy {_option('role-name', role)} {_option('policy-name', policy)} --policy-document"


def set_groups(region: str, interface: str, groups: Sequence[str]) -> str:
    """Give the line that makes security groups the only ones of a network interface."""
    return (
        f"{_call('ec2 modify-network-interface-attribute', region)} --network-interface-id {shlex.quote(interface)} "
        + ("--groups " + " ".join(shlex.quote(group) for group in groups))
    )


def attach_to_group(region: str, group: str, instance: str) -> str:
    """Give the line that attaches an instance to an Auto Scaling group."""
    line = _call("autoscaling attach-instances", region)
    return f"{line} {_option('auto-scaling-group-name', group)} {_option('instance-ids', instance)}"


def register_targets(region: str, group: str, targets: Sequence[Any]) -> str:
    """Give the line that registers targets with a target group; they are as the group described them."""
    line = _call("elbv2 register-targets", region)
    return f"{line} {_option('target-group-arn', group)} --targets {shlex.quote(json.dumps(targets))}"


def register_instance(region: str, balancer: str, instance: str) -> str:
    """Give the line that registers an instance with a classic load balancer."""
    line = _call("elb register-instances-with-load-balancer", region)
    return f"{line} {_option('load-balancer-name', balancer)} {_option('instances', instance)}"


def unprotect(region: str, instance: str) -> str:
    """Give the line that lets an instance be terminated."""
    return f"{_attribute(region, instance)} --no-disable-api-termination"


def set_shutdown(region: str, instance: str, behaviour: str) -> str:
    """Give the line that says what a shutdown from within an instance does: ``stop`` or ``terminate``."""
    return f"{_attribute(region, instance)} {_option('instance-initiated-shutdown-behavior', behaviour)}"


def delete_with_instance(region: str, instance: str, device: str) -> str:
    """Give the line that lets a volume be deleted with its instance."""
    mappings = json.dumps([{"DeviceName": device, "Ebs": {"DeleteOnTermination": True}}])
    return f"{_attribute(region, instance)} --block-device-mappings {shlex.quote(mappings)}"


def open_metadata(region: str, instance: str, tokens: str, hop_limit: int) -> str:
    """Give the line that turns an instance's metadata service on; what is empty or 0 stays as it is."""
    line = f"{_call('ec2 modify-instance-metadata-options', region)} {_option('instance-id', instance)}"
    line += " --http-endpoint=enabled"
    line += f" {_option('http-tokens', tokens)}" if tokens else ""
    return line + (f" --http-put-response-hop-limit={hop_limit}" if hop_limit else "")


def give_profile(region: str, instance: str, profile: str) -> str:
    """Give the line that gives an instance an instance profile, by its ARN."""
    line = f"{_call('ec2 associate-iam-instance-profile', region)} {_option('instance-id', instance)}"
    return f"{line} --iam-instance-profile {shlex.quote(json.dumps({'Arn': profile}))}"


def start_instance(region: str, instance: str) -> str:
    """Give the line that starts an instance."""
    return f"{_call('ec2 start-instances', region)} {_option('instance-ids', instance)}"


def start_execution(machine: str, request: Mapping[str, object]) -> str:
    """Give the line that starts a workflow with a request."""
    region = machine.split(":")[3]
    return (
        f"aws stepfunctions start-execution --region {region} --state-machine-arn {shlex.quote(machine)} "
        f"--input {shlex.quote(json.dumps(request))}"
    )


def fetch(region: str, bucket: str, key: str) -> str:
    """Give the line that fetches an object of a bucket into the reader's folder."""
    return f"{_call('s3 cp', region)} {shlex.quote(f's3://{bucket}/{key}')} ."


def call(words: str, region: str, values: Mapping[str, str]) -> str:
    """Give a line that makes a call in a region, or in none where ``region`` is empty.

    ``words`` are those after ``aws``; each ``{name}`` in them is a value, an option is joined to its own
    (``--group-id={group}``). Gives ``""`` where a value is missing, is not printable, or holds a whole key id.
    """
    quoted = []
    for word in words.split():
        names = _PLACES.findall(word)
        if not all(_shows(values.get(name, "")) for name in names):
            return ""
        quoted.append(shlex.quote(_PLACES.sub(lambda place: values[place[1]], word)))
    return " ".join(["aws", *quoted]) + (f" {_option('region', region)}" if region else "")


def _shows(value: str) -> bool:
    return bool(value) and value.isprintable() and redact(value) == value


def line(words: str, region: str, options: Sequence[tuple[str, str]]) -> str:
    """Give the line that makes a call (``ec2 describe-volumes``) with options; one without a value is a switch."""
    said = [_option(name, value) if value else f"--{name}" for name, value in options]
    return " ".join([_call(words, region), *said])


def _attribute(region: str, instance: str) -> str:
    return f"{_call('ec2 modify-instance-attribute', region)} {_option('instance-id', instance)}"


def _call(call: str, region: str) -> str:
    """Begin a line that makes a call in a region; without one, in the reader's own."""
    return f"aws {call}" + (f" {_option('region', region)}" if region else "")


def _option(name: str, value: str) -> str:
    """Join an option and its value, so that a value that begins with a dash is not taken for an option."""
    return shlex.quote(f"--{name}={value}")
