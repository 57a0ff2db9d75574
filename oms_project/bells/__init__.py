"""How does Celery hear of a task?

Doors: ``in_process.register``; ``in_process`` for one process (``bell://``), ``over_redis`` else.
Always: the rows are the queue; a bell that is lost is made up for by the sweep.
"""
