"""The gateway: the only place that knows ccxt."""
