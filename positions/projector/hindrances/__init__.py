"""What can stand between a stop and its close, and how is a person told?

``elsewhere``: the exchange holds less than the position, because somebody closed it there.
``blocked``: an order that the exchange refuses, or does not answer for. Always: a case is open for
as long as the hindrance lasts, and no longer.
"""
