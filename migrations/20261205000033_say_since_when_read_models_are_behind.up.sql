-- How old an answer is: whoever enters read models is told, with how far they are, when the first event was recorded that
-- they do not know; nothing if they know all. The functions of before stay for processes of before.

CREATE FUNCTION es.enter_read_models_as_of(p_tenant uuid, p_names text[])
RETURNS TABLE (reached bigint, behind_since timestamptz)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
    v_path   text;
BEGIN
    SELECT string_agg(live.path, ','),
           coalesce(min(coalesce((SELECT c.seq FROM es.cursors c
                                  WHERE c.tenant_id = p_tenant AND c.subscriber = live.subscriber), 0)), 0)
    INTO v_path, reached
    FROM (SELECT format('rm_%s_v%s', p.name, p.version) AS path,
                 format('projection/%s/v%s', p.name, p.version) AS subscriber
          FROM es.projections p WHERE p.state = 'live' AND p.name = ANY (p_names) OFFSET 0) AS live;
    SELECT e.recorded_at INTO behind_since FROM es.events e WHERE e.tenant_id = p_tenant AND e.tenant_seq = reached + 1;
    PERFORM set_config('search_path', v_path, true);
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION es.enter_read_models_as_of(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.enter_read_models_as_of(uuid, text[]) TO simpul_app;

CREATE FUNCTION es.standing_in_read_models_as_of(
    p_tenant uuid, p_actor uuid, p_session uuid, p_now timestamptz, p_names text[])
RETURNS TABLE (disabled boolean, features text[], permissions text[], version bigint, session_open boolean,
               customer_id uuid, impersonator uuid, impersonator_session uuid, reached bigint, behind_since timestamptz)
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
        SELECT string_agg(live.path, ',') AS path,
               coalesce(min(coalesce((SELECT c.seq FROM es.cursors c
                                      WHERE c.tenant_id = p_tenant AND c.subscriber = live.subscriber), 0)), 0) AS reached
        FROM (SELECT format('rm_%s_v%s', p.name, p.version) AS path,
                     format('projection/%s/v%s', p.name, p.version) AS subscriber
              FROM es.projections p WHERE p.state = 'live' AND p.name = ANY (p_names) OFFSET 0) AS live) AS r
    WHERE t.tenant_id = p_tenant;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT e.recorded_at INTO behind_since FROM es.events e WHERE e.tenant_id = p_tenant AND e.tenant_seq = reached + 1;
    PERFORM set_config('search_path', v_path, true);
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION es.standing_in_read_models_as_of(uuid, uuid, uuid, timestamptz, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.standing_in_read_models_as_of(uuid, uuid, uuid, timestamptz, text[]) TO simpul_app;
