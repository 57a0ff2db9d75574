"""How do the triggers follow their positions?

Doors: ``following`` (after every touch, on every price, at every sweep) asks ``scene`` where each
trigger of a symbol stands and which step leads where it belongs; ``firing`` closes. ``wishes`` is
what a position asks for, ``worth`` whether a close could be executed. Always: watched here or
resting at the exchange, never such that both may fire; asking again changes nothing.
"""
