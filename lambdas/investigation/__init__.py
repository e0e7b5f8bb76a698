"""What the attacker did: looking back through CloudTrail, following credentials, taking stock of what was made.

May touch: nothing.
Never: decides what is contained; it finds, and hands over.
"""
