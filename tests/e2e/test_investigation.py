"""What the attacker did, found and closed on the deployed stack: every way that a leaked key led to is refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3

from demo import events
from tests.e2e.deployed import ADMIN, Deployed, Key

OTHER_REGION = "eu-west-1"
IMAGE = "ami-12c6146b"


def in_region(deployed: Deployed, service: str, region: str, key: Key | None = None) -> Any:  # noqa: ANN401 - made at run time
    """Give a client in another region, of the owner's or with somebody's key."""
    return boto3.client(  # type: ignore[call-overload]  # any service
        service,
        region_name=region,
        endpoint_url=deployed.aws.url,
        aws_access_key_id=key.id if key else "test",
        aws_secret_access_key=key.secret if key else "test",
        aws_session_token=key.token if key else None,
    )


def investigate(deployed: Deployed, asked: dict[str, Any]) -> dict[str, Any]:
    """Start an investigation; give its answer when it has ended."""
    started = deployed.client("stepfunctions").start_execution(
        stateMachineArn=deployed.outputs["InvestigateStateMachineArn"], input=json.dumps(asked)
    )
    return deployed.ended(started["executionArn"], seconds=240)


def test_everything_that_the_leaked_key_led_to_is_refused_and_the_innocent_goes_on(alone: Deployed) -> None:
    """Given a key with which somebody assumed a role, made a user and launched an instance elsewhere, all is closed."""
    deployed = alone
    user, (leaked, second) = deployed.user()
    role = deployed.role()
    innocent = deployed.session(role, "nightly-job")
    sts, iam = deployed.client("sts", leaked), deployed.client("iam", leaked)
    assumed = deployed.session(role, "evil", by=leaked)
    session = Key.of(sts.get_session_token()["Credentials"])
    federated = Key.of(
        sts.get_federation_token(
            Name="visitor",
            Policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
        )["Credentials"]
    )
    backdoor = f"svc-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=backdoor)
    iam.attach_user_policy(UserName=backdoor, PolicyArn=ADMIN)
    made = iam.create_access_key(UserName=backdoor)["AccessKey"]
    born = Key(id=made["AccessKeyId"], secret=made["SecretAccessKey"])
    launched = in_region(deployed, "ec2", OTHER_REGION, leaked).run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro"
    )["Instances"][0]["InstanceId"]
    everything = {
        "the leaked key": leaked,
        "the second key": second,
        "the session": session,
        "the federated session": federated,
        "the assumed role": assumed,
        "the made user's key": born,
    }
    assert not any(deployed.refused(key) for key in (*everything.values(), innocent))

    (execution,) = deployed.put(events.health(leaked.id, user=user, event_id=user))
    (case,) = deployed.ended(execution)["cases"]
    assert not deployed.refused(assumed), "respond alone does not know of what the key led to"
    answer = investigate(deployed, {"incident_id": case["incident_id"]})
    assert {(one["kind"], one["name"] or one["id"]) for one in answer["found"]} >= {
        ("user", backdoor),
        ("role_session", role.name),
        ("instance", launched),
    }
    found = f"found-{case['incident_id']}-1-0-"
    respond = deployed.outputs["RespondStateMachineArn"]

    def handed_over() -> str | None:
        listed = deployed.client("stepfunctions").list_executions(stateMachineArn=respond)["executions"]
        return next((one["executionArn"] for one in listed if one["name"].startswith(found)), None)

    run = deployed.wait(handed_over, seconds=30, what="what was found to be handed over")
    (told,) = deployed.ended(run, seconds=200)["cases"]
    assert told["incident_id"] == case["incident_id"]
    still = [name for name, key in everything.items() if not deployed.refused(key)]
    assert still == []
    assert not deployed.refused(innocent), "another session of the same role goes on"
    ec2 = in_region(deployed, "ec2", OTHER_REGION)
    groups = {
        group["GroupName"]
        for interface in ec2.describe_instances(InstanceIds=[launched])["Reservations"][0]["Instances"][0][
            "NetworkInterfaces"
        ]
        for group in interface["Groups"]
    }
    assert groups == {"tourniquet-isolation"}

    alert = deployed.alert(
        lambda one: isinstance(one, dict) and bool(one.get("report")) and one["incident_id"] == case["incident_id"],
        what="the alert with the report",
    )
    bucket, key = alert["report"].removeprefix("s3://").split("/", 1)
    page = deployed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert backdoor in page
    assert not [one for one in everything.values() if one.id in page or one.id in json.dumps(alert)]
    mail = deployed.mail(lambda mail: "INVESTIGATED" in mail.subject and case["incident_id"] in mail.body)
    assert "aws s3 cp" in mail.body
