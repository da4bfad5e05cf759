-- How often clients ask for fields of the schemas, by day (ADR 87). Of the installation and not of tenants: nothing says who asked.
CREATE TABLE es.field_usage (
    surface     text NOT NULL,
    day         date NOT NULL,
    client      text NOT NULL,
    coordinate  text NOT NULL,
    uses        bigint NOT NULL,
    CONSTRAINT field_usage_pkey PRIMARY KEY (surface, day, client, coordinate),
    CONSTRAINT field_usage_uses_check CHECK (uses > 0)
);
CREATE INDEX field_usage_day_idx ON es.field_usage (day);
GRANT SELECT, INSERT, UPDATE, DELETE ON es.field_usage TO simpul_system;
