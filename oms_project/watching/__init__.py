"""How does whoever runs the product see how it fares?

Doors: ``health`` (is it alive and ready?), ``status`` and ``metrics`` (numbers), ``logs``,
``debug_pages``. Always: no secret is shown, and what is counted does not grow with the ledger.
"""
