"""Bots that cannot be changed: ccxt itself gives them the OMS.

``python -m ccxt_driver.autopatch install`` has Python run ``patch.apply`` at every start, by one
``.pth`` file in its site-packages; ``uninstall`` removes that file.
"""
