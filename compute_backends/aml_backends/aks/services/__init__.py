"""The service type ``aks``: Deployments of a Kubernetes cluster, and a front before them that shares out requests.

Why a front of ours: docs/decisions/0011-a-front-before-every-service.md.
"""
