"""The front door: settings in, stacks out.

May touch: nothing in an account; the CDK's command line does that.
Never: deploys with a setting that is wrong.
"""

from __future__ import annotations

import os
import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks import fixed, settings
from stacks.packaging import PackagingError
from stacks.responder import Responder


def main() -> int:
    """Read the settings, define the stacks, have them checked, write them out."""
    app = cdk.App()
    account = os.environ.get("CDK_DEFAULT_ACCOUNT") or None
    try:
        chosen = settings.read(app.node.get_all_context(), account)
        Responder(app, fixed.STACK, settings=chosen, account=account)
    except (settings.SettingsError, PackagingError) as error:
        for sentence in str(error).splitlines():
            print(f"tourniquet: {sentence}", file=sys.stderr)  # noqa: T201  (a person reads it)
        return 1
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
