"""What a person has made their own of the screens: settings, and views kept under a name.

Doors: ``settings`` and ``views``. Always: nothing here decides what anybody may do or see; a view
is a question, and what it shows is asked with the rights of whoever opens it.
"""
