"""A Python function as a script directory: what it is made of, what goes in, what comes out."""
