REVOKE SELECT (attempts) ON es.lanes FROM simpul_system;
REVOKE SELECT (tenant_id) ON es.dead_letters FROM simpul_system;
DROP POLICY all_tenants ON es.dead_letters;
