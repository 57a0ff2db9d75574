"""What happened that nobody here asked for, and do the books say what the exchange says?

Doors: ``rounds.Importer`` (an account's loops), ``reconciling.reconcile`` (one run),
``catching_up`` (what was missed while nobody looked), ``comparing`` and ``truth`` (what it has
against what we book). Always: each cursor only goes forward after its page is booked, a run may be
repeated and books nothing twice, and a difference becomes a case for a person; nothing is evened
out silently.
"""
