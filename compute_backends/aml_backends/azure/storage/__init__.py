"""Azure Storage as datastores: blob containers and file shares. Needs the extra ``azure``."""
