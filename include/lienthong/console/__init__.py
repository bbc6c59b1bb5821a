"""The console: pages inside Airflow that say which units are behind and why; they only read, and show no row.

``app`` is the application, ``door`` the way to it, ``pages`` what a page says, ``queries`` where it is read.
"""
