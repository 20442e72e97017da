"""Answer with the species of irises: {"data": [[5.1, 3.5, 1.4, 0.2]]}."""

import json
import os
import pickle


def init():
    global model
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"), "rb") as file:
        model = pickle.load(file)
    print("the model is loaded")


def run(data):
    rows = json.loads(data)["data"]
    return {"species": model.predict(rows).tolist()}
