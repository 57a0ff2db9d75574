"""How does JSON become a typed wish?

``fields`` reads one value; ``commands``, ``deciding`` and ``reassigning`` read whole bodies by
tables of them, from which OpenAPI is printed too. Always: unknown fields are refused, every error
names field, limit and value, and nothing is looked up: a form knows no account.
"""
