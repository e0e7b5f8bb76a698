"""An account's IAM inside this process, with AWS' managed policies and AWS' quota of policies in it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from demo.emulator import moto_fixes

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
