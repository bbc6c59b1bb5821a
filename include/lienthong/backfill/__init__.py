"""Days that people ask to be run: a preview that says exactly what, a queue that survives restarts, and its feeder.

``plan`` finds what has to be run, ``queue`` keeps what was asked for, ``feed`` gives it to Airflow part by part.
"""
