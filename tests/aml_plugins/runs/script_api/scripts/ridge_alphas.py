"""Diabetes regression: one child run a regularisation strength, the best model in outputs/."""

import argparse
import os

import joblib
import numpy as np
from azureml.core.run import Run
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--step", type=float, default=0.25)
args = parser.parse_args()

os.makedirs("./outputs", exist_ok=True)
run = Run.get_context()

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

best_mse, best_alpha = None, None
for alpha in np.arange(0.0, 1.0, args.step):
    with run.child_run(name="alpha_{0:.2f}".format(alpha)) as child:
        reg = Ridge(alpha=alpha)
        reg.fit(X_train, y_train)
        mse = mean_squared_error(y_test, reg.predict(X_test))
        child.log("alpha", alpha)
        child.log("mse", mse)
    run.log("alpha", alpha)
    run.log("mse", mse)
    if best_mse is None or mse < best_mse:
        best_mse, best_alpha = mse, alpha
        joblib.dump(reg, os.path.join("outputs", "model.pkl"))

run.tag("best_alpha", "{0:.2f}".format(best_alpha))
run.log("best_mse", best_mse)
