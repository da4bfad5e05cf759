-- An account that uses the portal does so as one customer.
ALTER TABLE es.access_actors ADD COLUMN customer_id uuid;
