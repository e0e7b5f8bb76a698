"""One embedded AWS with the stack deployed, for the whole run."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from demo.aws import REGION, ROOT, EmbeddedAws, deploy, free_port
from tests.e2e import side_by_side
from tests.e2e.deployed import LATE, PROTECTED_ROLE, PROTECTED_USER, Deployed, Safe
from tests.e2e.side_by_side import SideBySide
from tests.estate import Estate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTINGS = {
    "alert_email": "oncall@example.com",
    "approval_timeout_minutes": 0.75,
    "hold_seconds": 2,
    "second_look_minutes": 0,
    "investigate": False,  # each takes a minute of two cores: those that are wanted are started by hand
    "max_containments_per_hour": 100,  # more than the whole run contains; the breaker's own test sets it lower
    "protected_principals": [PROTECTED_USER, PROTECTED_ROLE],
}

_runs = pytest.StashKey[SideBySide]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{side_by_side.MARK}: runs at the same time as the others of this mark")
    config.stash[_runs] = SideBySide()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder in the order of their turns."""
    ours = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    for place, item in zip(ours, sorted((items[place] for place in ours), key=side_by_side.turn), strict=True):
        items[place] = item


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Wait for a test that runs side by side with others; leave any other to pytest."""
    return pyfuncitem.config.stash[_runs].wait_for(pyfuncitem) or None


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Give a way to print progress past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def speak(text: str) -> None:
        if capture is None:
            print(f"\ne2e: {text}", flush=True)  # noqa: T201 - progress
            return
        with capture.global_and_fixture_disabled():
            print(f"\ne2e: {text}", flush=True)  # noqa: T201 - progress

    return speak


@pytest.fixture(scope="session")
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]
) -> Iterator[Deployed]:
    """Start the embedded AWS, deploy the stack as anybody would, and stop it all at the end."""
    folder = tmp_path_factory.mktemp("aws")
    os.environ["DEMO_MOST_LAMBDA_PROCESSES"] = "40"  # none is ended only to begin again
    os.environ["DEMO_LATE_USERS"] = LATE  # IAM enforces late what is done to these, as on AWS
    os.environ["DEMO_MOST_RUNNING_LAMBDAS"] = "3"  # more would only be slower on two cores, and be taken for ill
    with EmbeddedAws.start(port=free_port(), scratch=folder / "state", log=folder / "aws.log", say=say) as aws:
        safe = _safe(aws)
        app = _app(folder / "app", protected_instances=[safe.machine.id], protected_vpcs=[safe.place.vpc])
        outputs = deploy(aws, context={}, outputs=folder / "outputs.json", say=say, app=app)
        made = Deployed(aws, outputs, safe)
        # A message in the dead-letter queue raises its alarm after a minute or more: it is asked for at the end.
        made.client("sqs").send_message(QueueUrl=outputs["DeadLetterQueueUrl"], MessageBody="lost")
        runs = request.config.stash[_runs]
        runs.start(request.session.items, {"deployed": made})
        yield made
        runs.stop()


@pytest.fixture
def alone(request: pytest.FixtureRequest, deployed: Deployed) -> Deployed:
    """Give the stack when no other test uses it any more."""
    request.config.stash[_runs].finish()
    return deployed


def _safe(aws: EmbeddedAws) -> Safe:
    """Make what the settings of these tests protect; its ids have to be known before the stack is deployed."""
    session = boto3.Session(region_name=REGION)
    estate = Estate(
        lambda service: session.client(  # type: ignore[call-overload]  # any service
            service, endpoint_url=aws.url, aws_access_key_id="test", aws_secret_access_key="test"
        )
    )
    place, role = estate.place(), estate.role()
    return Safe(machine=estate.machine(role=role), place=place, inside=estate.machine(place, role=role))


def _app(folder: Path, **settings: object) -> Path:
    """Make a folder with the product's own cdk.json and the settings of these tests: not all can be given with -c."""
    folder.mkdir()
    described = json.loads((ROOT / "cdk.json").read_text("utf-8"))
    described["app"] = described["app"].replace("app.py", shlex.quote(str(ROOT / "app.py")))
    described["context"]["tourniquet"] |= {**SETTINGS, **settings}
    (folder / "cdk.json").write_text(json.dumps(described), "utf-8")
    return folder
