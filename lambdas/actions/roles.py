"""Finding an IAM role. A role cannot be renamed, but it can be deleted and made anew under its name.

May touch: iam:GetRole.
Never: changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws, errors

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import RoleTypeDef

ROLES = "arn:{partition}:iam::{account}:role/*"


def role(iam: IAMClient, name: str, role_id: str = "") -> RoleTypeDef:
    """Read a role by name. Raises TargetGone when there is none, or when it is another one by now.

    ``role_id`` (``AROA…``) is compared where it is known. Raises Unexpected without a name: IAM finds no role by id.
    """
    if not name:
        raise errors.Unexpected("The role's name is not known.")
    with aws.translated():
        found = iam.get_role(RoleName=name)["Role"]
    if role_id and found["RoleId"] != role_id:
        raise errors.TargetGone(f"The role {name} is not the one that was meant: it was made anew.")
    return found
