"""What the attacker did: looking back through CloudTrail, following credentials, taking stock, and the report of it.

May touch: nothing.
Never: changes anything in the account; decides what is contained: it finds, and hands over.
"""
