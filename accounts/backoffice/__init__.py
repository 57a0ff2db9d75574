"""The back office for people: what Django's admin site is here.

Doors: ``site.BackOfficeSite`` with its log-in, ``site.actor_in`` for who acts; ``lists`` and
``acting`` for the pages of every app (``accounts.admin`` shows this app's own). Always: whatever
changes is in the trail with a reason, an act is carried out by a service, a secret is never shown.
"""
