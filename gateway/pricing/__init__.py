"""What does a market trade at, and how old is that?

``board`` keeps the newest price of each market with its time, for this process and, where there is
a Redis, for all of them. ``feeds`` has the exchange's prices come: one feed per exchange and
address on the exchange loop, for every account; public streams where the class has them, and the
cheapest call (``asking``) for what they do not tell. ``fresh`` is for code that has to wait for a
price; ``rates`` values fees; ``warming`` says what is kept warm.

A price has the time at which it was surely the exchange's: when a stream told it, or when it was
asked for. Whoever decides by one says how old it may be.
"""
