"""What answers at the port: applications beside Django, sockets, and the server itself.

Doors: ``listening`` (the server), ``plain_app`` (a request that may wait for an exchange and holds
no thread; ``commands_app`` and ``ccxt_app`` are such), ``sockets``, ``lifespan``. Always: every
answer has the same error body, headers and request id as everywhere.
"""
