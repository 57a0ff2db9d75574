"""How do orders, with what they did, go to another strategy?

Doors: ``touched`` says what a reassign touches and what stands in its way, ``rebooking`` writes
what ``ledger.rebooking`` answers. Always: the superseded deals stay, marked; a position keeps its
id while its opening order is the same.
"""
