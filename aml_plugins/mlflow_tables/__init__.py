"""MLflow's tables, written and read without MLflow, whose import costs seconds: what every submission and look needs.

The columns are those of MLflow's own classes (a test compares them). The tables are MLflow's: it alone makes, migrates
and alters them.
"""
