"""Train the iris model in a directory: ``python train.py DIRECTORY``."""

import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

features, labels = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(features, labels), Path(sys.argv[1], "model.joblib"))
