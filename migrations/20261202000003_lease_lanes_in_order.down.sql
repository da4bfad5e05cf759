DROP FUNCTION es.free_lanes(uuid, text, timestamptz, uuid[], text[], bigint, bigint);
DROP INDEX es.lanes_lease_idx;
