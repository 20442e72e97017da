"""A training loop with a logging callback, as Keras scripts had it."""

from azureml.core import Run

run = Run.get_context()


class LogRunMetrics:
    def on_epoch_end(self, epoch, log):
        run.log("Loss", log["val_loss"])
        run.log("Accuracy", log["val_acc"])


callback = LogRunMetrics()
history = {"val_loss": [], "val_acc": []}
for epoch in range(20):
    log = {"val_loss": 1.0 / (epoch + 1), "val_acc": 1.0 - 0.5 / (epoch + 1)}
    for name, value in log.items():
        history[name].append(value)
    callback.on_epoch_end(epoch, log)
run.log_list("loss history", history["val_loss"])
run.log("Final test loss", history["val_loss"][-1])
run.log("optimizer", "adam")
print("Test accuracy:", history["val_acc"][-1])
