"""Users, keys, accounts and strategies over REST.

Doors: ``urls``; for the views of every app ``base`` (who asks, which answers are documented),
``bodies`` (a body's fields) and ``paging``. Always: a view reads, asks a service or a selector and
answers; who may is judged below it.
"""
