"""Do positions and deals follow from what was recorded?

``executions`` reads an execution; ``stream`` brings the ledger in booking order; ``replay`` holds
the books in memory and books executions, ``entering`` the journal's entries; ``rebuild`` compares
the outcome with the live rows; ``invariants`` checks what is always true without replaying
anything. Always: what books live and what replays decide by the same functions of the engine.
"""
