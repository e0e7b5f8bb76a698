"""The account fixture: moto set up once, one fresh account a test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.iam.models import IAMBackend

from demo.emulator import jsonata_shim, moto_fixes
from lambdas import aws, facts
from lambdas.handlers import environment
from tests.flows.account import Account, of_the_same_function, variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONFIG: Any = {
    "stepfunctions": {"execute_state_machine": True},
    "lambda": {"use_docker": False},
    "iam": {"load_aws_managed_policies": True},
}


#: The regions that are switched on in these accounts: each that is asked costs moto a set of default resources.
REGIONS = [one for one in RegionsAndZonesBackend.regions if one.name in {"us-east-1", "eu-west-1"}]


def _only_in_this_partition(read: Callable[[IAMBackend], list[Any]]) -> Callable[[IAMBackend], list[Any]]:
    """Read AWS' managed policies where an account is, and in no other partition: there are 1,500 in each."""
    return lambda backend: read(backend) if backend.partition == "aws" else []


@pytest.fixture
def make_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Account]]:
    """Give a function that makes the account of this test, with settings."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(environment, "get", variable)
    monkeypatch.setattr(facts.gather, "__defaults__", (20.0,))  # a busy machine is no reason to know less
    aws._session.cache_clear()  # noqa: SLF001 - clients of another account must not be met again
    aws.client.cache_clear()
    with mock_aws(config=_CONFIG):
        import moto.stepfunctions.parser.models  # noqa: F401 - the interpreter must be there to be shimmed

        monkeypatch.setattr(RegionsAndZonesBackend, "regions", REGIONS)
        monkeypatch.setattr(IAMBackend, "_init_aws_policies", _only_in_this_partition(IAMBackend._init_aws_policies))  # noqa: SLF001 - moto reads them for six partitions
        jsonata_shim.install("moto")
        moto_fixes.install()
        monkeypatch.setattr(ThreadPoolExecutor, "submit", of_the_same_function(ThreadPoolExecutor.submit))
        made: list[Account] = []

        def invoke(
            _self: object, function_name: str, _q: str, body: str, _h: object, response_headers: dict[str, str]
        ) -> bytes:
            name = f"{function_name.rsplit(':', maxsplit=1)[-1].removeprefix('tourniquet-')}FunctionArn"
            answer, failed = made[-1].invoke(name, body)
            if failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            return answer.encode()

        monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)

        def make(**settings: object) -> Account:
            made.append(Account(settings=settings))
            return made[-1]

        yield make
        for account in made:
            account.settle_down()


@pytest.fixture
def account(make_account: Callable[..., Account]) -> Account:
    """Give an account with the settings as they come."""
    return make_account()
