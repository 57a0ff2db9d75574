"""What becomes of what an exchange does not tell?

Doors: ``missing`` books provisionally the fills that it reports and does not list; ``doubts`` says
which of its orders one is that it did not answer for, where no id of ours tells; ``taking_over``
makes an imported order ours. Always: nothing is guessed that a person, or the account's own
setting, did not ask for; what comes later is booked by the code of a reassign.
"""
