"""What other information systems of the province may read: a service over HTTP, and full exports.

Nothing here writes into ``core``. ``exports`` runs in a task, so this package imports neither FastAPI nor pyarrow at
module level outside of the modules that only the service loads.
"""
