"""Nothing waits for its neighbour: twelve accounts in eight symbols, any subset of them in trouble.

python -m tests.neighbours --seeds 3     # by the wall clock, forty seconds each
"""
