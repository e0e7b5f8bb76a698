"""The part of the story that tells what was done with the leaked key: what it led to, the report, and all of it closed.

May touch: the embedded AWS that its caller started, the terminal, the file of the report below `.build/`.
Never does: show a whole access key id; close anything itself: the workflows do.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from demo.aws import ACCOUNT, BUILD, EmbeddedAwsError
from lambdas.text import tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.instance_story import Scene
    from demo.story import Credential

ROLE = "nightly-backup"
BACKDOOR = "svc-monitoring"
REGION = "eu-west-1"
REPORT = BUILD / "demo-report"
_IMAGE = "ami-12c6146b"
_ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
_ISOLATION = "tourniquet-isolation"
_KINDS = {
    "user": "user {name}",
    "access_key": "access key {id} of user {name}",
    "role": "role {name}",
    "role_session": "session {session} of role {name}",
    "instance": "instance {id} in {region}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What the attacker has besides the key, what is the owner's, and the instance that mines for the attacker."""

    attackers: tuple[Credential, ...]
    owners: Credential
    instance: str


def spread(client: Callable[..., Any], leaked: Credential, credential: Callable[..., Credential]) -> Spread:
    """Do with the leaked key what attackers do: take a role, make a user to come back as, start an instance."""
    owner = client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = owner.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    owner.attach_role_policy(RoleName=ROLE, PolicyArn=_ADMIN)
    owner.create_user(UserName="operations")
    owner.attach_user_policy(UserName="operations", PolicyArn=_ADMIN)
    own = _key(owner, "operations", "the operations team", credential)
    iam = client("iam", leaked)
    iam.create_user(UserName=BACKDOOR)
    iam.attach_user_policy(UserName=BACKDOOR, PolicyArn=_ADMIN)
    backdoor = _key(iam, BACKDOOR, f"the key of {BACKDOOR}", credential)
    instance = client("ec2", leaked, REGION).run_instances(
        ImageId=_IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro"
    )["Instances"][0]["InstanceId"]
    return Spread(
        attackers=(
            _session(client("sts", leaked), role, "evil", f"a session of {ROLE}", credential),
            backdoor,
        ),
        owners=_session(client("sts", own), role, "job-4711", f"your session of {ROLE}", credential),
        instance=str(instance),
    )


def _key(iam: Any, user: str, name: str, credential: Callable[..., Credential]) -> Credential:  # noqa: ANN401 - made at run time
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return credential(name=name, key_id=key["AccessKeyId"], secret=key["SecretAccessKey"])


def _session(sts: Any, role: str, session: str, name: str, credential: Callable[..., Credential]) -> Credential:  # noqa: ANN401 - made at run time
    made = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    return credential(name=name, key_id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])


def show(scene: Scene, found: Spread) -> int:
    """Make a call with each; give how many of the attacker's worked, or of the owner's did not."""
    wrong = 0
    for one, want in (*((one, False) for one in found.attackers), (found.owners, True)):
        try:
            scene.client("s3", one).list_buckets()
            worked, said = True, ""
        except ClientError as error:
            worked, said = False, str(error.response["Error"]["Code"])
        scene.terminal.call(one.name, "s3:ListAllMyBuckets", worked=worked, said=said)
        wrong += worked is not want
    return wrong


def tell(scene: Scene, case: str, found: Spread) -> int:
    """Tell of the investigation; give how many calls did not end as they should have."""
    terminal = scene.terminal
    terminal.title("7. What did they do? The investigation")
    terminal.say(
        "Respond starts it by itself as soon as the cuts are told. Here it is started by hand, to tell it in order."
    )
    terminal.say("What the key led to still works:\n")
    show(scene, found)
    terminal.say("")
    terminal.zero()
    answer, mail = scene.investigate({"incident_id": case})
    terminal.say("\n  Found alive, each proven by a record of CloudTrail, and handed to respond, in the same case:")
    for one in answer["found"]:
        session = str(one["id"]).partition(":")[2]
        shown = _KINDS[one["kind"]].format(
            name=one["name"],
            id=tail(one["id"]) if one["kind"] == "access_key" else one["id"],
            session=session,
            region=one["region"],
        )
        terminal.say(f"- {shown}")
    scene.handed_over(case)
    terminal.say("")
    wrong = show(scene, found)
    groups = _groups(scene, found.instance)
    terminal.say(f"instance {found.instance} in {REGION}: security group {', '.join(groups)}")
    wrong += groups != [_ISOLATION]
    terminal.say("\n  The mail (shortened):\n")
    rows = mail.body.splitlines()
    print("\n".join(f"  | {row}".rstrip() for row in rows[:34]))
    terminal.say(f"\n  The report: {_fetch(scene, answer['report'])}")
    return wrong


def _groups(scene: Scene, instance: str) -> list[str]:
    found = scene.client("ec2", None, REGION).describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    return sorted({group["GroupName"] for one in found[0]["NetworkInterfaces"] for group in one["Groups"]})


def _fetch(scene: Scene, where: str) -> str:
    """Copy the report's forms next to the demo's own files; give the page's path."""
    bucket, key = where.removeprefix("s3://").split("/", 1)
    folder = key.rpartition("/")[0]
    shutil.rmtree(REPORT, ignore_errors=True)
    REPORT.mkdir(parents=True)
    for name in ("report.html", "report.json", "summary.txt", "support.html", "support.txt"):
        body = scene.client("s3").get_object(Bucket=bucket, Key=f"{folder}/{name}")["Body"].read()
        (REPORT / name).write_bytes(body)
    page = REPORT / "report.html"
    if b"</html>" not in page.read_bytes():
        raise EmbeddedAwsError("The report is not a whole page. This is a bug.")
    return str(page.relative_to(BUILD.parent))
