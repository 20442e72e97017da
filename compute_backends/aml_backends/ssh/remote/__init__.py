"""What works on the machine itself: standard library only, CPython 3.8 and newer; nothing of it is written to its disk.

``program.py`` sends these modules, and those of the runner that know the directory protocol, through the SSH channel to
a Python that ends with it. One program answers any number of questions: a look at a thousand jobs is one of them.
"""
