"""What can a client send that the product has no answer for? See ``__main__``."""
