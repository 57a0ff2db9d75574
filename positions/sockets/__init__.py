"""What happens on ``/ws``?

``connection.Socket`` is one client: who it is, what it subscribed to, what waits to be sent to it.
``feeds`` reads each account's event log once for all sockets of this process; ``snapshots`` reads
what is open in one moment; ``actions`` is the table of what a client may ask for. The event table
is the truth throughout: announcements of the relay only say "look".
"""
