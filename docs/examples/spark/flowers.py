"""Irises: the lengths of petals in centimetres, and their species."""

FLOWERS = [
    (1.4, "setosa"),
    (1.3, "setosa"),
    (4.7, "versicolor"),
    (4.5, "versicolor"),
    (6.0, "virginica"),
    (5.1, "virginica"),
]
