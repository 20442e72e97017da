"""Train a classifier on the iris flowers for several regularisation strengths; keep the best.

Written for Azure ML v1 and runs unmodified: every strength is a child run of its own.
"""

import argparse
import os
import pickle

from azureml.core import Run
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split


def train(run, alpha, data):
    """Train one model in one child run; return its accuracy and the model."""
    x_train, x_test, y_train, y_test = data
    model = LogisticRegression(C=1 / alpha, max_iter=500).fit(x_train, y_train)
    predicted = model.predict(x_test)
    accuracy = accuracy_score(y_test, predicted)
    run.tag("alpha", str(alpha))
    run.log("alpha", alpha)
    run.log("accuracy", accuracy)
    matrix = confusion_matrix(y_test, predicted).tolist()
    run.log_confusion_matrix(
        "confusion",
        {
            "schema_type": "confusion_matrix",
            "schema_version": "v1",
            "data": {"class_labels": ["setosa", "versicolor", "virginica"], "matrix": matrix},
        },
    )
    print(f"alpha {alpha:>8}  accuracy {accuracy:.3f}", flush=True)
    return accuracy, model


def main():
    """Try every strength and write the best model to outputs/."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", type=float, nargs="+", default=[0.01, 0.1, 1.0, 10.0, 100.0])
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    run = Run.get_context()
    flowers = load_iris()
    data = train_test_split(flowers.data, flowers.target, test_size=0.4, random_state=arguments.seed)

    results = []
    for alpha in arguments.alpha:
        with run.child_run(name=f"alpha-{alpha}") as child:
            accuracy, model = train(child, alpha, data)
        results.append((accuracy, alpha, model))

    accuracy, alpha, model = max(results, key=lambda result: result[:2])
    os.makedirs("outputs", exist_ok=True)
    with open("outputs/model.pkl", "wb") as file:
        pickle.dump(model, file)
    run.log("accuracy", accuracy)
    run.log("alpha", alpha)
    print(f"best: alpha {alpha} with accuracy {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main()
