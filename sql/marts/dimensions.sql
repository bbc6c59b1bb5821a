-- purpose: per source and dimension, the rows that came and those that break at least one rule of the dimension
-- reads:   the run's marks table
-- writes:  ops.verdict_dimensions
-- run by:  quality.dimensions.record, in the transaction of the verdict

INSERT INTO ops.verdict_dimensions (run_id, source, dimension, checked, failing)
SELECT %(run_id)s, g._source, d.dimension, sum(g.rows), coalesce(sum(g.rows) FILTER (WHERE
    g.broken & d.rejecting <> 0 OR g.warned & d.warning <> 0), 0)
FROM (
    -- Few rows are bad, and those in few ways: this leaves some groups a source to look at, not every row.
    SELECT _source, broken | waived AS broken, warned, count(*) AS rows
    FROM {marks}
    WHERE _line > 0
    GROUP BY 1, 2, 3
) g
CROSS JOIN unnest(%(dimensions)s::text[], %(rejecting)s::bigint[], %(warning)s::bigint[])
    AS d (dimension, rejecting, warning)
GROUP BY g._source, d.dimension
