"""The pure book: amounts, ladders, orders that rest, fills. No clock, no store, no wire."""
