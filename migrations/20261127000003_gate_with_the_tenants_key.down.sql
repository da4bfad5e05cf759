-- As migration 20261126003002 made it.
CREATE OR REPLACE FUNCTION es.gate(p_tenant uuid, p_actor uuid, p_command uuid, p_subject text)
RETURNS TABLE (known boolean, panel_locked boolean, disabled boolean, features text[], permissions text[],
               fingerprint bytea, last_seq bigint, answer jsonb, tenant_key bytea, subject_key bytea)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_enter text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    RETURN QUERY
    SELECT t.tenant_id IS NOT NULL, coalesce(t.panel_locked, false), coalesce(t.disabled, false),
           coalesce(t.features, '{}'), coalesce(a.permissions, '{}'), c.fingerprint, c.last_seq, c.answer,
           k.wrapped, s.wrapped
    FROM (SELECT 1) AS one
    LEFT JOIN es.access_tenants t ON t.tenant_id = p_tenant
    LEFT JOIN es.access_actors a ON a.tenant_id = p_tenant AND a.actor = p_actor
    LEFT JOIN es.commands c ON c.tenant_id = p_tenant AND c.command_id = p_command
    LEFT JOIN es.tenant_keys k ON k.tenant_id = p_tenant AND p_subject IS NOT NULL
    LEFT JOIN es.subject_keys s ON s.tenant_id = p_tenant AND s.subject = p_subject;
END
$$;
