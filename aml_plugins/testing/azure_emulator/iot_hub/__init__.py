"""IoT Hub: twins, automatic deployments, and IoT Edge devices whose modules run for real."""
