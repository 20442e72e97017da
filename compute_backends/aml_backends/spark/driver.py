"""What spark-submit starts: the runner, whose script finds Spark's Java gateway in its environment.

``driver.py RUNNER DIRECTORY``; standard library only.
"""

import os
import sys

sys.path.insert(0, sys.argv[1])

from aml_runner.main import main  # type: ignore[import-not-found]

os._exit(main(sys.argv[2:]))
