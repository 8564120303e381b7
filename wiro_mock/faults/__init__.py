"""What goes wrong on the way: the faults that are armed in a world, which of them a call meets, and what comes of it.

`armed` counts the calls and chooses, `striking` applies what was chosen, and `deeds` does to an answer what each verb
says. Frames are the socket's business.
"""

from wiro_mock.faults.armed import Fault, Faults

__all__ = ["Fault", "Faults"]
