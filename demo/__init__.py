"""The demonstration: the whole product against an AWS that runs inside this machine.

May touch: nothing. Importing this package does no work and imports nothing, because two interpreters
import it: the development one, and the one of the embedded AWS, which share no packages.

Never does: reach an account of Amazon's.
"""
