DROP SCHEMA analytics CASCADE;
DROP POLICY analysts_tenant ON rm_money_v1.payments;
DROP POLICY analysts_tenant ON rm_invoices_v1.invoices;
DROP POLICY analysts_tenant ON rm_subscriptions_v1.subscriptions;
REVOKE ALL ON rm_subscriptions_v1.subscriptions, rm_invoices_v1.invoices, rm_money_v1.payments FROM simpul_analyst;
REVOKE USAGE ON SCHEMA rm_subscriptions_v1, rm_invoices_v1, rm_money_v1 FROM simpul_analyst;
DROP FUNCTION app.analyst_tenant();
DROP TABLE app.analysts;
