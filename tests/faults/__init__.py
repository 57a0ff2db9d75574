"""Faults that were found in use, each by the smallest input that showed it."""
