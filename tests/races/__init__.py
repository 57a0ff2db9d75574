"""A position's stop and everything else that closes it, at the same moment, thousands of times.

Each race is one cell of stop × act × position mode × market × engine × neighbour, played on the
campaign's virtual clock against a venue in this process, with the act from 100 ms before to one
second after the price crosses the stop. ``cells`` names what is played and what cannot be,
``venue`` keeps the journal from which ``judge`` tells what came of it, ``race`` plays.

    python -m tests.races --races 100 --first 1
"""
