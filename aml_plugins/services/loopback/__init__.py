"""Services of this machine: a front on the loopback address, and behind it processes or containers.

``HOME/services/SERVICE_ID/`` has ``keys`` (one a line), ``routes.json`` (where requests shall go), ``front.json`` (what
the front says of itself), and one directory a deployment.
"""
