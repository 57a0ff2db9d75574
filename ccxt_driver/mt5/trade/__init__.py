"""What becomes of a trade request.

``trading`` has the calls. A request is read (``requests``), becomes a command of the OMS
(``orders``, with ``targets`` for what it is about), is given until its answer is known
(``commands``), and its answer becomes a return code (``retcodes``).
"""
