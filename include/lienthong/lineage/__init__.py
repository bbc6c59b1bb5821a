"""What a step did, told outside of the ledger: counts for a run's note, spans of a trace, datasets of OpenLineage."""
