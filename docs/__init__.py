"""The documents, and what writes those that are generated from the code.

May touch: nothing.
Never: is imported by the functions or the stacks.
"""
