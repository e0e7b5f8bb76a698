"""The functions' entry points: each parses its input, calls one thing, and gives JSON back.

May touch: nothing; each handler's own module says what it may.
Never: is imported by anything but Lambda and the tests.
"""
