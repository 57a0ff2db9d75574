"""Does one caller's flood, or a stranger's, delay somebody else's orders? See ``__main__``."""
