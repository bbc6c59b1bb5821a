-- purpose: after the warehouse came back from a backup, number everything beyond what was sent or read since then
-- reads:   core
-- writes:  core, publish.outbox, publish.bodies, ops.dataset_versions
-- run by:  a person, once after a restore: docs/runbooks/restore-from-a-backup.md

-- Receivers know a record by its version, and readers a dataset by its. Versions that were given after the backup are
-- forgotten here and remembered there: given a second time, they would be taken for what is there already. No record
-- changes a thousand times between two backups; the first version of a dataset is a Unix second, as after a rebuild.
DO $$
DECLARE
    held text;
BEGIN
    FOR held IN
        SELECT table_name FROM information_schema.columns WHERE table_schema = 'core' AND column_name = '_version'
    LOOP
        EXECUTE format('UPDATE core.%I SET _version = _version + 1000', held);
    END LOOP;
    UPDATE publish.outbox SET version = version + 1000 WHERE state IN ('pending', 'claimed', 'in_doubt', 'dead');
    UPDATE publish.bodies SET version = version + 1000;
    UPDATE ops.dataset_versions
    SET version = greatest(version + 1, floor(extract(epoch FROM now()))::bigint),
        first_version = greatest(version + 1, floor(extract(epoch FROM now()))::bigint), changed_at = clock_timestamp();
END $$;
