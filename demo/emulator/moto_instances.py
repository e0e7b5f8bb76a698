"""Where moto's EC2 differs from AWS in a way that the containment of an instance would notice.

What this adds and corrects:

- LockSnapshot, UnlockSnapshot and DescribeLockedSnapshots; a snapshot that is locked cannot be deleted;
- CreateSnapshots leaves out the data volumes that it is told to, and says in which state the snapshots are;
- GetConsoleScreenshot, of an instance that runs; the latest console output only of instances on Nitro;
- a change of one metadata option leaves the others as they are;
- the shutdown behaviour can be changed (moto takes the instance's security groups away instead), neither it nor the
  termination protection of a Spot instance; the groups of an instance that has several interfaces cannot;
- at launch, each interface gets the groups that were named for it and no others, protection against termination can
  be asked for, and a volume is encrypted only where that was asked for, by AWS' own key unless another was named;
- one call is answered at a time: moto fails where one reads what another one changes meanwhile;
- instances can be listed by the ARN of their instance profile;
- an instance that is terminated can be neither started nor stopped;
- a rule of a security group that is not there cannot be revoked, and one for IPv6 can, also where the VPC has no IPv6;
- a security group that something uses cannot be deleted, and an interface cannot be put into one that is gone or
  belongs to another VPC; of two that make a group of one name at the same moment, one is told that it is there.

May touch: the classes of moto in this process. Works with plain moto and with the copy LocalEmu brings.
Never does: keep state of its own; a lock is kept with moto's snapshot.
"""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.responses import EC2Response
from moto.ec2.utils import filter_dict_attribute_mapping
from moto.kms.models import kms_backends

if TYPE_CHECKING:
    from collections.abc import Callable

SCREENSHOT = bytes.fromhex(
    "ffd8"  # one grey pixel, as JPEG: the start,
    f"ffdb004300{'01' * 64}"  # the quantisation table,
    "ffc0000b080001000101011100"  # the frame: 8 bits, 1 by 1, one component,
    f"ffc400140001{'00' * 15}00"  # two Huffman tables with one code each,
    f"ffc400141001{'00' * 15}00"
    "ffda0008010100003f003f"  # the scan
    "ffd9"  # and the end
)
"""What the console of an instance shows."""

_RUNNING = 16
_TERMINATED = 48
_ON_XEN = (
    "c1",
    "c3",
    "c4",
    "d2",
    "g2",
    "g3",
    "h1",
    "i2",
    "i3",
    "m1",
    "m2",
    "m3",
    "m4",
    "p2",
    "p3",
    "r3",
    "r4",
    "t1",
    "t2",
)
_NOT_FOR_SPOT = {
    "DisableApiTermination": "disableApiTermination",
    "InstanceInitiatedShutdownBehavior": "instanceInitiatedShutdownBehavior",
}
_CHANGES_OF_GROUPS = (
    "authorize_security_group_egress",
    "authorize_security_group_ingress",
    "create_security_group",
    "delete_security_group",
    "revoke_security_group_egress",
    "revoke_security_group_ingress",
)
_groups_lock = threading.RLock()
_METADATA_OPTIONS = {
    "http_tokens": "http_tokens",
    "hop_limit": "http_put_response_hop_limit",
    "http_endpoint": "http_endpoint",
    "http_protocol": "http_protocol_ipv6",
    "metadata_tags": "instance_metadata_tags",
}


def install() -> None:
    """Correct moto's EC2 in this process. To be called once, by ``moto_fixes``."""
    EC2Response.call_action = _one_at_a_time(EC2Response.call_action)  # moto reads lists that another call changes
    Instance.associated_profile = property(_profile_of)
    filter_dict_attribute_mapping["iam-instance-profile.arn"] = "associated_profile"
    EC2Response.lock_snapshot = _lock_snapshot
    EC2Response.unlock_snapshot = _unlock_snapshot
    EC2Response.describe_locked_snapshots = _describe_locked_snapshots
    EC2Response.create_snapshots = _create_snapshots
    EC2Response.get_console_screenshot = _get_console_screenshot
    EC2Response.get_console_output = _latest_output_on_nitro()
    EC2Response.modify_instance_attribute = _modify_instance_attribute()
    EC2Response.run_instances = _run_instances()
    EC2Response._parse_block_device_mapping = _encrypted_where_asked()  # noqa: SLF001 - moto offers no other place
    EBSBackend.delete_snapshot = _keep_locked_snapshots()
    EBSBackend._create_default_encryption_key = _key_of_aws()  # noqa: SLF001 - the same
    InstanceBackend.modify_instance_metadata_options = _other_options_stay()
    for change in ("start_instances", "stop_instances"):
        setattr(InstanceBackend, change, _not_when_terminated(getattr(InstanceBackend, change)))
    SecurityGroupBackend.revoke_security_group_egress = _revoke_security_group_egress
    SecurityGroupBackend.delete_security_group = _keep_groups_in_use()
    NetworkInterfaceBackend.modify_network_interface_attribute = _groups_of_the_vpc()
    for change in _CHANGES_OF_GROUPS:
        setattr(SecurityGroupBackend, change, _one_at_a_time(getattr(SecurityGroupBackend, change)))


def _profile_of(self: Any) -> str:  # noqa: ANN401 - moto is untyped
    """Give the ARN of the profile that an instance has, or nothing."""
    for association in self.ec2_backend.iam_instance_profile_associations.values():
        if association.instance.id == self.id and association.state in {"associated", "associating"}:
            return str(association.iam_instance_profile.arn)
    return ""


def _lock_snapshot(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped
    snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
    mode, days = self._get_param("LockMode"), self._get_param("LockDuration")
    until, cooling = self._get_param("ExpirationDate"), self._get_param("CoolOffPeriod")
    self.error_on_dryrun()
    if (days is None) == (until is None):
        raise EC2ClientError("InvalidParameterCombination", "Specify either LockDuration or ExpirationDate.")
    if mode == "governance" and cooling is not None:
        raise EC2ClientError("InvalidParameterCombination", "CoolOffPeriod is for the compliance mode.")
    now = utcnow()
    snapshot.lock = {
        "LockState": "compliance-cooloff" if cooling else mode,
        "LockDuration": int(days) if days is not None else None,
        "LockCreatedOn": now,
        "LockDurationStartTime": now,
        "LockExpiresOn": now + timedelta(days=int(days)) if days is not None else until,
    }
    return ActionResult({"SnapshotId": snapshot.id, **snapshot.lock})


def _unlock_snapshot(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped
    snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
    self.error_on_dryrun()
    snapshot.lock = None
    return ActionResult({"SnapshotId": snapshot.id})


def _describe_locked_snapshots(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped
    wanted = self._filters_from_querystring().get("lock-state")
    found = self.ec2_backend.describe_snapshots(snapshot_ids=self._get_param("SnapshotIds", []))
    locked = [
        {"OwnerId": snapshot.owner_id, "SnapshotId": snapshot.id, **lock}
        for snapshot in found
        if (lock := getattr(snapshot, "lock", None)) and (not wanted or lock["LockState"] in wanted)
    ]
    return ActionResult({"Snapshots": locked})


def _keep_locked_snapshots() -> Callable[..., Any]:
    delete = EBSBackend.delete_snapshot

    def delete_snapshot(self: Any, snapshot_id: str) -> Any:  # noqa: ANN401 - moto is untyped
        if getattr(self.snapshots.get(snapshot_id), "lock", None):
            raise EC2ClientError("OperationNotPermitted", f"The snapshot {snapshot_id} is locked.")
        return delete(self, snapshot_id)

    return delete_snapshot


def _key_of_aws() -> Callable[[Any], str]:
    create: Callable[[Any], str] = EBSBackend._create_default_encryption_key  # noqa: SLF001 - replaced above

    def create_default_encryption_key(self: Any) -> str:  # noqa: ANN401 - moto is untyped
        arn = create(self)
        kms_backends[self.account_id][self.region_name].describe_key(arn).key_manager = "AWS"
        return arn

    return create_default_encryption_key


def _create_snapshots(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped
    wanted = self._get_param("InstanceSpecification", {})
    tags = self._parse_tag_specification().get("snapshot", {})
    self.error_on_dryrun()
    instance = self.ec2_backend.get_instance(wanted["InstanceId"])
    volumes = {device: mapping.volume_id for device, mapping in instance.get_block_device_mapping}
    boot = volumes.get(instance.root_device_name)
    left_out = set(wanted.get("ExcludeDataVolumeIds") or [])
    if unknown := left_out - (set(volumes.values()) - {boot}):
        raise EC2ClientError("InvalidParameterValue", f"No data volume of {instance.id}: {sorted(unknown)}")
    if str(wanted.get("ExcludeBootVolume", False)).lower() == "true":
        left_out.add(boot)
    made = [
        self.ec2_backend.create_snapshot(volume, self._get_param("Description", ""))
        for volume in volumes.values()
        if volume not in left_out
    ]
    for snapshot in made:
        snapshot.add_tags(tags)
    return ActionResult({"Snapshots": [_made_now(snapshot) for snapshot in made]})


def _made_now(snapshot: Any) -> dict[str, Any]:  # noqa: ANN401 - moto is untyped
    return {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume.id,
        "VolumeSize": snapshot.volume.size,
        "State": "pending",
        "StartTime": snapshot.start_time,
        "Progress": "",
        "OwnerId": snapshot.owner_id,
        "Description": snapshot.description,
        "Encrypted": bool(snapshot.encrypted),
        "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in snapshot.get_tags()],
    }


def _get_console_screenshot(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    self.error_on_dryrun()
    if instance.state_code != _RUNNING:
        raise EC2ClientError("IncorrectInstanceState", f"The instance {instance.id} is not in the state 'running'.")
    return ActionResult({"InstanceId": instance.id, "ImageData": base64.b64encode(SCREENSHOT).decode()})


def _latest_output_on_nitro() -> Callable[[Any], Any]:
    get = EC2Response.get_console_output

    def get_console_output(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        latest = str(self._get_param("Latest")).lower() == "true"
        if latest and instance.instance_type.partition(".")[0] in _ON_XEN:
            said = "This instance type does not support retrieving the latest console logs."
            raise EC2ClientError("UnsupportedOperation", said)
        return get(self)

    return get_console_output


def _modify_instance_attribute() -> Callable[[Any], Any]:
    modify = EC2Response.modify_instance_attribute

    def modify_instance_attribute(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        for name, attribute in _NOT_FOR_SPOT.items():
            if instance.lifecycle == "spot" and self._get_param(f"{name}.Value") is not None:
                said = f"Modifying '{attribute}' is not supported for spot instances."
                raise EC2ClientError("UnsupportedOperation", said)
        if self._get_param("Groups", []) and len(instance.nics) > 1:
            said = f"There are multiple interfaces attached to instance '{instance.id}'."
            raise EC2ClientError(
                "InvalidInstanceID", f"{said} Please specify an interface ID for the operation instead."
            )
        for mapping in self._get_param("BlockDeviceMappings", []):
            if mapping.get("DeviceName") not in instance.block_device_mapping:
                said = f"No device is currently mapped at {mapping.get('DeviceName')}"
                raise EC2ClientError("InvalidInstanceAttributeValue", said)
        behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behaviour is None:
            return modify(self)
        self.error_on_dryrun()
        instance.instance_initiated_shutdown_behavior = behaviour
        return EmptyResult()

    return modify_instance_attribute


def _run_instances() -> Callable[[Any], Any]:
    run = EC2Response.run_instances

    def run_instances(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        wanted = {
            int(given["DeviceIndex"]): list(given["Groups"])
            for given in self._get_param("NetworkInterfaces", [])
            if given.get("Groups")
        }
        answer = run(self)
        for instance in answer.result.instances:
            if str(self._get_param("DisableApiTermination")).lower() == "true":
                instance.disable_api_termination = True
            for index, groups in wanted.items():
                self.ec2_backend.modify_network_interface_attribute(instance.nics[index].id, groups)
        return answer

    return run_instances


def _encrypted_where_asked() -> Callable[[Any], Any]:
    parse = EC2Response._parse_block_device_mapping  # noqa: SLF001 - replaced above

    def parse_block_device_mapping(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        parsed = parse(self)
        for given, mapping in zip(self._get_param("BlockDeviceMappings", []), parsed, strict=True):
            mapping["Ebs"]["Encrypted"] = given.get("Ebs", {}).get("Encrypted", False)
        return parsed

    return parse_block_device_mapping


def _other_options_stay() -> Callable[..., Any]:
    modify = InstanceBackend.modify_instance_metadata_options

    def modify_instance_metadata_options(self: Any, instance_id: str, **given: Any) -> Any:  # noqa: ANN401 - moto is untyped
        options = self.get_instance(instance_id).metadata_options
        for name, kept_as in _METADATA_OPTIONS.items():
            if given.get(name) is None:
                given[name] = getattr(options, kept_as)
        return modify(self, instance_id=instance_id, **given)

    return modify_instance_metadata_options


def _not_when_terminated(change: Callable[[Any, list[str]], Any]) -> Callable[[Any, list[str]], Any]:
    def change_instances(self: Any, instance_ids: list[str]) -> Any:  # noqa: ANN401 - moto is untyped
        for instance in self.get_multi_instances_by_id(instance_ids):
            if instance.state_code == _TERMINATED:
                said = f"The instance '{instance.id}' is not in a state from which it can be started or stopped."
                raise EC2ClientError("IncorrectInstanceState", said)
        return change(self, instance_ids)

    return change_instances


def _revoke_security_group_egress(  # noqa: PLR0913, PLR0917 - moto's own parameters
    self: Any,  # noqa: ANN401 - moto is untyped
    group_name_or_id: str,
    ip_protocol: str,
    from_port: str,
    to_port: str,
    ip_ranges: list[Any],
    source_groups: list[dict[str, Any]] | None = None,
    prefix_list_ids: list[dict[str, str]] | None = None,
    security_rule_ids: list[str] | None = None,
    vpc_id: str | None = None,
) -> None:
    """Revoke outgoing rules as moto revokes incoming ones. LocalEmu takes an error with moto's text for none."""
    group = self.get_security_group_by_name_or_id(group_name_or_id, vpc_id)
    if group is None:
        raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group_name_or_id}' does not exist")
    sources = self._add_source_group(source_groups, vpc_id)
    given = (ip_protocol, group.id, from_port, to_port, ip_ranges or [], sources, prefix_list_ids or [])
    rules = [] if security_rule_ids else list(self._iterate_security_rules(*given, is_egress=True))
    found = {rule.id for rule in group.egress_rules if rule.id in (security_rule_ids or []) or rule in rules}
    if len(found) < len(security_rule_ids or rules):
        raise EC2ClientError("InvalidPermission.NotFound", "There is no such rule in this security group.")
    group.egress_rules = [rule for rule in group.egress_rules if rule.id not in found]


def _one_at_a_time(call: Callable[..., Any]) -> Callable[..., Any]:
    def alone(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped
        with _groups_lock:
            return call(*args, **named)

    return alone


def _keep_groups_in_use() -> Callable[..., Any]:
    delete = SecurityGroupBackend.delete_security_group

    def delete_security_group(self: Any, name: str | None = None, group_id: str | None = None) -> Any:  # noqa: ANN401 - moto is untyped
        group = self.get_security_group_by_name_or_id(group_id or name)
        if group is not None and (_has_members(self, group) or _is_named(self, group)):
            raise EC2ClientError("DependencyViolation", f"resource {group.id} has a dependent object")
        return delete(self, name=name, group_id=group_id)

    return delete_security_group


def _has_members(backend: Any, group: Any) -> bool:  # noqa: ANN401 - moto is untyped
    return any(
        group in interface.group_set
        for interface in list(backend.enis.values())
        if interface.instance is None or interface.instance.state_code != _TERMINATED
    )


def _is_named(backend: Any, group: Any) -> bool:  # noqa: ANN401 - moto is untyped
    return any(
        rule.source_group.get("GroupId") == group.id
        for others in list(backend.groups.values())
        for other in list(others.values())
        if other is not group
        for rule in (*other.ingress_rules, *other.egress_rules)
    )


def _groups_of_the_vpc() -> Callable[..., Any]:
    modify = NetworkInterfaceBackend.modify_network_interface_attribute

    def modify_network_interface_attribute(self: Any, eni_id: str, group_ids: list[str], *args: Any) -> Any:  # noqa: ANN401 - moto is untyped
        interface = self.get_network_interface(eni_id)
        for group_id in group_ids or []:
            group = self.get_security_group_from_id(group_id)
            if group is None:
                raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
            if group.vpc_id != interface.subnet.vpc_id:
                said = "You have specified two resources that belong to different networks."
                raise EC2ClientError("InvalidGroup.NotFound", said)
        return modify(self, eni_id, group_ids, *args)

    return modify_network_interface_attribute
