"""What a resource is called in the findings: links that lead where they say, lines that name what they name."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import strategies as st

from lambdas.investigation import kinds
from lambdas.investigation.kinds import KINDS, Resource

if TYPE_CHECKING:
    from botocore.model import OperationModel

IDS = {
    "instance": "i-0123456789abcdef0",
    "image": "ami-0123456789abcdef0",
    "policy": "arn:aws:iam::123456789012:policy/p",
    "stack": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/guid",
    "access_key": "AKIAIOSFODNN7EXAMPLE",
}
OF_EC2 = {"spot_request", "volume", "snapshot", "key_pair", "security_group", "launch_template"}
#: What the CLI adds to an operation's own options.
OF_THE_CLI = {"max-items"}
HOSTILE = ["a b", 'x"><script>', "javascript:alert(1)", "i-0123/../../", "a'b;touch gone", "\u202eevil", "x" * 300, ""]


def resource(kind: str, region: str = "eu-west-1", partition: str = "aws") -> Resource:
    """Give a resource of a kind as AWS would name it."""
    known = IDS.get(kind, "sir-0123456789abcdef0"[1:] if kind in OF_EC2 else "some-name")
    return Resource(kind=kind, id=known, name="some-name", owner="some-owner", region=region, partition=partition)


def operations() -> dict[str, dict[str, OperationModel]]:
    """Give the operations that botocore knows, by the CLI's names."""
    session = botocore.session.Session()
    names = {words[0].split()[0] for kind in KINDS.values() for words in (kind.look, kind.remove) if words}
    models = {name: session.get_service_model({"s3api": "s3"}.get(name, name)) for name in names}
    return {
        name: {xform_name(one, "-"): model.operation_model(one) for one in model.operation_names}
        for name, model in models.items()
    }


def test_every_line_is_a_call_that_there_is_with_options_that_it_has() -> None:
    """Given every kind, its lines make calls that AWS has, with options that they have and all that they need."""
    known = operations()
    for kind in KINDS.values():
        for words in (kind.look, kind.remove):
            if not words:
                continue
            service, call = words[0].split()
            shape = known[service][call].input_shape
            assert shape is not None
            given_ = {word.partition("=")[0].removeprefix("no-") for word in words[1:]}
            assert given_ - OF_THE_CLI <= {xform_name(name, "-") for name in shape.members}, words
            assert {xform_name(name, "-") for name in shape.required_members} <= given_, words


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_leads_to_the_console_of_the_region_and_the_partition(kind: str) -> None:
    """Given a resource, its link is of its partition's console, in its region or in the one of the whole account."""
    for partition, region, domain, home in (
        ("aws", "eu-west-1", "console.aws.amazon.com", "us-east-1"),
        ("aws-cn", "cn-northwest-1", "console.amazonaws.cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-east-1", "console.amazonaws-us-gov.com", "us-gov-west-1"),
    ):
        link = kinds.console(resource(kind, region, partition))
        if kind == "lightsail_instance":
            assert link == ""
            continue
        url = urlsplit(link)
        assert (url.scheme, url.netloc) == ("https", f"{home if KINDS[kind].everywhere else region}.{domain}")
        assert "{" not in link


def test_there_is_no_link_to_a_console_that_nobody_knows() -> None:
    """Given another partition, an odd region or an unknown kind, there is no link."""
    assert kinds.console(resource("instance", partition="aws-iso")) == ""
    assert kinds.console(resource("instance", region="evil.example/")) == ""
    assert kinds.console(Resource(kind="unheard-of", id="x", region="eu-west-1")) == ""
    assert kinds.look(Resource(kind="unheard-of", id="x")) == kinds.remove(Resource(kind="unheard-of", id="x")) == ""


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_aws_would_not_give_gets_no_link(kind: str, hostile: str) -> None:
    """Given ids that nothing has, the link has none of them in it."""
    link = kinds.console(Resource(kind=kind, id=hostile, name=hostile, owner=hostile, region="eu-west-1"))
    assert not hostile or hostile not in link
    assert not set(link) & set(" \"'<>`\\")


@given(st.text(min_size=1, max_size=300))
def test_a_line_names_exactly_the_resource_or_is_not_there(name: str) -> None:
    """Given any name, each line has it as one word, whole; what is not printable or too long has no line."""
    for kind in KINDS:
        named = Resource(kind=kind, id=name, name=name, owner=name, region="eu-west-1")
        for line in (kinds.look(named), kinds.remove(named)):
            if not line or kind == "access_key":
                continue
            words = shlex.split(line)
            assert words[0] == "aws"
            assert all(word.startswith("--") for word in words[3:])
            assert any(word.partition("=")[2] == name for word in words), (kind, line)
            assert name.isprintable()
            assert len(name) <= kinds.LONGEST


def test_a_key_is_shown_and_named_by_its_last_four() -> None:
    """Given an access key, nothing that is said of it holds the whole id."""
    said = kinds.described(resource("access_key"), "2026-11-27T00:00:00Z", "Made.")
    assert said["id"] == "…MPLE"
    assert IDS["access_key"] not in str(said)
    assert said["remove"].startswith("aws iam update-access-key --user-name=some-owner --status Inactive")


def test_what_names_a_resource_is_bounded() -> None:
    """Given names of any length, the findings hold 256 characters of them, and no line that names another resource."""
    said = kinds.described(Resource(kind="function", id="f" * 999, name="n" * 999, region="r" * 999), "", "")
    assert {len(said["id"]), len(said["name"]), len(said["region"])} == {256}
    assert said["console"] == said["look"] == said["remove"] == ""
