-- As they were.
CREATE OR REPLACE FUNCTION es.withdraw(p_tenant uuid, p_scope text, p_least bigint, p_wanted bigint, p_capacity bigint,
                                       p_per_minute bigint, p_now timestamptz)
RETURNS TABLE(granted bigint, remaining bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter    text := set_config('app.tenant_id', p_tenant::text, true);
    v_points   double precision;
    v_granted  bigint;
BEGIN
    INSERT INTO es.budgets AS b (tenant_id, scope, points, refilled_at)
    VALUES (p_tenant, p_scope, p_capacity, p_now)
    ON CONFLICT ON CONSTRAINT budgets_pkey DO UPDATE
    SET points = least(p_capacity, b.points
                       + greatest(0, extract(epoch FROM p_now - b.refilled_at)) * p_per_minute / 60),
        refilled_at = greatest(b.refilled_at, p_now)
    RETURNING points INTO v_points;
    v_granted := CASE WHEN v_points < p_least THEN 0 ELSE least(p_wanted, floor(v_points)) END;
    UPDATE es.budgets SET points = points - v_granted WHERE tenant_id = p_tenant AND scope = p_scope;
    DELETE FROM es.budgets WHERE (tenant_id, scope) IN (
        SELECT tenant_id, scope FROM es.budgets
        WHERE tenant_id = p_tenant AND refilled_at < p_now - interval '1 hour' LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN QUERY SELECT v_granted, floor(v_points)::bigint - v_granted;
END
$$;

CREATE OR REPLACE FUNCTION es.attempt_sign_in(p_tenant uuid, p_account text, p_now timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_held   timestamptz;
BEGIN
    INSERT INTO es.sign_in_delays AS d (tenant_id, account, attempts, last_at, held_until)
    VALUES (p_tenant, p_account, 1, p_now, p_now)
    ON CONFLICT ON CONSTRAINT sign_in_delays_pkey DO UPDATE
    SET attempts = CASE WHEN d.held_until < p_now - interval '30 minutes' THEN 1 ELSE d.attempts + 1 END,
        last_at = p_now,
        held_until = CASE WHEN d.held_until < p_now - interval '30 minutes' OR d.attempts < 9 THEN p_now
                          ELSE p_now + least(power(2, least(d.attempts - 9, 10)), 900) * interval '1 second' END
    WHERE d.held_until <= p_now;
    IF NOT FOUND THEN
        SELECT held_until INTO v_held FROM es.sign_in_delays WHERE tenant_id = p_tenant AND account = p_account;
    END IF;
    DELETE FROM es.sign_in_delays WHERE (tenant_id, account) IN (
        SELECT tenant_id, account FROM es.sign_in_delays
        WHERE tenant_id = p_tenant AND last_at < p_now - interval '1 day' LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN v_held;
END
$$;

CREATE OR REPLACE FUNCTION es.strike(p_tenant uuid, p_network text, p_now timestamptz, p_most integer,
                                     p_window interval, p_block interval)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_until  timestamptz;
BEGIN
    INSERT INTO es.address_strikes AS a (tenant_id, network, strikes, since, blocked_until)
    VALUES (p_tenant, p_network, 1, p_now, p_now)
    ON CONFLICT ON CONSTRAINT address_strikes_pkey DO UPDATE
    SET strikes = CASE WHEN a.since < p_now - p_window THEN 1 ELSE a.strikes + 1 END,
        since = CASE WHEN a.since < p_now - p_window THEN p_now ELSE a.since END,
        blocks = CASE WHEN a.blocked_until < p_now - interval '1 day' THEN 0 ELSE a.blocks END;
    UPDATE es.address_strikes
    SET blocked_until = greatest(blocked_until, p_now + least(p_block * power(2, least(blocks, 10)), interval '1 day')),
        blocks = blocks + 1, strikes = 0, since = p_now
    WHERE tenant_id = p_tenant AND network = p_network AND strikes >= p_most;
    SELECT blocked_until INTO v_until FROM es.address_strikes
    WHERE tenant_id = p_tenant AND network = p_network AND blocked_until > p_now;
    DELETE FROM es.address_strikes WHERE (tenant_id, network) IN (
        SELECT tenant_id, network FROM es.address_strikes
        WHERE tenant_id = p_tenant AND since < p_now - interval '2 days' AND blocked_until < p_now - interval '2 days'
        LIMIT 2 FOR UPDATE SKIP LOCKED);
    RETURN v_until;
END
$$;

CREATE OR REPLACE FUNCTION es.take_seat(p_tenant uuid, p_user uuid, p_seat uuid, p_holder uuid, p_mine bigint, p_most bigint)
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
