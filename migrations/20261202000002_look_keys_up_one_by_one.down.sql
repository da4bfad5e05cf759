CREATE OR REPLACE FUNCTION es.keys_of(p_tenant uuid, p_subjects text[])
RETURNS TABLE (tenant_key bytea, subject text, wrapped bytea)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = 'force_generic_plan'
AS $$
BEGIN
    RETURN QUERY
    SELECT t.wrapped, s.subject, s.wrapped
    FROM es.tenant_keys t
    LEFT JOIN es.subject_keys s ON s.tenant_id = t.tenant_id AND s.subject = ANY (p_subjects)
    WHERE t.tenant_id = p_tenant;
END
$$;
