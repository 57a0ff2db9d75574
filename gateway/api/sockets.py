"""What may a client ask of exchanges over ``/ws``? The table that joins ``positions.sockets``'s."""

ACTIONS = {}
