"""What monitors ask: measures in the text form of Prometheus, and whether all is well; counts and ages, never a value.

The console serves it behind Airflow's sign-in, the read service to a token with the right ``metrics``.
"""
