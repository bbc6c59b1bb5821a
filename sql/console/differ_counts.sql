-- purpose: how many dossiers of a period both definitions of on time count alike, and how many differently and why
-- reads:   marts.dossiers
-- writes:  nothing
-- run by:  console.indicators.difference

SELECT nationally, locally, reason, count(*) AS n FROM ({judged}) j GROUP BY 1, 2, 3
