-- The platform shows how much of each limit its tenants use: numbers, and nothing of anybody.
CREATE POLICY all_tenants ON es.quotas FOR SELECT TO simpul_system USING (true);
GRANT SELECT ON es.quotas TO simpul_system;
