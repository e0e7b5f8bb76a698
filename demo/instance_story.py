"""The last part of the story: an instance that mines, cut off and kept, with what it was before and is after.

May touch: the embedded AWS that its caller started, the terminal.
Never does: claim that more was cut than was.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from demo import events
from demo.aws import ACCOUNT, EmbeddedAwsError
from lambdas.actions.evidence import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.aws import Mail
    from demo.story import Credential, Terminal

ROLE = "web-server"
_IMAGE = "ami-12c6146b"
_ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the story plays with: clients of the owner's, or with somebody's credential; the stack's outputs.

    ``contain`` puts an event on the bus, tells when each step of the workflow is done, and gives the last mail;
    ``restore`` starts the workflow that undoes a case, and gives its mail; ``investigate`` the one that finds out what
    was done, and gives its answer and its mail; ``handed_over`` waits until what it found is contained.
    """

    terminal: Terminal
    client: Callable[..., Any]
    outputs: dict[str, str]
    contain: Callable[[events.Event], Mail]
    restore: Callable[[dict[str, str]], Mail]
    investigate: Callable[[dict[str, str]], tuple[dict[str, Any], Mail]]
    handed_over: Callable[[str], None]


def tell(scene: Scene, credential: Callable[..., Credential]) -> int:
    """Tell it; give how many of the attacker's calls still worked at the end."""
    terminal, ec2 = scene.terminal, scene.client("ec2")
    terminal.title("10. Another day: a web server of yours, with a neighbour of the same role")
    subnet, group = _place(ec2)
    _role(scene.client("iam"))
    mining, neighbour = (_start(ec2, subnet, group) for _ in range(2))
    stolen, sound = (_session(scene, credential, one) for one in (mining, neighbour))
    _only_ec2(scene.client("iam"))
    before = _state(ec2, mining)
    for of, who in ((stolen, "its role's session"), (sound, "its neighbour's session")):
        worked, said = _works(scene.client("s3", of))
        terminal.call(who, "s3:ListAllMyBuckets", worked=worked, said=said)

    terminal.title("11. GuardDuty sees it mine")
    event = events.instance_finding(
        mining, "CryptoCurrency:EC2/BitcoinTool.B!DNS", account=ACCOUNT, vpc=_vpc(ec2, mining)
    )
    terminal.say(f"{event['source']}  {event['detail']['type']}  {mining}")
    mail = scene.contain(event)

    terminal.title("12. The instance, before and after")
    _compare(terminal, before, _state(ec2, mining))
    terminal.say("")
    working = 0
    for of, who, want in ((stolen, "its role's session", False), (sound, "its neighbour's session", True)):
        worked, said = _works(scene.client("s3", of))
        terminal.call(who, "s3:ListAllMyBuckets", worked=worked, said=said)
        working += worked is not want

    terminal.title("13. What was kept")
    _evidence(scene, mining)

    terminal.title("14. What can survive, as the mail says it")
    told = mail.body.partition("WHAT WAS NOT DONE")[2].partition("WHAT TO DO NEXT")[0]
    print("\n".join(f"  | {row}".rstrip() for row in told.strip("\n").splitlines()))
    return working


def _place(ec2: Any) -> tuple[str, str]:  # noqa: ANN401 - made at run time
    """Make a subnet and a security group of a web server."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web servers", VpcId=vpc)["GroupId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])
    return subnet, group


def _trust(principal: dict[str, str]) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(iam: Any) -> None:  # noqa: ANN401 - made at run time
    """Make the servers' role. Nobody can act as EC2 here: the sessions begin before EC2 alone may assume it."""
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=_ADMIN)
    iam.create_instance_profile(InstanceProfileName=ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    iam.create_user(UserName="stands-for-ec2")
    iam.attach_user_policy(UserName="stands-for-ec2", PolicyArn=_ADMIN)


def _only_ec2(iam: Any) -> None:  # noqa: ANN401 - made at run time
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=_trust({"Service": "ec2.amazonaws.com"}))


def _start(ec2: Any, subnet: str, group: str) -> str:  # noqa: ANN401 - made at run time
    """Start an instance with two volumes and two interfaces."""
    volume = {"VolumeSize": 8, "DeleteOnTermination": True}
    instance = ec2.run_instances(
        ImageId=_IMAGE,
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        SubnetId=subnet,
        SecurityGroupIds=[group],
        IamInstanceProfile={"Name": ROLE},
        UserData="#!/bin/sh\nexport DATABASE_PASSWORD=example\n",
        BlockDeviceMappings=[{"DeviceName": name, "Ebs": volume} for name in ("/dev/sda1", "/dev/sdb")],
    )["Instances"][0]["InstanceId"]
    second = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    return str(instance)


def _session(scene: Scene, credential: Callable[..., Credential], instance: str) -> Credential:
    """Give the credentials that the metadata service would give the instance: a session with its id as the name."""
    key = scene.client("iam").create_access_key(UserName="stands-for-ec2")["AccessKey"]
    own = credential(name="ec2", key_id=key["AccessKeyId"], secret=key["SecretAccessKey"])
    made = scene.client("sts", own).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName=instance
    )["Credentials"]
    return credential(
        name=instance, key_id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"]
    )


def _works(s3: Any) -> tuple[bool, str]:  # noqa: ANN401 - made at run time
    try:
        s3.list_buckets()
    except s3.exceptions.ClientError as error:
        return False, str(error.response["Error"]["Code"])
    return True, ""


def _describe(ec2: Any, instance: str) -> Any:  # noqa: ANN401 - made at run time
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def _vpc(ec2: Any, instance: str) -> str:  # noqa: ANN401 - made at run time
    return str(_describe(ec2, instance)["VpcId"])


def _state(ec2: Any, instance: str) -> dict[str, str]:  # noqa: ANN401 - made at run time
    """Read what changes: name → how it stands."""
    found = _describe(ec2, instance)
    state: dict[str, str] = {}
    for number, one in enumerate(found["NetworkInterfaces"], 1):
        group = one["Groups"][0]
        rules = ec2.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"][0]
        count = len(rules["IpPermissions"]) + len(rules["IpPermissionsEgress"])
        state[f"network interface {number}"] = f"group {group['GroupName']}, {count} rules"
    attribute = ec2.describe_instance_attribute(InstanceId=instance, Attribute="disableApiTermination")
    protected = attribute["DisableApiTermination"]["Value"]
    state["termination"] = "refused" if protected else "anybody with ec2:TerminateInstances"
    deleted = sum(one["Ebs"].get("DeleteOnTermination", False) for one in found["BlockDeviceMappings"])
    state["volumes"] = f"{deleted} of {len(found['BlockDeviceMappings'])} deleted with the instance"
    state["instance profile"] = found.get("IamInstanceProfile", {}).get("Arn", "none").rpartition("/")[2]
    state["metadata service"] = found["MetadataOptions"]["HttpEndpoint"]
    volumes = [one["Ebs"]["VolumeId"] for one in found["BlockDeviceMappings"]]
    filters = [{"Name": "volume-id", "Values": volumes}]
    snapshots = [one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]]
    locked = ec2.describe_locked_snapshots(SnapshotIds=snapshots)["Snapshots"] if snapshots else []
    state["snapshots"] = f"{len(snapshots)}, {len(locked)} of them locked" if snapshots else "none"
    state["state"] = found["State"]["Name"]
    return state


def _compare(terminal: Terminal, before: dict[str, str], after: dict[str, str]) -> None:
    for name, was in before.items():
        terminal.say(f"{name:<20} {was:<36} -> {after[name]}")


def _evidence(scene: Scene, instance: str) -> None:
    """List the evidence, and check it against its manifest."""
    s3, bucket = scene.client("s3"), scene.outputs["EvidenceBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="incidents/").get("Contents", [])
    keys = [one["Key"] for one in listed if f"/{instance}/" in one["Key"]]
    content = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    for key, body in content.items():
        name = key.rpartition("/")[2]
        scene.terminal.say(f"{name:<24} {len(body):>6} bytes  sha256 {sha256(body).hexdigest()[:16]}…")
    (manifest,) = [json.loads(body) for key, body in content.items() if key.endswith("/manifest.json")]
    wrong = check(
        manifest, lambda key, version: s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    )
    if wrong:
        raise EmbeddedAwsError(f"The evidence is not what its manifest says: {wrong}. This is a bug.")
    until = s3.head_object(Bucket=bucket, Key=keys[0])["ObjectLockRetainUntilDate"]
    scene.terminal.say(f"Each is what the manifest says it is, and locked until {until:%Y-%m-%d}.")
    for name, why in manifest["not_available"].items():
        print(textwrap.fill(f"Not there: {name}, {why}", _WIDTH, initial_indent="  ", subsequent_indent="  "))
