-- Bills and the attempts to pay them; money and where each rupiah went.
CREATE SCHEMA rm_invoices_v1;

CREATE TABLE rm_invoices_v1.invoices (
    tenant_id        uuid NOT NULL,
    invoice_id       uuid NOT NULL,
    number           text NOT NULL,
    customer_id      uuid NOT NULL,
    subscription_id  uuid,
    account_id       uuid,
    period_from      date NOT NULL,
    period_until     date NOT NULL,
    lines            jsonb NOT NULL,
    snapshot         jsonb NOT NULL,
    total            bigint NOT NULL,
    outstanding      bigint NOT NULL,
    currency         text NOT NULL,
    due_on           date NOT NULL,
    zone             text NOT NULL,
    status           text NOT NULL,
    issued_at        timestamptz NOT NULL,
    overdue_at       timestamptz,
    paid_at          timestamptz,
    voided_at        timestamptz,
    void_reason      text,
    CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT invoices_billed_check CHECK (num_nonnulls(subscription_id, account_id) = 1)
);
CREATE INDEX invoices_issued_idx ON rm_invoices_v1.invoices (tenant_id, issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_status_idx ON rm_invoices_v1.invoices (tenant_id, status, issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_customer_idx ON rm_invoices_v1.invoices (tenant_id, customer_id, issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_subscription_idx
    ON rm_invoices_v1.invoices (tenant_id, subscription_id, issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_account_idx ON rm_invoices_v1.invoices (tenant_id, account_id, issued_at DESC, invoice_id DESC);
CREATE INDEX invoices_number_idx ON rm_invoices_v1.invoices (tenant_id, number);

CREATE TABLE rm_invoices_v1.attempts (
    tenant_id     uuid NOT NULL,
    attempt_id    uuid NOT NULL,
    invoice_id    uuid NOT NULL,
    customer_id   uuid NOT NULL,
    gateway_id    uuid NOT NULL,
    kind          text NOT NULL,
    merchant_ref  text NOT NULL,
    channel       text NOT NULL,
    amount        bigint NOT NULL,
    expected      bigint NOT NULL,
    status        text NOT NULL,
    checkout      jsonb,
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    paid_at       timestamptz,
    CONSTRAINT attempts_pkey PRIMARY KEY (tenant_id, attempt_id)
);
CREATE INDEX attempts_invoice_idx ON rm_invoices_v1.attempts (tenant_id, invoice_id, created_at DESC, attempt_id DESC);
CREATE INDEX attempts_reference_idx ON rm_invoices_v1.attempts (tenant_id, merchant_ref);

CREATE SCHEMA rm_money_v1;

-- At every event: allocated + credited + unmatched + refunded + undistributed = amount.
CREATE TABLE rm_money_v1.payments (
    tenant_id      uuid NOT NULL,
    payment_id     uuid NOT NULL,
    customer_id    uuid,
    source         jsonb NOT NULL,
    provider_ref   text NOT NULL,
    flags          jsonb NOT NULL,
    gross          bigint NOT NULL,
    payer_fee      bigint NOT NULL,
    amount         bigint NOT NULL,
    allocated      bigint NOT NULL,
    credited       bigint NOT NULL,
    unmatched      bigint NOT NULL,
    refunded       bigint NOT NULL,
    undistributed  bigint NOT NULL,
    paid_at        timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, payment_id)
);
CREATE INDEX payments_received_idx ON rm_money_v1.payments (tenant_id, received_at DESC, payment_id DESC);
CREATE INDEX payments_customer_idx ON rm_money_v1.payments (tenant_id, customer_id, received_at DESC, payment_id DESC);
CREATE INDEX payments_unmatched_idx ON rm_money_v1.payments (tenant_id, received_at DESC, payment_id DESC)
    WHERE unmatched > 0;

CREATE TABLE rm_money_v1.allocations (
    tenant_id   uuid NOT NULL,
    payment_id  uuid NOT NULL,
    invoice_id  uuid NOT NULL,
    amount      bigint NOT NULL,
    CONSTRAINT allocations_pkey PRIMARY KEY (tenant_id, payment_id, invoice_id)
);
CREATE INDEX allocations_invoice_idx ON rm_money_v1.allocations (tenant_id, invoice_id, payment_id);

CREATE TABLE rm_money_v1.credits (
    tenant_id         uuid NOT NULL,
    customer_id       uuid NOT NULL,
    balance           bigint NOT NULL,
    used_on_invoices  bigint NOT NULL,
    CONSTRAINT credits_pkey PRIMARY KEY (tenant_id, customer_id)
);

SELECT es.protect_read_model('rm_invoices_v1'), es.protect_read_model('rm_money_v1');
INSERT INTO es.projections VALUES ('invoices', 1, 'live'), ('money', 1, 'live');
