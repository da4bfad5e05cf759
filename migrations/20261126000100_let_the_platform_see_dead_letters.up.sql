-- The platform shows how many messages wait for a person, and which routers do not answer: numbers, and nothing of
-- anybody.
CREATE POLICY all_tenants ON es.dead_letters FOR SELECT TO simpul_system USING (true);
GRANT SELECT (tenant_id) ON es.dead_letters TO simpul_system;
GRANT SELECT (attempts) ON es.lanes TO simpul_system;
