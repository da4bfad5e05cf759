-- What es.enter_read_models does, and how far all of these read models are in the tenant's log: whoever waits for a
-- position learns in one call whether it is reached.
CREATE FUNCTION es.enter_read_models_at(p_tenant uuid, p_names text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter    text := set_config('app.tenant_id', p_tenant::text, true);
    v_path     text;
    v_reached  bigint;
BEGIN
    SELECT string_agg(format('rm_%s_v%s', p.name, p.version), ','), coalesce(min(coalesce(c.seq, 0)), 0)
    INTO v_path, v_reached
    FROM es.projections p
    LEFT JOIN es.cursors c ON c.tenant_id = p_tenant AND c.subscriber = format('projection/%s/v%s', p.name, p.version)
    WHERE p.state = 'live' AND p.name = ANY (p_names);
    PERFORM set_config('search_path', v_path, true);
    RETURN v_reached;
END
$$;
REVOKE ALL ON FUNCTION es.enter_read_models_at(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.enter_read_models_at(uuid, text[]) TO simpul_app;
