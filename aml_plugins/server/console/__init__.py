"""The console: what a team looks at. ``assets/`` is the page, as it is served; nothing of it is built or downloaded.

``pages.py`` serves the page; ``routes.py`` lists the read models behind it, one request a page; ``live.py`` is the
stream that a run's page listens to.
"""
