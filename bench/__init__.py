"""How fast is it, beside the plain way of doing the same? See ``README.md``."""
