-- purpose: values of indicators as NGSI-LD entities, one for each wanted version that core still holds
-- reads:   core.chi_so, marts.declared
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Canonical JSON, as in monitoring_centre.don_vi.sql. A rate is a fraction in core and per cent (P1) here; its two
-- counts always go with it, with four digits behind the point, which everybody writes alike. What was observed carries
-- its time in UTC, by which the centre keeps the evolution. The words and the colour are those of the declaration; an
-- indicator that is not declared any more has none.
SELECT
    c._record_key AS record_key,
    json_strip_nulls(
        CASE
            WHEN c._deleted_at IS NOT NULL THEN json_build_object('id', e.id)
            ELSE json_build_object(
                'computedAt', CASE WHEN c.tinh_luc IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', e.computed) END,
                'definition', CASE WHEN d.formula <> '' THEN
                    json_build_object('type', 'Property', 'value', d.formula) END,
                'denominator', CASE WHEN c.mau_so IS NOT NULL THEN
                    json_build_object(
                        'observedAt', e.observed, 'type', 'Property', 'value', trim_scale(round(c.mau_so, 4))
                    ) END,
                'denominatorName', CASE WHEN d.denominator_name <> '' THEN
                    json_build_object('type', 'Property', 'value', d.denominator_name) END,
                'id', e.id,
                'indicator', json_build_object('type', 'Property', 'value', c.ma_chi_so),
                'level', CASE WHEN e.level IS NOT NULL THEN
                    json_build_object('observedAt', e.observed, 'type', 'Property', 'value', e.level) END,
                'name', CASE WHEN d.name <> '' THEN
                    json_build_object('type', 'Property', 'value', d.name) END,
                'numerator', CASE WHEN c.tu_so IS NOT NULL THEN
                    json_build_object(
                        'observedAt', e.observed, 'type', 'Property', 'value', trim_scale(round(c.tu_so, 4))
                    ) END,
                'period', json_build_object('type', 'Property', 'value', e.period),
                'periodStart', json_build_object('type', 'Property', 'value', c.bat_dau),
                'refUnit', json_build_object('object', 'urn:ngsi-ld:Unit:' || c.ma_don_vi, 'type', 'Relationship'),
                'type', 'IndicatorValue',
                'unitOfMeasure', CASE WHEN c.don_vi_tinh IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.don_vi_tinh) END,
                'value', CASE WHEN c.gia_tri IS NOT NULL THEN
                    json_build_object(
                        'observedAt', e.observed, 'type', 'Property', 'unitCode', e.unit_code,
                        'value', trim_scale(round(CASE WHEN c.don_vi_tinh = '%%' THEN 100 * c.gia_tri
                            ELSE c.gia_tri END, 4))
                    ) END,
                'version', json_build_object('type', 'Property', 'value', c._version)
            )
        END
    )::text AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.chi_so c ON c._record_key = w.record_key AND c._version = w.version
LEFT JOIN marts.declared d ON d.indicator = c.ma_chi_so
CROSS JOIN LATERAL (
    SELECT
        'urn:ngsi-ld:IndicatorValue:' || replace(c._record_key, '|', ':') AS id,
        to_char(c.quan_sat_luc AT TIME ZONE 'Asia/Ho_Chi_Minh' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            AS observed,
        to_char(c.tinh_luc AT TIME ZONE 'Asia/Ho_Chi_Minh' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            AS computed,
        CASE c.ky WHEN 'thang' THEN 'month' WHEN 'quy' THEN 'quarter' WHEN 'nam' THEN 'year' ELSE c.ky END AS period,
        -- Codes of UN/CEFACT Recommendation 20; a count of anything is C62.
        CASE c.don_vi_tinh
            WHEN '%%' THEN 'P1'
            WHEN 'ngày làm việc' THEN 'DAY'
            WHEN 'Mbps' THEN 'E20'
            WHEN 'hồ sơ' THEN 'C62'
            WHEN 'lần' THEN 'C62'
            WHEN 'máy' THEN 'C62'
        END AS unit_code,
        CASE
            WHEN c.gia_tri IS NULL OR d.green IS NULL THEN NULL
            WHEN d.better = 'up' AND c.gia_tri >= d.green OR d.better = 'down' AND c.gia_tri <= d.green THEN 'green'
            WHEN d.better = 'up' AND c.gia_tri >= d.yellow OR d.better = 'down' AND c.gia_tri <= d.yellow THEN 'yellow'
            ELSE 'red'
        END AS level
) e
WHERE c._record_key = ANY(%(keys)s)
