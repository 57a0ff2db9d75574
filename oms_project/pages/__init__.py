"""What do people read in a browser?

Doors: ``home`` (the address itself, and the page of the API), ``schema`` (OpenAPI).
Always: files of ours only; no style and no script stands in a page.
"""
