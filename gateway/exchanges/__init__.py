"""What an exchange is: what it does differently, its codes, numbers, ids, and its markets' rules.

Doors: ``capabilities.facts`` (``facts`` names what only documentation tells), ``seen`` (what the
classes do, as ``probe`` found it), ``offers`` (order types of a market), ``profile`` (which
exchange and markets an account sees), ``known_markets`` (rules as memory and database have them),
``numbers`` and ``ids`` (what an answer says, exactly). ``order_params``, ``filters``, ``endings``,
``gone``, ``trailing``, ``limits``, ``computing``, ``codes`` and ``rebase`` each answer one
question. Always: nothing here asks the network, and no other chapter names an exchange.
"""
