"""The spot exchange: accounts of currencies, its orders, filters, lists, wire and streams."""
