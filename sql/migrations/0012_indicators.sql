-- purpose: the marts of indicators: facts of dossiers, cells of measures, stocks, indicators, each with its history
-- reads:   nothing
-- writes:  marts.*
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- Everything below but the working day and the key is made from core by lienthong.indicators.refresh, and could be
-- made again from nothing. Wall times are local, without zone, as in core. known_from is ops.moment() of the refresh.

-- The four limits of a working day. Whoever changes them gets every dossier judged anew by the next refresh.
CREATE TABLE marts.working_day (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    opens    time    NOT NULL DEFAULT '07:00',
    lunch    time    NOT NULL DEFAULT '11:30',
    back     time    NOT NULL DEFAULT '13:30',
    closes   time    NOT NULL DEFAULT '17:00',
    CHECK (opens < lunch AND lunch <= back AND back < closes)
);
INSERT INTO marts.working_day DEFAULT VALUES;

-- Days of the years that dossiers lie in. rank: working days before the day; opens_on: the first one from it on.
CREATE TABLE marts.calendar (
    day      date    PRIMARY KEY,
    works    boolean NOT NULL,
    rank     integer NOT NULL,
    opens_on date    NOT NULL
);
CREATE UNIQUE INDEX calendar_by_rank ON marts.calendar (rank) WHERE works;

-- Working seconds from the calendar's first day to a moment of a day: what its row says, and the four limits in seconds.
CREATE FUNCTION marts.worked(
    works boolean, rank integer, moment timestamp, opens integer, lunch integer, back integer, closes integer
) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rank::bigint * (lunch - opens + closes - back) + CASE WHEN works THEN
        least(greatest(extract(epoch FROM moment::time)::integer - opens, 0), lunch - opens)
        + least(greatest(extract(epoch FROM moment::time)::integer - back, 0), closes - back)
    ELSE 0 END
$$;

-- The key of the pseudonyms of officers: random, kept here alone. Without it no name can be tried. It has a schema of its
-- own, so that who may read every table of marts cannot read it; the owner alone can.
CREATE SCHEMA keys;
REVOKE ALL ON SCHEMA keys FROM PUBLIC;
CREATE TABLE keys.officer (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea   NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
REVOKE ALL ON keys.officer FROM PUBLIC;
INSERT INTO keys.officer DEFAULT VALUES;

-- Every unit that core.don_vi has or had, and the three sums: the agency itself (province), -XA, -SO. sum: the one of
-- the two lower sums that a unit belongs to.
CREATE TABLE marts.units (
    unit       text PRIMARY KEY,
    name       text NOT NULL,
    sum        text,
    level      text NOT NULL CHECK (level IN ('commune', 'department', 'province', 'communes', 'departments')),
    ma_xa      text,
    valid_from date,
    valid_to   date
);

-- One row per live record of core.ho_so.
--   counted             false: never accepted, outside both definitions
--   level_sum           the sum that its unit belongs to
--   ended_at, national  end of processing from the steps, and what the national definition says of it
--   open_until          the last moment at which it is within time by the national definition, as long as it is open
--   local_end, local_class   the same by the header and by dates; in_time are statuses 5, 6, 8
--   supplement_minutes, working_minutes, limit_minutes   working time: asked to delivered; reception to end without
--                       that, null while there is no closing step; the legal limit
--   outside_commune     the address names another commune; null where it names none, and for provincial bodies
--   officer             a pseudonym of one unit and of the month of the local end
CREATE TABLE marts.dossiers (
    ma_ho_so           text PRIMARY KEY,
    ma_don_vi          text NOT NULL,
    level_sum          text NOT NULL,
    ma_tthc            text,
    trang_thai         text NOT NULL,
    received_at        timestamp NOT NULL,
    received_on        date NOT NULL,
    due_at             timestamp,
    counted            boolean NOT NULL,
    ended_at           timestamp,
    national           text NOT NULL CHECK (national IN ('on_time', 'late', 'open')),
    open_until         timestamp,
    local_end          date,
    local_class        text NOT NULL
                       CHECK (local_class IN ('early', 'on_time', 'late', 'open', 'in_time', 'outside')),
    channel            smallint,
    online             boolean NOT NULL,
    full_process       boolean NOT NULL,
    result_due         boolean NOT NULL,
    e_result           boolean NOT NULL,
    digitised          boolean NOT NULL,
    reused             boolean NOT NULL,
    from_store         boolean NOT NULL,
    vneid              boolean NOT NULL,
    has_fee            boolean NOT NULL,
    paid_online        boolean NOT NULL,
    fee                bigint NOT NULL,
    supplements        integer NOT NULL,
    supplement_minutes integer NOT NULL,
    working_minutes    integer,
    limit_minutes      integer,
    outside_commune    boolean,
    office             text,
    officer            text,
    known_from         timestamptz NOT NULL
);
CREATE INDEX dossiers_by_reception ON marts.dossiers (ma_don_vi, received_on);
CREATE INDEX dossiers_by_end ON marts.dossiers (ma_don_vi, local_end);
-- What the horizon reaches when it goes on; receptions are found by dossiers_in_order.
CREATE INDEX dossiers_by_last_day ON marts.dossiers (local_end);
-- The pages of dossiers of the whole province come in this order, and end after a leaf.
CREATE INDEX dossiers_in_order ON marts.dossiers (received_on, received_at, ma_ho_so);
CREATE INDEX dossiers_open ON marts.dossiers (open_until) WHERE national = 'open';

CREATE TABLE marts.dossiers_history (
    LIKE marts.dossiers,
    known_to timestamptz NOT NULL,
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
CREATE INDEX dossiers_history_by_key ON marts.dossiers_history (ma_ho_so);

-- The field feedback that belongs to a commune, by the day on which it was sent.
CREATE TABLE marts.feedback (
    ma_phan_anh text PRIMARY KEY,
    unit        text NOT NULL,
    level_sum   text NOT NULL,
    sent_on     date NOT NULL,
    rating      smallint
);

-- What the service points had, and from when on: one row for each version of diem_phuc_vu that a time saw.
CREATE TABLE marts.equipment (
    unit      text      NOT NULL,
    since     timestamp NOT NULL,
    there     boolean   NOT NULL,
    counters  numeric,
    computers numeric,
    staff     numeric,
    scanners  numeric,
    network   boolean,
    bandwidth numeric,
    PRIMARY KEY (unit, since)
);

-- Additive measures of a unit, or of a sum of units, in a period. They change by the difference that changed dossiers
-- make, and by nothing else; p90_minutes is read from marts.durations when that changes.
CREATE TABLE marts.cells (
    unit               text NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('day', 'month', 'quarter', 'year')),
    start              date NOT NULL,
    -- by the day of reception
    received           bigint NOT NULL DEFAULT 0,
    online             bigint NOT NULL DEFAULT 0,
    post               bigint NOT NULL DEFAULT 0,
    direct             bigint NOT NULL DEFAULT 0,
    full_process       bigint NOT NULL DEFAULT 0,
    digitised          bigint NOT NULL DEFAULT 0,
    reused             bigint NOT NULL DEFAULT 0,
    from_store         bigint NOT NULL DEFAULT 0,
    vneid              bigint NOT NULL DEFAULT 0,
    fee_dossiers       bigint NOT NULL DEFAULT 0,
    fee_paid_online    bigint NOT NULL DEFAULT 0,
    fee_amount         bigint NOT NULL DEFAULT 0,
    supplemented       bigint NOT NULL DEFAULT 0,
    supplement_requests bigint NOT NULL DEFAULT 0,
    outside_known      bigint NOT NULL DEFAULT 0,
    outside            bigint NOT NULL DEFAULT 0,
    results_due        bigint NOT NULL DEFAULT 0,
    e_results          bigint NOT NULL DEFAULT 0,
    national_on_time   bigint NOT NULL DEFAULT 0,
    national_late      bigint NOT NULL DEFAULT 0,
    national_open      bigint NOT NULL DEFAULT 0,
    national_open_in_time bigint NOT NULL DEFAULT 0,
    -- by the day of the local end; working time only of dossiers that came to a result
    resolved           bigint NOT NULL DEFAULT 0,
    early              bigint NOT NULL DEFAULT 0,
    on_time            bigint NOT NULL DEFAULT 0,
    late               bigint NOT NULL DEFAULT 0,
    withdrawn          bigint NOT NULL DEFAULT 0,
    working_minutes    bigint NOT NULL DEFAULT 0,
    working_counted    bigint NOT NULL DEFAULT 0,
    limit_minutes      bigint NOT NULL DEFAULT 0,
    limited_minutes    bigint NOT NULL DEFAULT 0,
    limited            bigint NOT NULL DEFAULT 0,
    within_limit       bigint NOT NULL DEFAULT 0,
    -- what moves the stocks of the local definition, by the day of the move
    opened             bigint NOT NULL DEFAULT 0,
    closed             bigint NOT NULL DEFAULT 0,
    overdue_in         bigint NOT NULL DEFAULT 0,
    overdue_out        bigint NOT NULL DEFAULT 0,
    -- field feedback, by the day on which it was sent
    feedback           bigint NOT NULL DEFAULT 0,
    feedback_rated     bigint NOT NULL DEFAULT 0,
    feedback_satisfied bigint NOT NULL DEFAULT 0,
    p90_minutes        bigint,
    PRIMARY KEY (unit, kind, start)
);
CREATE INDEX cells_by_period ON marts.cells (kind, start);

-- Working minutes of the dossiers that came to a result, as an exact histogram: percentiles are read from it.
CREATE TABLE marts.durations (
    unit    text    NOT NULL,
    kind    text    NOT NULL,
    start   date    NOT NULL,
    minutes integer NOT NULL,
    n       bigint  NOT NULL,
    PRIMARY KEY (unit, kind, start, minutes)
);

-- The same by the hour: where the percentile lies is looked up here, so that a long histogram is not read whole.
CREATE TABLE marts.duration_hours (
    unit  text    NOT NULL,
    kind  text    NOT NULL,
    start date    NOT NULL,
    hour  integer NOT NULL,
    n     bigint  NOT NULL,
    PRIMARY KEY (unit, kind, start, hour)
);

-- What was pending, and overdue, at the end of each day up to the horizon, by the local definition; the day before the
-- first one holds what the periods begin with.
CREATE TABLE marts.stocks (
    unit    text   NOT NULL,
    day     date   NOT NULL,
    pending bigint NOT NULL,
    overdue bigint NOT NULL,
    PRIMARY KEY (unit, day)
);

-- The periods from the first day of any measure, not before the floor of the settings, to the horizon. begins: the first
-- day of it that counts; stands: the last one, of which its stocks are.
CREATE TABLE marts.periods (
    kind   text NOT NULL,
    start  date NOT NULL,
    last   date NOT NULL,
    begins date NOT NULL,
    stands date NOT NULL,
    PRIMARY KEY (kind, start)
);

-- What is to be reached, from sql/marts/targets.csv. unit '' holds for all that have no row of their own. A baseline is
-- set by the installation, in that file or here; without one nothing is compared with it.
CREATE TABLE marts.targets (
    indicator text NOT NULL,
    unit      text NOT NULL DEFAULT '',
    target    numeric,
    baseline  numeric,
    note      text NOT NULL DEFAULT '',
    PRIMARY KEY (indicator, unit)
);

-- The newest value of each declared indicator. Where nothing was to be measured there is no row.
CREATE TABLE marts.indicators (
    indicator   text        NOT NULL,
    unit        text        NOT NULL,
    kind        text        NOT NULL,
    start       date        NOT NULL,
    numerator   numeric,
    denominator numeric,
    value       numeric     NOT NULL,
    known_from  timestamptz NOT NULL,
    PRIMARY KEY (indicator, unit, kind, start)
);
CREATE INDEX indicators_by_cell ON marts.indicators (unit, kind, start);
CREATE INDEX indicators_by_time ON marts.indicators (known_from);

CREATE TABLE marts.indicators_history (
    LIKE marts.indicators,
    known_to timestamptz NOT NULL,
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
CREATE INDEX indicators_history_by_cell ON marts.indicators_history (indicator, unit, kind, start);

-- How far the last refresh saw. horizon: the newest local day of which ho_so and tien_trinh are promoted.
CREATE TABLE marts.indicator_state (
    only_row     boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    agency       text        NOT NULL,
    horizon      date        NOT NULL,
    first_day    date,
    seen         jsonb       NOT NULL,
    refreshed_at timestamptz NOT NULL
);

-- Cells with the stocks at the end of the period, or at the horizon while it runs: one row per unit and period, also
-- where nothing happened, as long as the unit is valid.
CREATE VIEW marts.unit_periods AS
SELECT u.unit, p.kind, p.start, p.last, p.stands, u.level,
    coalesce(c.received, 0) AS received, coalesce(c.online, 0) AS online, coalesce(c.post, 0) AS post,
    coalesce(c.direct, 0) AS direct, coalesce(c.full_process, 0) AS full_process,
    coalesce(c.digitised, 0) AS digitised, coalesce(c.reused, 0) AS reused, coalesce(c.from_store, 0) AS from_store,
    coalesce(c.vneid, 0) AS vneid, coalesce(c.fee_dossiers, 0) AS fee_dossiers,
    coalesce(c.fee_paid_online, 0) AS fee_paid_online, coalesce(c.fee_amount, 0) AS fee_amount,
    coalesce(c.supplemented, 0) AS supplemented, coalesce(c.supplement_requests, 0) AS supplement_requests,
    coalesce(c.outside_known, 0) AS outside_known, coalesce(c.outside, 0) AS outside,
    coalesce(c.results_due, 0) AS results_due, coalesce(c.e_results, 0) AS e_results,
    coalesce(c.national_on_time, 0) AS national_on_time, coalesce(c.national_late, 0) AS national_late,
    coalesce(c.national_open, 0) AS national_open, coalesce(c.national_open_in_time, 0) AS national_open_in_time,
    coalesce(c.resolved, 0) AS resolved, coalesce(c.early, 0) AS early, coalesce(c.on_time, 0) AS on_time,
    coalesce(c.late, 0) AS late, coalesce(c.withdrawn, 0) AS withdrawn,
    coalesce(c.working_minutes, 0) AS working_minutes, coalesce(c.working_counted, 0) AS working_counted,
    coalesce(c.limit_minutes, 0) AS limit_minutes, coalesce(c.limited_minutes, 0) AS limited_minutes,
    coalesce(c.limited, 0) AS limited, coalesce(c.within_limit, 0) AS within_limit,
    coalesce(c.opened, 0) AS opened, coalesce(c.closed, 0) AS closed,
    coalesce(c.overdue_in, 0) AS overdue_in, coalesce(c.overdue_out, 0) AS overdue_out,
    coalesce(c.feedback, 0) AS feedback, coalesce(c.feedback_rated, 0) AS feedback_rated,
    coalesce(c.feedback_satisfied, 0) AS feedback_satisfied, c.p90_minutes,
    coalesce(b.pending, 0) AS carried_over, coalesce(s.pending, 0) AS pending,
    coalesce(s.pending - s.overdue, 0) AS pending_in_time, coalesce(s.overdue, 0) AS overdue
FROM marts.units u
CROSS JOIN marts.periods p
LEFT JOIN marts.cells c ON (c.unit, c.kind, c.start) = (u.unit, p.kind, p.start)
LEFT JOIN marts.stocks s ON (s.unit, s.day) = (u.unit, p.stands)
LEFT JOIN marts.stocks b ON (b.unit, b.day) = (u.unit, p.begins - 1)
WHERE c.unit IS NOT NULL OR s.pending > 0 OR b.pending > 0
   OR (coalesce(u.valid_from, '-infinity') <= p.last AND coalesce(u.valid_to, 'infinity') >= p.start);

-- Resolved dossiers of each handling office, by month of the local end. An office of fewer than ten dossiers, or of fewer
-- than two officers, goes into one rest group (office null), which the next smallest join until it holds ten of two
-- officers, so that it cannot be told from the unit's total. Less than that is not shown.
CREATE VIEW marts.offices AS
WITH each AS (
    SELECT ma_don_vi AS unit, date_trunc('month', local_end)::date AS start, office, count(*) AS resolved,
        count(*) FILTER (WHERE local_class <> 'late') AS in_time, count(*) FILTER (WHERE local_class = 'late') AS late,
        sum(working_minutes) AS minutes, count(working_minutes) AS timed, count(DISTINCT officer) AS officers
    FROM marts.dossiers
    WHERE counted AND local_end IS NOT NULL AND local_class IN ('early', 'on_time', 'late') AND office IS NOT NULL
    GROUP BY 1, 2, 3
), ranked AS (
    SELECT *, resolved < 10 OR officers < 2 AS small,
        bool_or(resolved < 10 OR officers < 2) OVER (PARTITION BY unit, start) AS any_small,
        coalesce(sum(resolved) OVER earlier, 0) AS before, coalesce(max(officers) OVER earlier, 0) AS people
    FROM each
    WINDOW earlier AS (
        PARTITION BY unit, start ORDER BY (resolved >= 10 AND officers >= 2), resolved, office
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
), shown AS (
    SELECT *, CASE WHEN NOT small AND NOT (any_small AND (before < 10 OR people < 2)) THEN office END AS name
    FROM ranked
)
SELECT unit, start, name AS office, sum(resolved)::bigint AS resolved, sum(in_time)::bigint AS in_time,
    sum(late)::bigint AS late, round(sum(minutes) / nullif(sum(timed), 0), 2) AS mean_minutes
FROM shown
GROUP BY unit, start, name
HAVING sum(resolved) >= 10 AND max(officers) >= 2;

-- The same per officer of the offices that are shown, by pseudonym. Groups below ten dossiers go into one rest group
-- (officer null); so that the rest cannot be told from the office's total, the next smallest join it until it holds ten.
-- Fewer are not shown.
CREATE VIEW marts.officers AS
WITH each AS (
    SELECT d.ma_don_vi AS unit, date_trunc('month', d.local_end)::date AS start, d.office, d.officer,
        count(*) AS resolved, count(*) FILTER (WHERE d.local_class <> 'late') AS in_time,
        count(*) FILTER (WHERE d.local_class = 'late') AS late, sum(d.working_minutes) AS minutes,
        count(d.working_minutes) AS timed
    FROM marts.dossiers d
    JOIN marts.offices o ON (o.unit, o.start, o.office)
        = (d.ma_don_vi, date_trunc('month', d.local_end)::date, d.office)
    WHERE d.counted AND d.local_end IS NOT NULL AND d.local_class IN ('early', 'on_time', 'late')
      AND d.officer IS NOT NULL
    GROUP BY 1, 2, 3, 4
), ranked AS (
    SELECT *, min(resolved) OVER same AS smallest,
        coalesce(sum(resolved) OVER (same ORDER BY resolved, officer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            AS before
    FROM each
    WINDOW same AS (PARTITION BY unit, start, office)
), shown AS (
    SELECT unit, start, office, CASE WHEN resolved < 10 OR (smallest < 10 AND before < 10) THEN NULL ELSE officer END
        AS officer, resolved, in_time, late, minutes, timed
    FROM ranked
)
SELECT unit, start, office, officer, sum(resolved)::bigint AS resolved, sum(in_time)::bigint AS in_time,
    sum(late)::bigint AS late, round(sum(minutes) / nullif(sum(timed), 0), 2) AS mean_minutes
FROM shown
GROUP BY 1, 2, 3, 4
HAVING sum(resolved) >= 10;
