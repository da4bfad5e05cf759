-- es.standing_in_read_models_as_of for many callers of one tenant, each with its place in the question: who comes while others
-- begin to read is let in together with the next, and they read in one transaction (ADR 97).
-- It does not call es.enter_read_models_as_of: under the search path that this sets, what follows would be planned anew.
CREATE FUNCTION es.standings_in_read_models(
    p_tenant uuid, p_actors uuid[], p_sessions uuid[], p_now timestamptz, p_names text[])
RETURNS TABLE (place bigint, disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid, reached bigint, behind_since timestamptz)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter   text := set_config('app.tenant_id', p_tenant::text, true);
    v_path    text;
    v_reached bigint;
    v_since   timestamptz;
BEGIN
    SELECT string_agg(live.path, ','),
           coalesce(min(coalesce((SELECT c.seq FROM es.cursors c
                                  WHERE c.tenant_id = p_tenant AND c.subscriber = live.subscriber), 0)), 0)
    INTO v_path, v_reached
    FROM (SELECT format('rm_%s_v%s', p.name, p.version) AS path,
                 format('projection/%s/v%s', p.name, p.version) AS subscriber
          FROM es.projections p WHERE p.state = 'live' AND p.name = ANY (p_names) OFFSET 0) AS live;
    SELECT e.recorded_at INTO v_since FROM es.events e WHERE e.tenant_id = p_tenant AND e.tenant_seq = v_reached + 1;
    RETURN QUERY
    SELECT q.place, t.disabled, t.features, coalesce(a.permissions, '{}'), coalesce(a.version, 0),
           q.session IS NULL OR coalesce(s.ended_at IS NULL AND s.expires_at > p_now, false), a.customer_id,
           s.impersonator, s.impersonator_session, v_reached, v_since
    FROM es.access_tenants t
    CROSS JOIN unnest(p_actors, p_sessions) WITH ORDINALITY AS q(actor, session, place)
    LEFT JOIN es.access_actors a ON a.tenant_id = t.tenant_id AND a.actor = q.actor
    LEFT JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = q.session AND s.user_id = q.actor
    WHERE t.tenant_id = p_tenant;
    PERFORM set_config('search_path', v_path, true);
END
$$;
REVOKE ALL ON FUNCTION es.standings_in_read_models(uuid, uuid[], uuid[], timestamptz, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standings_in_read_models(uuid, uuid[], uuid[], timestamptz, text[]) TO simpul_app;
