REVOKE SELECT ON es.quotas FROM simpul_system;
DROP POLICY all_tenants ON es.quotas;
