-- Looks the keys of subjects up one after the other, as the first of a range in the order of the key (ADR 74): a plan for
-- any number of them read all of them at every call.
CREATE OR REPLACE FUNCTION es.keys_of(p_tenant uuid, p_subjects text[])
RETURNS TABLE (tenant_key bytea, subject text, wrapped bytea)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = 'force_generic_plan'
AS $$
BEGIN
    RETURN QUERY
    SELECT t.wrapped, s.subject, s.wrapped
    FROM es.tenant_keys t
    LEFT JOIN (SELECT DISTINCT unnest(p_subjects) AS id) AS wanted ON true
    LEFT JOIN LATERAL (
        SELECT k.subject, k.wrapped FROM es.subject_keys k
        WHERE k.tenant_id = p_tenant AND k.subject BETWEEN wanted.id AND wanted.id
        ORDER BY k.subject LIMIT 1) AS s ON true
    WHERE t.tenant_id = p_tenant;
END
$$;
