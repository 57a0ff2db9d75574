"""Who may do what?

Doors: ``permissions`` judges a ``Caller`` by the one table in ``acts``; ``families`` and ``bounds``
say what a key amounts to under those that made it. Always: role and key must both allow an act;
what is somebody else's does not exist (404); no key opens more than its maker does.
"""
