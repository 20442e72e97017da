"""Services: images behind an HTTP endpoint, and what keeps them as users want them.

``service.py`` is what users call: it writes down what a service shall be. ``reconciling.py`` brings it there, one step
at a time. ``contract.py`` is what a service type must do; ``loopback/`` has those of this machine.
"""
