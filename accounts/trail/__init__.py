"""The audit trail beyond writing it: how its entries are chained, and who was refused.

Doors: ``linking.link`` (every second, by whoever runs the schedule) and ``linking.verify``;
``refusals.note`` and ``refusals.prune``. Always: an entry is inserted unlinked, with what it tells
about; linked entries are never touched again, and each link covers the one before.
"""
