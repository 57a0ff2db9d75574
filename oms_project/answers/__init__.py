"""What do all answers have in common, whichever part gives them?

Doors: ``headers.answered``, ``json_text`` (exact decimals), ``request_ids``.
"""
