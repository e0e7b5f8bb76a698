"""Instances and what belongs to them, made and read back through clients that have nothing of the responder's.

Used with an account in this process and with the embedded AWS.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "ami-12c6146b"
EC2_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
SECRET = "hunter2-in-user-data"
USER_DATA = f"#!/bin/sh\nexport PASSWORD={SECRET}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A VPC with a subnet and a security group that lets everything in from the VPC."""

    vpc: str
    subnet: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An instance, as it was made: its interfaces with their groups, its volumes, its role."""

    id: str
    interfaces: dict[str, list[str]]
    volumes: tuple[str, ...]
    role: str = ""
    role_id: str = ""
    group: str = ""
    target_groups: tuple[str, ...] = ()


class Estate:
    """The owner's instances. ``client`` gives a client of a service as the owner."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client
        self._numbers = 0

    @property
    def ec2(self) -> Any:  # noqa: ANN401 - boto3's client
        """The owner's client of EC2."""
        return self.client("ec2")

    def place(self) -> Place:
        """Make a VPC."""
        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            ],
        )
        return Place(vpc=vpc, subnet=subnet, group=group)

    def role(self, name: str = "", trust: str = EC2_TRUST) -> tuple[str, str]:
        """Make a role with an instance profile of its name; give its name and its unique id."""
        iam, name = self.client("iam"), name or f"role-{uuid.uuid4().hex[:10]}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name, made["RoleId"]

    def machine(
        self,
        place: Place | None = None,
        *,
        interfaces: int = 1,
        volumes: int = 1,
        role: tuple[str, str] = ("", ""),
        encrypted: bool = False,
        **more: Any,
    ) -> Machine:
        """Start an instance with so many interfaces and volumes."""
        place = place or self.place()
        mappings = [
            {
                "DeviceName": f"/dev/sd{letter}",
                "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True, "Encrypted": encrypted},
            }
            for letter in "abcdefgh"[:volumes]
        ]
        mappings[0]["DeviceName"] = "/dev/sda1"
        profile = {"IamInstanceProfile": {"Name": role[0]}} if role[0] else {}
        ec2 = self.ec2
        instance = ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            SubnetId=place.subnet,
            SecurityGroupIds=[place.group],
            BlockDeviceMappings=mappings,
            UserData=USER_DATA,
            **profile,
            **more,
        )["Instances"][0]["InstanceId"]
        for index in range(1, interfaces):
            made = ec2.create_network_interface(SubnetId=place.subnet, Groups=[place.group])["NetworkInterface"]
            ec2.attach_network_interface(
                NetworkInterfaceId=made["NetworkInterfaceId"], InstanceId=instance, DeviceIndex=index
            )
        return self.known(instance, role)

    def known(self, instance: str, role: tuple[str, str] = ("", "")) -> Machine:
        """Read an instance as it is now."""
        found = self.describe(instance)
        return Machine(
            id=instance,
            interfaces=self.groups(instance),
            volumes=tuple(sorted(one["Ebs"]["VolumeId"] for one in found["BlockDeviceMappings"])),
            role=role[0],
            role_id=role[1],
        )

    def describe(self, instance: str) -> dict[str, Any]:
        """Describe an instance."""
        found: dict[str, Any] = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return found

    def groups(self, instance: str) -> dict[str, list[str]]:
        """Read the security groups of each interface, from the interfaces themselves."""
        filters = [{"Name": "attachment.instance-id", "Values": [instance]}]
        found = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return {one["NetworkInterfaceId"]: [group["GroupId"] for group in one["Groups"]] for one in found}

    def ours(self, vpc: str) -> list[dict[str, Any]]:
        """List the responder's groups of a VPC."""
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag-key", "Values": ["tourniquet"]}]
        found: list[dict[str, Any]] = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        return found

    def assert_isolated(self, machine: Machine, place: Place) -> str:
        """Read back that the instance is cut off, by the one group without rules that its VPC has; give that group."""
        (group,) = self.ours(place.vpc)
        assert group["GroupName"].startswith("tourniquet-isolation")
        assert group["IpPermissions"] == []
        assert group["IpPermissionsEgress"] == []
        assert self.groups(machine.id) == {name: [group["GroupId"]] for name in machine.interfaces}
        return str(group["GroupId"])

    def assert_kept(self, machine: Machine) -> None:
        """Read back that neither the instance nor its volumes go away by a call or a shutdown."""
        attribute = self.ec2.describe_instance_attribute
        protected = attribute(InstanceId=machine.id, Attribute="disableApiTermination")["DisableApiTermination"]
        shutdown = attribute(InstanceId=machine.id, Attribute="instanceInitiatedShutdownBehavior")
        assert protected["Value"] is True
        assert shutdown["InstanceInitiatedShutdownBehavior"]["Value"] == "stop"
        found = self.describe(machine.id)
        assert not any(one["Ebs"].get("DeleteOnTermination") for one in found["BlockDeviceMappings"])
        assert found["MetadataOptions"]["HttpEndpoint"] == "disabled"
        assert self.profiles(machine.id) == []

    def profiles(self, instance: str) -> list[str]:
        """List the instance profiles that are associated with an instance."""
        found = self.ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [instance]}]
        )["IamInstanceProfileAssociations"]
        return [one["IamInstanceProfile"]["Arn"] for one in found if one["State"] in {"associated", "associating"}]

    def snapshots(self, machine: Machine, case: str = "") -> list[dict[str, Any]]:
        """List the snapshots of an instance's volumes, of one case if it is named."""
        filters = [{"Name": "volume-id", "Values": list(machine.volumes)}]
        if case:
            filters.append({"Name": "tag:tourniquet:incident", "Values": [case]})
        found: list[dict[str, Any]] = self.ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]
        return found

    def assert_snapshotted(self, machine: Machine, case: str) -> None:
        """Read back that each volume has one snapshot, tagged with the case and locked."""
        found = self.snapshots(machine, case)
        assert sorted(one["VolumeId"] for one in found) == sorted(machine.volumes)
        assert len(self.snapshots(machine)) == len(found), "there is one set"
        locked = self.ec2.describe_locked_snapshots(SnapshotIds=[one["SnapshotId"] for one in found])["Snapshots"]
        assert {one["LockState"] for one in locked} == {"governance"}
        assert len(locked) == len(found)

    def evidence(self, bucket: str, case: str, instance: str) -> dict[str, bytes]:
        """Read everything that the evidence bucket has of an instance in a case: name → content."""
        s3, folder = self.client("s3"), f"incidents/{case}/{instance}/"
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])
        return {
            one["Key"].removeprefix(folder): s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for one in listed
        }

    def assert_evidence(self, bucket: str, case: str, instance: str) -> dict[str, Any]:
        """Read back that the manifest names everything that was kept, with the right hashes; give the manifest."""
        found = self.evidence(bucket, case, instance)
        manifest: dict[str, Any] = json.loads(found.pop("manifest.json"))
        hashes = {one["key"].rpartition("/")[2]: one["sha256"] for one in manifest["objects"]}
        assert hashes == {name: sha256(content).hexdigest() for name, content in found.items()}
        assert "before.json" in hashes
        return manifest

    def grouped(self, place: Place, *, role: tuple[str, str] = ("", "")) -> Machine:
        """Make an Auto Scaling group of one behind a target group; give the instance."""
        name = f"web-{uuid.uuid4().hex[:8]}"
        autoscaling, balancing = self.client("autoscaling"), self.client("elbv2")
        target = balancing.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=place.vpc, TargetType="instance"
        )["TargetGroups"][0]["TargetGroupArn"]
        template = self.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": IMAGE,
                "InstanceType": "t3.micro",
                "SecurityGroupIds": [place.group],
                **({"IamInstanceProfile": {"Name": role[0]}} if role[0] else {}),
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
            MinSize=1,
            MaxSize=3,
            DesiredCapacity=1,
            VPCZoneIdentifier=place.subnet,
        )
        deadline = time.monotonic() + 30
        while not (found := self.members(name)):
            assert time.monotonic() < deadline, "the group starts no instance"
            time.sleep(0.2)
        if role[0] and not self.profiles(found[0]):  # moto's groups forget what the template says of it
            self.ec2.associate_iam_instance_profile(InstanceId=found[0], IamInstanceProfile={"Name": role[0]})
        balancing.register_targets(TargetGroupArn=target, Targets=[{"Id": found[0], "Port": 80}])
        known = self.known(found[0], role)
        return Machine(
            id=known.id,
            interfaces=known.interfaces,
            volumes=known.volumes,
            role=known.role,
            role_id=known.role_id,
            group=name,
            target_groups=(target,),
        )

    def members(self, group: str) -> list[str]:
        """List the instances that an Auto Scaling group has."""
        (found,) = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
            "AutoScalingGroups"
        ]
        return [one["InstanceId"] for one in found["Instances"]]

    def targets(self, target_group: str) -> set[str]:
        """List what a target group sends new connections to."""
        found = self.client("elbv2").describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"] for one in found if one["TargetHealth"]["State"] not in {"draining", "unused"}}
