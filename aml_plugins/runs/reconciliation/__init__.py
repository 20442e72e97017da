"""One state machine, many drivers (design.md, 4.5).

``advance.py`` takes a run one step forward and is the only code that moves a run between states; ``driver.py`` holds
leases and calls it; ``run.wait_for_completion()``, ``aml monitor``, the server and Airflow own a driver each.
"""
