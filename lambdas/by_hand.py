"""Lines for a shell that make by hand what the actions on instances make, for when they could not.

May touch: nothing.
Never: deletes anything; holds text that a shell could read as anything but the id of an instance or of a region.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdas.model import Target

_FIRST = "Reservations[0].Instances[0]"
_ID = re.compile(r"i-[0-9a-f]{8,17}")
_REGION = re.compile(r"(?:[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2})?")


def line(action: str, target: Target) -> str:
    """Give the line that makes an action on an instance by hand; ``""`` where no single line does."""
    if not (_ID.fullmatch(target.id) and _REGION.fullmatch(target.region)):
        return ""
    return _line(action, target.id, f" --region {target.region}" if target.region else "")


def _line(action: str, one: str, region: str) -> str:  # noqa: PLR0911  (one line an action)
    ec2 = "aws ec2 {}" + region
    match action:
        case "isolate_instance":
            return _isolate(ec2, one)
        case "take_profile":
            found = (
                f"{ec2.format('describe-iam-instance-profile-associations')} --filters Name=instance-id,Values={one} "
                "--query 'IamInstanceProfileAssociations[0].AssociationId' --output text"
            )
            return f'{ec2.format("disassociate-iam-instance-profile")} --association-id "$({found})"'
        case "leave_groups":
            found = (
                f"aws autoscaling describe-auto-scaling-instances{region} --instance-ids {one} "
                "--query 'AutoScalingInstances[0].AutoScalingGroupName' --output text"
            )
            return (
                f"aws autoscaling detach-instances{region} --instance-ids {one} "
                f'--no-should-decrement-desired-capacity --auto-scaling-group-name "$({found})"'
            )
        case "protect_instance":
            change = f"{ec2.format('modify-instance-attribute')} --instance-id {one}"
            return f"{change} --disable-api-termination && {change} --instance-initiated-shutdown-behavior stop"
        case "lock_metadata":
            return f"{ec2.format('modify-instance-metadata-options')} --instance-id {one} --http-endpoint disabled"
        case "snapshot_volumes":
            return f"{ec2.format('create-snapshots')} --instance-specification InstanceId={one}"
        case "stop_instance":
            return f"{ec2.format('stop-instances')} --instance-ids {one}"
        case "record_instance":
            return f"{ec2.format('describe-instances')} --instance-ids {one} > {one}.json"
        case "collect_evidence":
            return f"{ec2.format('get-console-output')} --instance-id {one} --output text > {one}-console.txt"
    return ""


def _isolate(ec2: str, one: str) -> str:
    """Make a group without rules in the instance's VPC, or take that of an earlier paste; give it to each interface.

    A group that has a rule still is given to none. An interface in another VPC refuses the group.
    """
    vpc = f"{ec2.format('describe-instances')} --instance-ids {one} --query '{_FIRST}.VpcId' --output text"
    known = (
        f"{ec2.format('describe-security-groups')} --filters Name=vpc-id,Values=$VPC "
        f"Name=group-name,Values=isolated-{one} --query 'SecurityGroups[].GroupId' --output text"
    )
    made = (
        f"{ec2.format('create-security-group')} --group-name isolated-{one} --description 'no rules' "
        "--vpc-id $VPC --query GroupId --output text"
    )
    revoke = f"{ec2.format('revoke-security-group-egress')} --group-id $GROUP --ip-permissions"
    rules = (
        f"{ec2.format('describe-security-groups')} --group-ids $GROUP "
        "--query 'length(SecurityGroups[0].[IpPermissions,IpPermissionsEgress][])' --output text"
    )
    interfaces = (
        f"{ec2.format('describe-instances')} --instance-ids {one} "
        f"--query '{_FIRST}.NetworkInterfaces[].NetworkInterfaceId' --output text"
    )
    return (
        f'VPC=$({vpc}) && GROUP=$({known}) && {{ [ -n "$GROUP" ] || GROUP=$({made}); }} && '
        f"{{ {revoke} 'IpProtocol=-1,IpRanges=[{{CidrIp=0.0.0.0/0}}]' || true; "
        f"{revoke} 'IpProtocol=-1,Ipv6Ranges=[{{CidrIpv6=::/0}}]' || true; "
        f'[ "$({rules})" = 0 ] || {{ echo "$GROUP has rules still, so nothing was moved into it" >&2; false; }}; }} && '
        f"for NIC in $({interfaces}); do {ec2.format('modify-network-interface-attribute')} "
        "--network-interface-id $NIC --groups $GROUP; done"
    )
