"""The service type ``aci``: a container group for each version, and one before them that has the address.

Why a front of ours: docs/decisions/0011-a-front-before-every-service.md.
"""
