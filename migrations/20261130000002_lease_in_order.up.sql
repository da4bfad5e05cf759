-- What a tenant's rows are leased by, in the order in which they are leased: the next one is the first of its index, however
-- many are due. The indexes that find out which tenants have something due begin with the time, and what they find of
-- one tenant had to be sorted at every lease.
CREATE INDEX outbox_lease_idx ON es.outbox (tenant_id, channel, due_at, outbox_id) WHERE state IN ('waiting', 'sending');
CREATE INDEX notices_lease_idx ON es.notices (tenant_id, received_at, notice_id) WHERE state = 'waiting';
-- Every timer has its time, and every notice its key. Such a condition keeps an index from looking as good as the primary key
-- where a row is looked up by that and the table has no statistics yet (docs/adr/0074).
CREATE INDEX timers_lease_idx ON es.timers (tenant_id, due_at, timer_id) WHERE due_at IS NOT NULL;
ALTER TABLE es.notices DROP CONSTRAINT notices_dedup_key;
CREATE UNIQUE INDEX notices_dedup_key ON es.notices (tenant_id, connection, dedup_key) WHERE dedup_key IS NOT NULL;

-- Where the rows are that are leased next, locked. Without statistics a planner thinks that a tenant has one row, and of one row
-- that sorting costs nothing: so it must not. What is joined with few rows is looked up one by one, and it takes these for one.
-- A row that changes while the statement begins is left for the next look.
CREATE FUNCTION es.free_parcels(p_tenant uuid, p_channel text, p_now timestamptz, p_gone uuid[], p_limit bigint)
RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE ROWS 1
SET enable_sort = off SET enable_incremental_sort = off
AS $$
BEGIN
    RETURN QUERY
    SELECT o.ctid FROM es.outbox o
    WHERE o.tenant_id = p_tenant AND o.channel = p_channel AND o.due_at <= p_now AND o.state IN ('waiting', 'sending')
        AND (o.lease_until IS NULL OR o.lease_until <= p_now OR o.holder = ANY (p_gone))
    ORDER BY o.due_at, o.outbox_id LIMIT p_limit FOR UPDATE SKIP LOCKED;
END
$$;

CREATE FUNCTION es.free_timers(p_tenant uuid, p_now timestamptz, p_gone uuid[], p_limit bigint)
RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE ROWS 1
SET enable_sort = off SET enable_incremental_sort = off
AS $$
BEGIN
    RETURN QUERY
    SELECT t.ctid FROM es.timers t
    WHERE t.tenant_id = p_tenant AND t.due_at <= p_now
        AND (t.lease_until IS NULL OR t.lease_until <= p_now OR t.holder = ANY (p_gone))
    ORDER BY t.due_at, t.timer_id LIMIT p_limit FOR UPDATE SKIP LOCKED;
END
$$;

CREATE FUNCTION es.free_notices(p_tenant uuid, p_now timestamptz, p_gone uuid[], p_limit bigint)
RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE ROWS 1
SET enable_sort = off SET enable_incremental_sort = off
AS $$
BEGIN
    RETURN QUERY
    SELECT n.ctid FROM es.notices n
    WHERE n.tenant_id = p_tenant AND n.due_at <= p_now AND n.state = 'waiting'
        AND (n.lease_until IS NULL OR n.lease_until <= p_now OR n.holder = ANY (p_gone))
    ORDER BY n.received_at, n.notice_id LIMIT p_limit FOR UPDATE SKIP LOCKED;
END
$$;

REVOKE ALL ON FUNCTION es.free_parcels(uuid, text, timestamptz, uuid[], bigint),
    es.free_timers(uuid, timestamptz, uuid[], bigint), es.free_notices(uuid, timestamptz, uuid[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.free_parcels(uuid, text, timestamptz, uuid[], bigint),
    es.free_timers(uuid, timestamptz, uuid[], bigint), es.free_notices(uuid, timestamptz, uuid[], bigint) TO simpul_app;
