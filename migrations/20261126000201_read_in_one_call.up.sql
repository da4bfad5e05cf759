-- Where an actor stands, for whoever asks something: like es.gate, it sets the tenant itself.
CREATE FUNCTION es.standing(p_tenant uuid, p_actor uuid, p_session uuid, p_now timestamptz)
RETURNS TABLE (disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    RETURN QUERY
    SELECT t.disabled, t.features, coalesce(a.permissions, '{}'), coalesce(a.version, 0),
           p_session IS NULL OR coalesce(s.ended_at IS NULL AND s.expires_at > p_now, false), a.customer_id,
           s.impersonator, s.impersonator_session
    FROM es.access_tenants t
    LEFT JOIN es.access_actors a ON a.tenant_id = t.tenant_id AND a.actor = p_actor
    LEFT JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = p_session AND s.user_id = p_actor
    WHERE t.tenant_id = p_tenant;
END
$$;
REVOKE ALL ON FUNCTION es.standing(uuid, uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standing(uuid, uuid, uuid, timestamptz) TO simpul_app;

-- Begins to read the live versions of read models: the tenant and the search path of this transaction in one call.
CREATE FUNCTION es.enter_read_models(p_tenant uuid, p_names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    PERFORM set_config('search_path', string_agg(format('rm_%s_v%s', p.name, p.version), ','), true)
    FROM es.projections p WHERE p.state = 'live' AND p.name = ANY (p_names);
END
$$;
REVOKE ALL ON FUNCTION es.enter_read_models(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.enter_read_models(uuid, text[]) TO simpul_app;
