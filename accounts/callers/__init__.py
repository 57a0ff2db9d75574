"""Who is behind a request?

Doors: ``authentication`` makes a ``Caller`` of a key's header, ``browser_sessions`` of a cookie;
``middleware`` asks before anything else about a request is looked at. Always: what was read is
believed for a second at most; of keys and tokens only the digest is stored; wrong passwords are
counted (``login_throttle``), wherever they come in.
"""
