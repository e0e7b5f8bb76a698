"""Fights: an attacker who undoes a containment while it is made and held, on a virtual clock, in this process.

The hold, the actions and the way an action journals and reads back are the product's own code. The account, the clock,
the attacker, the innocent deployer and what a workflow and a function cost in time are simulated: a figure from here is
one about a simulation.

May touch: nothing outside the process.
Never does: sleep; give another fight for the same seed, arm and code.
"""
