"""The data plane of Azure Batch: pools of nodes that are directories, tasks that are processes in them."""
