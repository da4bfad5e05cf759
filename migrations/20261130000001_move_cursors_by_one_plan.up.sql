-- Moves a subscriber's cursor from where it was read, or puts it where there is none; false, and nothing is moved, when somebody
-- else has moved it, or leads. With a search path of its own: each version of a projection has another one in its
-- transactions, and a connection that serves several of them would plan the statement anew at every call.
CREATE FUNCTION es.move_cursor(p_tenant uuid, p_subscriber text, p_from bigint, p_seq bigint, p_epoch bigint,
                               p_at timestamptz, p_lazily boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = ''
AS $$
DECLARE
    v_moved boolean;
BEGIN
    IF p_from IS NULL THEN
        INSERT INTO es.cursors (tenant_id, subscriber, seq, epoch, updated_at)
        VALUES (p_tenant, p_subscriber, p_seq, p_epoch, p_at) ON CONFLICT ON CONSTRAINT cursors_pkey DO NOTHING;
    ELSE
        UPDATE es.cursors c SET seq = p_seq, epoch = p_epoch, updated_at = p_at
        WHERE c.tenant_id = p_tenant AND c.subscriber = p_subscriber AND c.seq = p_from AND c.epoch <= p_epoch;
    END IF;
    v_moved := FOUND;
    IF v_moved AND p_lazily THEN
        -- Until the transaction ends, not the function: its own settings are given back, others stay.
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    RETURN v_moved;
END
$$;
REVOKE ALL ON FUNCTION es.move_cursor(uuid, text, bigint, bigint, bigint, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.move_cursor(uuid, text, bigint, bigint, bigint, timestamptz, boolean) TO simpul_app;
