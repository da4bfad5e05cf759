CREATE OR REPLACE FUNCTION es.enter_read_models_at(p_tenant uuid, p_names text[]) RETURNS bigint
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

CREATE OR REPLACE FUNCTION es.standing_in_read_models(p_tenant uuid, p_actor uuid, p_session uuid, p_now timestamptz, p_names text[])
RETURNS TABLE (disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid, reached bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_path   text;
BEGIN
    SELECT t.disabled, t.features, coalesce(a.permissions, '{}'), coalesce(a.version, 0),
           p_session IS NULL OR coalesce(s.ended_at IS NULL AND s.expires_at > p_now, false), a.customer_id,
           s.impersonator, s.impersonator_session, r.path, r.reached
    INTO disabled, features, permissions, version, session_open, customer_id, impersonator, impersonator_session, v_path,
         reached
    FROM es.access_tenants t
    LEFT JOIN es.access_actors a ON a.tenant_id = t.tenant_id AND a.actor = p_actor
    LEFT JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = p_session AND s.user_id = p_actor
    CROSS JOIN (
        SELECT string_agg(format('rm_%s_v%s', p.name, p.version), ',') AS path,
               coalesce(min(coalesce(c.seq, 0)), 0) AS reached
        FROM es.projections p
        LEFT JOIN es.cursors c
            ON c.tenant_id = p_tenant AND c.subscriber = format('projection/%s/v%s', p.name, p.version)
        WHERE p.state = 'live' AND p.name = ANY (p_names)) AS r
    WHERE t.tenant_id = p_tenant;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('search_path', v_path, true);
    RETURN NEXT;
END
$$;
