"""The synthesized stack, made once by the CDK's own command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTECTED = "arn:aws:iam::123456789012:user/prod/payments"
PROTECTED_ROLE = "arn:aws:iam::123456789012:role/prod/ledger"
PROTECTED_INSTANCE = "i-0fedcba9876543210"
PROTECTED_VPC = "vpc-0123456789abcdef0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesized:
    """What ``cdk synth`` printed and wrote."""

    said: str
    folder: Path
    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the properties of every resource of a type, by logical id."""
        found = self.template["Resources"].items()
        return {name: resource.get("Properties", {}) for name, resource in found if resource["Type"] == kind}


def synth(folder: Path, *context: str) -> subprocess.CompletedProcess[str]:
    """Run ``cdk synth`` as a person would, without an account."""
    command = [str(ROOT / ".build" / "bin" / "cdk"), "synth", "--quiet", "--no-notices", "--output", str(folder)]
    for entry in context:
        command += ["-c", entry]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Give the stack as it is deployed, with one protected principal, by the call that the CDK's CLI makes."""
    folder = tmp_path_factory.mktemp("cdk.out")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    context["tourniquet"] |= {
        "alert_email": "oncall@example.com",
        "playbook_modes": {"unusual_use": {"approve": 4, "contain": 8}},
        "playbook_extras": {"compromised_instance": ["stop_instance"]},
        "protected_principals": [PROTECTED, PROTECTED_ROLE],
        "protected_instances": [PROTECTED_INSTANCE],
        "protected_vpcs": [PROTECTED_VPC],
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    own |= {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(folder)}
    ran = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    template = json.loads((folder / "TourniquetResponder.template.json").read_text())
    return Synthesized(said=ran.stdout + ran.stderr, folder=folder, template=template)
