"""The OMS over REST: commands in, rows out.

Doors: ``urls``; ``commands`` answers ``POST /oms/commands``, for the driver and the sockets too;
``lists`` and ``filters`` say which rows a request asks for; ``schema`` what OpenAPI shows. Always:
shape and rights come first; ``turns`` lets users take turns on the threads of ``pool``.
"""
