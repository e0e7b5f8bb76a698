"""The functions' code as one asset: built here, without Docker, the same bytes for the same input.

The pinned dependencies are installed for Lambda's platform, botocore's data is cut to the services that
are called, and everything is compiled to bytecode that stays valid: the CDK's zip sets every date to 1980,
so only bytecode that is checked by hash, or not at all, survives; ours is ``unchecked-hash``.

May touch: the build folder; PyPI through pip, when the pinned dependencies are not there yet.
Never: packs what the functions do not need; takes anything from the machine's own site-packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
REQUIREMENTS = ROOT / "requirements-lambda.txt"
PYTHON = (3, 13)

#: The folders of botocore's data that stay: the services that the functions' clients are made for.
SERVICES = (
    "autoscaling",
    "ce",
    "cloudformation",
    "cloudtrail",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "elb",
    "elbv2",
    "guardduty",
    "iam",
    "kms",
    "lambda",
    "lightsail",
    "rds",
    "route53domains",
    "s3",
    "s3control",
    "sagemaker",
    "sesv2",
    "sns",
    "stepfunctions",
)
_SHARED_DATA = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")

#: Parts of the dependencies that no function imports.
_UNUSED = ("bin", "boto3/examples", "boto3/data")
_ON_LAMBDA = "/var/task"
_COMPILE = (
    "import compileall, py_compile, sys; "
    "sys.exit(not compileall.compile_dir(sys.argv[1], quiet=2, force=True, workers=1, stripdir=sys.argv[1], "
    f"prependdir={_ON_LAMBDA!r}, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))"
)


class PackagingError(Exception):
    """The asset could not be built; the message says what to do."""


def build(into: Path = BUILD) -> Path:
    """Build the asset, or find it built, and give its folder. Raises PackagingError."""
    if sys.version_info[:2] != PYTHON:
        raise PackagingError(
            f"The functions' bytecode must be compiled by Python {PYTHON[0]}.{PYTHON[1]}; this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Run the CDK with Python {PYTHON[0]}.{PYTHON[1]}."
        )
    dependencies = _dependencies(into)
    sources = sorted((ROOT / "lambdas").rglob("*.py"))
    digest = hashlib.sha256(dependencies.name.encode())
    digest.update(Path(__file__).read_bytes())
    for source in sources:
        digest.update(str(source.relative_to(ROOT)).encode() + b"\0" + source.read_bytes())
    asset = into / f"asset-{digest.hexdigest()[:16]}"
    if not asset.is_dir():
        _assemble(asset, dependencies, sources)
    return asset


def _dependencies(into: Path) -> Path:
    """Install the pinned dependencies once per set of pins."""
    target = into / f"dependencies-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]}"
    if target.is_dir():
        return target
    into.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="dependencies-", dir=into))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"]
    command += ["--platform=manylinux2014_aarch64", "--python-version=3.13"]
    command += [f"--target={staging}", f"--requirement={REQUIREMENTS}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own pip)
    if ran.returncode:
        shutil.rmtree(staging)
        raise PackagingError(
            "The functions' dependencies could not be installed with pip (is PyPI or your index reachable?):\n"
            + ran.stderr[-2000:]
        )
    return _settle(staging, target)


def _assemble(asset: Path, dependencies: Path, sources: list[Path]) -> None:
    """Copy what is needed, cut the rest, compile."""
    staging = Path(tempfile.mkdtemp(prefix="asset-", dir=asset.parent))
    shutil.copytree(dependencies, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for unused in _UNUSED:
        shutil.rmtree(staging / unused, ignore_errors=True)
    for metadata in staging.glob("*.dist-info"):
        for entry in metadata.iterdir():
            if entry.name != "METADATA":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in (staging / "botocore" / "data").iterdir():
        if entry.name not in (*SERVICES, *_SHARED_DATA):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for source in sources:
        destination = staging / source.relative_to(ROOT)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
    ran = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", _COMPILE, str(staging)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if ran.returncode:
        raise PackagingError(f"The functions could not be compiled:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    for path in [staging, *staging.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    _settle(staging, asset)


def _settle(staging: Path, target: Path) -> Path:
    """Move a finished folder to its name; a twin process may have been first, which is as good."""
    try:
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging)
        if not target.is_dir():
            raise
    return target
