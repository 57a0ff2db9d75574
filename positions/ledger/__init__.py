"""Do positions and deals follow from what was recorded?

``executions`` reads an execution; ``stream`` brings the ledger in booking order; ``replay`` books
it again in memory; ``rebuild`` compares the outcome with the live rows; ``invariants`` checks what
is always true without replaying anything.
"""
