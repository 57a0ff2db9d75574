"""How long does a process stand still to look for garbage?

Now and then Python looks through every object there is. With all that a process has loaded when it
begins to work that takes 0.2 s, in which nobody is answered. What stays for the process's life need
not be looked through.
"""

import gc


def settle() -> None:
    """Leave what there is now out of every later look for garbage."""
    gc.collect()
    gc.freeze()
