"""The investigation: what was done with the credentials of a case, and the report that tells it.

May touch: nothing.
Never: changes anything in the account.
"""
