"""Where LocalEmu's EC2 and load balancing differ from AWS, and the containment of an instance would notice.

What this corrects, beside what moto has wrong (``moto_instances``, ``moto_balancers``):

- the key that encrypts volumes for which no other was named is one that LocalEmu's KMS knows, and is AWS' own;
- moto says how a target is: LocalEmu asks it over TCP, and the instances here have no machine that could answer.

May touch: LocalEmu's services in this process.
Never does: ask an address.
"""

from __future__ import annotations

from typing import Any

from localemu.services.elbv2 import provider
from localemu.services.kms.provider import KmsProvider, set_key_managed
from moto.ec2.models.elastic_block_store import EBSBackend


def install() -> None:
    """Correct LocalEmu in this process. To be called once, before the first call."""
    EBSBackend._create_default_encryption_key = _key_of_ebs  # noqa: SLF001 - moto offers no other place
    provider._INTERCEPTED_OPS.pop("DescribeTargetHealth")  # noqa: SLF001 - LocalEmu offers no setting for it


def _key_of_ebs(self: Any) -> str:  # noqa: ANN401 - moto is untyped
    key = KmsProvider._create_kms_key(self.account_id, self.region_name)  # noqa: SLF001 - as LocalEmu does
    set_key_managed(key.metadata["KeyId"], self.account_id, self.region_name)
    arn = str(key.metadata["Arn"])
    self.default_kms_key_id = arn
    return arn
