"""The names that are the same in every account: the stack's, and what its roles and functions begin with.

May touch: nothing.
Never: imports the CDK, so that what only needs a name starts at once.
"""

STACK = "TourniquetResponder"
ROLE_PATH = "/tourniquet/"
PREFIX = "tourniquet-"
TAG = "tourniquet"
ALERTS = "alerts"
"""What the topic's key has under that tag: CloudFormation gives keys no tag of its own."""
