"""What keeps other users of the machine, and those who guess, out?

Doors: ``folder`` (who may read what we write), ``strength`` (is a secret hard enough to guess?).
"""
