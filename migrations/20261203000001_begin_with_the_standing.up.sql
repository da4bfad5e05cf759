-- Where a caller stands (es.standing), and in the same round trip how what it asks for begins (ADR 77).

-- And what es.gate answers of a command that is new: the keys of whoever acts, and whether the panel is locked.
CREATE FUNCTION es.standing_at_gate(p_tenant uuid, p_actor uuid, p_session uuid, p_now timestamptz, p_subject text)
RETURNS TABLE (disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid, panel_locked boolean, tenant_key bytea,
               subject_key bytea)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    RETURN QUERY
    SELECT t.disabled, t.features, coalesce(a.permissions, '{}'), coalesce(a.version, 0),
           p_session IS NULL OR coalesce(s.ended_at IS NULL AND s.expires_at > p_now, false), a.customer_id,
           s.impersonator, s.impersonator_session, t.panel_locked, k.wrapped, o.wrapped
    FROM es.access_tenants t
    LEFT JOIN es.access_actors a ON a.tenant_id = t.tenant_id AND a.actor = p_actor
    LEFT JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = p_session AND s.user_id = p_actor
    LEFT JOIN es.tenant_keys k ON k.tenant_id = t.tenant_id
    LEFT JOIN es.subject_keys o ON o.tenant_id = t.tenant_id AND o.subject = p_subject
    WHERE t.tenant_id = p_tenant;
END
$$;
REVOKE ALL ON FUNCTION es.standing_at_gate(uuid, uuid, uuid, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standing_at_gate(uuid, uuid, uuid, timestamptz, text) TO simpul_app;

-- And what es.enter_read_models_at does. A tenant that nobody knows has no row, and its names are not entered.
CREATE FUNCTION es.standing_in_read_models(p_tenant uuid, p_actor uuid, p_session uuid, p_now timestamptz, p_names text[])
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
REVOKE ALL ON FUNCTION es.standing_in_read_models(uuid, uuid, uuid, timestamptz, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standing_in_read_models(uuid, uuid, uuid, timestamptz, text[]) TO simpul_app;
