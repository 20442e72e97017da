"""Azure Resource Manager: container groups that run, clusters and accounts that have a life cycle."""
