"""How Django writes numbers and times in each language."""
