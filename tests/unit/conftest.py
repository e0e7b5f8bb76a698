"""An account inside this process: IAM with AWS' managed policies and AWS' quota of policies in it, and a table."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.ec2.models import amis
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.s3 import models as s3_models
from moto.s3 import urls as s3_urls

from demo.emulator import moto_fixes
from lambdas.journal import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient

_CONFIG: Any = {"iam": {"load_aws_managed_policies": True}}
_numbers = count(1)

#: The regions that are switched on: each that is asked costs moto a set of default resources, and boto3 a client.
_SWITCHED_ON = {"us-east-1", "eu-west-1", "ap-northeast-1", "ap-southeast-2", "sa-east-1"}
REGIONS = [one for one in RegionsAndZonesBackend.regions if one.name in _SWITCHED_ON]

#: The one public image that there is: moto makes a thousand of them in each region, with their snapshots.
IMAGE = "ami-12c6146b"
_IMAGES = [one for one in amis.AMIS if one["ami_id"] == IMAGE]
_method_names = cache(method_names_from_class)


def make_moto_light(patch: pytest.MonkeyPatch) -> None:
    """Take from moto what takes time and what no test needs."""
    patch.setattr(RegionsAndZonesBackend, "regions", REGIONS)
    patch.setattr(amis, "AMIS", _IMAGES)
    patch.setattr(amis, "load_resource", lambda _: [])
    patch.setattr(s3_models, "reload", lambda _: s3_urls)  # which it does at each call
    patch.setattr(responses, "method_names_from_class", _method_names)


@pytest.fixture(scope="module")
def aws_account() -> Iterator[None]:
    """Set up one account for the tests of a module; each test makes users of its own in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        moto_fixes.install()
        make_moto_light(patch)
        with mock_aws(config=_CONFIG):
            yield


@pytest.fixture(scope="module")
def iam(aws_account: None) -> IAMClient:  # noqa: ARG001 - the account must be there first
    """Give a client of the account's IAM."""
    return boto3.client("iam", region_name="us-east-1")


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Give a function that gives a name nobody has yet."""
    return lambda: f"user-{next(_numbers)}"


@pytest.fixture
def dynamodb(aws_account: None) -> DynamoDBClient:  # noqa: ARG001 - the account must be there first
    """Give a client of the account's DynamoDB."""
    return boto3.client("dynamodb", region_name="us-east-1")


@pytest.fixture
def name(dynamodb: DynamoDBClient, new_name: Callable[[], str]) -> str:
    """Make an incident table of this test's own."""
    table = f"incidents-{new_name()}"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return table


@pytest.fixture
def table(dynamodb: DynamoDBClient, name: str) -> Table:
    """Give the table; waiting takes no time in it."""
    return Table(dynamodb, name, sleep=lambda _: None)
