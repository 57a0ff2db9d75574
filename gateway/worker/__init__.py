"""What works for the accounts of a process whose leases it has.

Doors: ``runner`` (``wake``, ``sweep``, ``start``, ``stop``; from any thread), ``heartbeat``.
``served`` is one account at work: its lane, its watcher (``watching``, or polling), its importer,
its ``prices``. ``overlooked`` finds in the rows what no bell told. Always: an account is served by
the one process that has its lease, and caught up before it sends.
"""
