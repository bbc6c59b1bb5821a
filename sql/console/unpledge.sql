-- purpose: take the pledge of an open problem back, as a pledge that ends at once does by command
-- reads:   ops.moment()
-- writes:  ops.problems
-- run by:  console.problems

UPDATE ops.problems p
SET acknowledged_by = %(by)s, acknowledged_at = m.at, acknowledged_until = m.at, acknowledgement = %(note)s
FROM (SELECT ops.moment() AS at) AS m
WHERE p.problem_id = %(problem)s AND p.closed_at IS NULL AND p.acknowledged_until > m.at
