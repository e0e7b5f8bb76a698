"""One embedded AWS with the stack deployed, for the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.aws import EmbeddedAws, deploy, free_port
from tests.e2e.deployed import Deployed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
def deployed(tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]) -> Iterator[Deployed]:
    """Start the embedded AWS, deploy the stack as anybody would, and stop it all at the end."""
    folder = tmp_path_factory.mktemp("aws")
    with EmbeddedAws.start(port=free_port(), scratch=folder / "state", log=folder / "aws.log", say=say) as aws:
        outputs = deploy(
            aws,
            context={"alert_email": "oncall@example.com"},
            outputs=folder / "outputs.json",
            say=say,
        )
        made = Deployed(aws, outputs)
        # A message in the dead-letter queue raises its alarm after a minute or more: it is asked for at the end.
        made.client("sqs").send_message(QueueUrl=outputs["DeadLetterQueueUrl"], MessageBody="lost")
        yield made
