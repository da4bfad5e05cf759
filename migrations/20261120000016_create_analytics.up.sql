-- SQL for analysts: read-only views over the live versions. An analyst's tenant follows from the login role, which
-- is a member of simpul_analyst and has a row in app.analysts. Views show ids, states and amounts, nothing personal.
CREATE TABLE app.analysts (
    tenant_id  uuid NOT NULL,
    login      name NOT NULL,
    CONSTRAINT analysts_pkey PRIMARY KEY (tenant_id, login),
    CONSTRAINT analysts_login_key UNIQUE (login)
);
ALTER TABLE app.analysts ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.analysts FORCE ROW LEVEL SECURITY;
-- Only the owner's function below and whoever administers the database reads and writes it.
CREATE POLICY administered ON app.analysts TO simpul_owner USING (true) WITH CHECK (true);

-- The tenant of the login role; nothing for a role that was given none, which then sees no row.
CREATE FUNCTION app.analyst_tenant() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$ SELECT a.tenant_id FROM app.analysts a WHERE a.login = session_user $$;
REVOKE ALL ON FUNCTION app.analyst_tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.analyst_tenant() TO simpul_analyst;

CREATE POLICY analysts_tenant ON rm_subscriptions_v1.subscriptions FOR SELECT TO simpul_analyst
    USING (tenant_id = (SELECT app.analyst_tenant()));
CREATE POLICY analysts_tenant ON rm_invoices_v1.invoices FOR SELECT TO simpul_analyst
    USING (tenant_id = (SELECT app.analyst_tenant()));
CREATE POLICY analysts_tenant ON rm_money_v1.payments FOR SELECT TO simpul_analyst
    USING (tenant_id = (SELECT app.analyst_tenant()));
GRANT USAGE ON SCHEMA rm_subscriptions_v1, rm_invoices_v1, rm_money_v1 TO simpul_analyst;
GRANT SELECT ON rm_subscriptions_v1.subscriptions, rm_invoices_v1.invoices, rm_money_v1.payments TO simpul_analyst;

CREATE SCHEMA analytics;
GRANT USAGE ON SCHEMA analytics TO simpul_analyst;

CREATE VIEW analytics.subscriptions WITH (security_invoker = true) AS
SELECT subscription_id, customer_id, plan_id, plan_name, download_kbps, upload_kbps, price, router_id, status,
       status_since, opened_at, activated_at, isolated_since, jsonb_array_length(overdue) AS overdue_invoices,
       desired_version, confirmed_version, confirmed_at
FROM rm_subscriptions_v1.subscriptions;

CREATE VIEW analytics.invoices WITH (security_invoker = true) AS
SELECT invoice_id, number, customer_id, subscription_id, period_from, period_until, total, outstanding, currency, due_on,
       status, issued_at, overdue_at, paid_at, voided_at
FROM rm_invoices_v1.invoices;

CREATE VIEW analytics.payments WITH (security_invoker = true) AS
SELECT payment_id, customer_id, source->>'kind' AS source, gross, payer_fee, amount, allocated, credited, unmatched,
       refunded, paid_at, received_at
FROM rm_money_v1.payments;

GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO simpul_analyst;
