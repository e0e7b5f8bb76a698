"""The functions' asset: small, the same bytes each time, valid bytecode, nothing missing."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import marshal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks import packaging

if TYPE_CHECKING:
    from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = ("triage", "act", "notify", "restore", "undo")
_LIMIT = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def asset() -> Path:
    """Give the asset as it is deployed."""
    return packaging.build()


def digest(folder: Path) -> str:
    """Hash every path and every byte of a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\0{path.stat().st_mode:o}\0".encode() + path.read_bytes())
    return found.hexdigest()


def test_the_zipped_asset_is_small(asset: Path) -> None:
    """Given the asset, zipped it is far below ten megabytes."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in asset.rglob("*"):
            archive.write(path, path.relative_to(asset))
    assert zipped.tell() <= _LIMIT


def test_the_same_input_gives_the_same_bytes(asset: Path, tmp_path: Path) -> None:
    """Given two builds in two folders, they are equal to the byte."""
    for name in ("one", "a-folder-with-a-much-longer-name"):
        into = tmp_path / name
        into.mkdir()
        dependencies = next(packaging.BUILD.glob("dependencies-*"))
        (into / dependencies.name).symlink_to(dependencies)
        assert digest(packaging.build(into)) == digest(asset)


def test_bytecode_is_valid_on_lambda_whatever_the_dates_are(asset: Path) -> None:
    """Given every module, its bytecode is Python 3.13's, is not checked against a date, and names Lambda's folder."""
    modules = [path for path in asset.rglob("*.py") if "/data/" not in str(path)]
    assert len(modules) > 100
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER, module
        assert int.from_bytes(compiled[4:8], "little") == 0b01, f"{module} is checked against its source"
        code: CodeType = marshal.loads(compiled[16:])  # noqa: S302 - our own bytecode
        assert code.co_filename == f"/var/task/{module.relative_to(asset)}"


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_finds_everything_it_needs_in_the_asset(asset: Path, handler: str) -> None:
    """Given nothing but the asset, each handler is imported and makes its clients."""
    script = (
        f"import sys; sys.path.insert(0, {str(asset)!r}); "
        f"import lambdas.handlers.{handler}; from lambdas import aws; "
        f"[aws.client(name) for name in {packaging.SERVICES!r}]; "
        "print([m for m in ('pydantic', 'aws_xray_sdk', 'requests') if m in sys.modules])"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        command, env={"AWS_DEFAULT_REGION": "us-east-1"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def services_of(call: ast.Call) -> set[str]:
    """Name the service that a call makes the client of, or that an entry of a table says it will be made of."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[:1] if name in {"client", "clients"} else []
    said = [keyword.value for keyword in call.keywords if keyword.arg == "service" and name in {"Reader", "State"}]
    return {str(value.value) for value in (*first, *said) if isinstance(value, ast.Constant)}


def test_the_data_of_botocore_is_that_of_the_services_called(asset: Path) -> None:
    """Given the code, the services whose clients it makes are the services whose data is packed."""
    called = {
        service
        for path in (ROOT / "lambdas").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for service in services_of(node)
    }
    assert called == set(packaging.SERVICES)
    packed = {path.name for path in (asset / "botocore" / "data").iterdir() if path.is_dir()}
    assert packed == called


def test_the_wrong_python_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Given another Python, the build says which one it needs: its bytecode would be ignored on Lambda."""
    monkeypatch.setattr(sys, "version_info", (3, 12, 0, "final", 0))
    with pytest.raises(packaging.PackagingError, match=r"compiled by Python 3\.13"):
        packaging.build(tmp_path)
