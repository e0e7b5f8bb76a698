"""An account inside this process: IAM with AWS' managed policies and AWS' quota of policies in it, and a table."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from demo.emulator import moto_fixes
from lambdas.journal import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient

_CONFIG: Any = {"iam": {"load_aws_managed_policies": True}}
_numbers = count(1)


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
