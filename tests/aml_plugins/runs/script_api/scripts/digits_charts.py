"""Digits classification: a confusion matrix, an accuracy table, per-class rows."""

import json

import numpy as np
from azureml.core import Run
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import train_test_split

run = Run.get_context()
data = load_digits()
X_train, X_test, y_train, y_test = train_test_split(data.data / 16.0, data.target, random_state=7)
clf = LogisticRegression(max_iter=200).fit(X_train, y_train)
predicted = clf.predict(X_test)

run.log("accuracy", np.float32(np.mean(predicted == y_test)))
run.log("samples", int(len(y_test)))
run.log_confusion_matrix(
    "Confusion matrix",
    {
        "schema_type": "confusion_matrix",
        "schema_version": "1.0.0",
        "data": {
            "class_labels": [str(label) for label in data.target_names],
            "matrix": confusion_matrix(y_test, predicted).tolist(),
        },
    },
)
run.log_accuracy_table(
    "accuracy_table",
    json.dumps(
        {
            "schema_type": "accuracy_table",
            "schema_version": "1.0.1",
            "data": {"class_labels": ["0"], "probability_thresholds": [0.5], "probability_tables": [[[1, 0, 0, 1]]]},
        }
    ),
)
precision, recall, f1, support = precision_recall_fscore_support(y_test, predicted)
for label in range(10):
    run.log_row(
        "per class", label=label, precision=float(precision[label]), recall=float(recall[label]), f1=float(f1[label])
    )
run.complete()
