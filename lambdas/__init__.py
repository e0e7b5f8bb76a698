"""The one package that ships: what each step of the workflows does.

May touch: nothing.
Never: does work at import; every module below is imported by the step that needs it.
"""
