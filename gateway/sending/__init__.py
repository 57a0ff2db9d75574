"""Sending to an exchange, and finding again what was sent.

Doors: ``lanes.Lane`` (one per account, urgent claims first), ``recover.look_up`` (an order in
doubt), ``leasing`` (may this process still send?), ``carrying`` and ``calls`` (from rows to a call
of ccxt). Always: a claim is committed before the wire, nothing leaves past its deadline or its
lease, an order is sent once, and what is not proven is in doubt until the exchange was asked.
"""
