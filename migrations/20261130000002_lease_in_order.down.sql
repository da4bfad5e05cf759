DROP FUNCTION es.free_notices(uuid, timestamptz, uuid[], bigint);
DROP FUNCTION es.free_timers(uuid, timestamptz, uuid[], bigint);
DROP FUNCTION es.free_parcels(uuid, text, timestamptz, uuid[], bigint);
DROP INDEX es.notices_dedup_key;
ALTER TABLE es.notices ADD CONSTRAINT notices_dedup_key UNIQUE (tenant_id, connection, dedup_key);
DROP INDEX es.timers_lease_idx;
DROP INDEX es.notices_lease_idx;
DROP INDEX es.outbox_lease_idx;
