-- es.standing_at_gate for many callers of one tenant, each with its place in the question: who comes while others are being let
-- in is let in together with the next (ADR 96).
CREATE FUNCTION es.standings_at_gate(
    p_tenant uuid, p_actors uuid[], p_sessions uuid[], p_subjects text[], p_now timestamptz)
RETURNS TABLE (place bigint, disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid, panel_locked boolean, tenant_key bytea,
               subject_key bytea)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    RETURN QUERY
    SELECT q.place, t.disabled, t.features, coalesce(a.permissions, '{}'), coalesce(a.version, 0),
           q.session IS NULL OR coalesce(s.ended_at IS NULL AND s.expires_at > p_now, false), a.customer_id,
           s.impersonator, s.impersonator_session, t.panel_locked, k.wrapped, o.wrapped
    FROM es.access_tenants t
    LEFT JOIN es.tenant_keys k ON k.tenant_id = t.tenant_id
    CROSS JOIN unnest(p_actors, p_sessions, p_subjects) WITH ORDINALITY AS q(actor, session, subject, place)
    LEFT JOIN es.access_actors a ON a.tenant_id = t.tenant_id AND a.actor = q.actor
    LEFT JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = q.session AND s.user_id = q.actor
    LEFT JOIN es.subject_keys o ON o.tenant_id = t.tenant_id AND o.subject = q.subject
    WHERE t.tenant_id = p_tenant;
END
$$;
REVOKE ALL ON FUNCTION es.standings_at_gate(uuid, uuid[], uuid[], text[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standings_at_gate(uuid, uuid[], uuid[], text[], timestamptz) TO simpul_app;
