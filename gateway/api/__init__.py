"""Calls to ccxt and what exchanges said, over REST and ``/ws``.

Doors: ``urls``; ``sockets`` for the actions of ``/ws``; ``schema`` for OpenAPI. Always: only what
``clients.functions`` lists is called, with the caller's rights; what an exchange said is shown as
it was stored.
"""
