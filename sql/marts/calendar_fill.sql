-- purpose: put years into the calendar, and count its working days anew
-- reads:   marts.calendar
-- writes:  marts.calendar
-- run by:  indicators.refresh; the days of the table day by day in order, with whether offices work

WITH days AS (
    SELECT day, works, count(*) FILTER (WHERE works) OVER (ORDER BY day) - works::integer AS rank
    FROM unnest(%(days)s::date[], %(works)s::boolean[]) AS d (day, works)
)
INSERT INTO marts.calendar (day, works, rank, opens_on)
SELECT d.day, d.works, d.rank, coalesce(
    min(CASE WHEN d.works THEN d.day END) OVER (ORDER BY d.day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), d.day)
FROM days d
