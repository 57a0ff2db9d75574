"""What do people read and do in a browser all day?

Doors: ``urls``; a page is a row of ``PAGES`` in a module of its chapter (``monitor``, …), a
template and a script, see static/desk/README.md. ``shell`` is what all pages show, ``data`` REST
for a browser's session. Always: what is shown is read by selectors with the rights of the key that
the session acts through, what is done goes the way of REST; no page touches a model.
"""
