-- Live connections of each user, whichever instance serves them. A row counts as long as its holder is present: whoever
-- is present holds an advisory lock under its name, which PostgreSQL frees however it ends. So nothing is renewed.
CREATE TABLE es.seats (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    seat_id    uuid NOT NULL,
    holder     uuid NOT NULL,
    CONSTRAINT seats_pkey PRIMARY KEY (tenant_id, user_id, seat_id)
);
CREATE INDEX seats_holder_idx ON es.seats (tenant_id, holder);
ALTER TABLE es.seats ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.seats FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON es.seats TO simpul_app
    USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()));
GRANT SELECT, INSERT, DELETE, UPDATE ON es.seats TO simpul_app;

-- A seat for one more, unless the user has p_most with it: p_mine at this holder, the others elsewhere. What holders
-- that are gone have left in this tenant goes, a hundred rows at a time.
CREATE FUNCTION es.take_seat(p_tenant uuid, p_user uuid, p_seat uuid, p_holder uuid, p_mine bigint, p_most bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    -- A crash that forgets a seat lets one connection more in.
    v_soon   text := set_config('synchronous_commit', 'off', true);
    v_gone   uuid[];
BEGIN
    -- Two instances do not give the last seat twice.
    PERFORM pg_advisory_xact_lock(hashtextextended('seats/' || p_user, 0));
    -- A few holders of many seats: each is looked up, not every seat.
    WITH RECURSIVE holders (holder) AS (
        (SELECT s.holder FROM es.seats s WHERE s.tenant_id = p_tenant ORDER BY s.holder LIMIT 1)
        UNION ALL
        SELECT (SELECT s.holder FROM es.seats s WHERE s.tenant_id = p_tenant AND s.holder > h.holder
                ORDER BY s.holder LIMIT 1)
        FROM holders h WHERE h.holder IS NOT NULL)
    SELECT coalesce(array_agg(h.holder), '{}') INTO v_gone
    FROM holders h CROSS JOIN LATERAL hashtextextended('holder/' || h.holder, 0) AS lock (key)
    WHERE h.holder <> p_holder AND NOT EXISTS (
        SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND (l.classid::bigint << 32) | l.objid::bigint = lock.key);
    DELETE FROM es.seats WHERE (tenant_id, user_id, seat_id) IN (
        SELECT tenant_id, user_id, seat_id FROM es.seats
        WHERE tenant_id = p_tenant AND holder = ANY (v_gone) LIMIT 100 FOR UPDATE SKIP LOCKED);
    IF p_mine + (SELECT count(*) FROM es.seats
                 WHERE tenant_id = p_tenant AND user_id = p_user AND holder <> ALL (v_gone || p_holder)) > p_most THEN
        RETURN false;
    END IF;
    INSERT INTO es.seats (tenant_id, user_id, seat_id, holder) VALUES (p_tenant, p_user, p_seat, p_holder);
    RETURN true;
END
$$;

CREATE FUNCTION es.leave_seat(p_tenant uuid, p_user uuid, p_seat uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_soon   text := set_config('synchronous_commit', 'off', true);
BEGIN
    DELETE FROM es.seats WHERE tenant_id = p_tenant AND user_id = p_user AND seat_id = p_seat;
END
$$;

REVOKE ALL ON FUNCTION es.take_seat(uuid, uuid, uuid, uuid, bigint, bigint), es.leave_seat(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.take_seat(uuid, uuid, uuid, uuid, bigint, bigint), es.leave_seat(uuid, uuid, uuid)
    TO simpul_app;
