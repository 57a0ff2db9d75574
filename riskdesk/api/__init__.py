"""The risk desk over REST: limits, halts, statuses and the kill switch.

Door: ``urls``. Always: every act takes a comment, and falls only on accounts where the caller's key
may do it (``riskdesk.reach``).
"""
