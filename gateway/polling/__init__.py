"""How are fills of resting orders noticed where no private stream tells them?

``poller`` asks for the open orders of one account: all of them in turn, as often as the polls'
share of the exchange's allowance lets, and at once those whose price the market has reached
(``touching``).
"""
