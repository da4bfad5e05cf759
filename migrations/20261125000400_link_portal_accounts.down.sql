ALTER TABLE es.access_actors DROP COLUMN customer_id;
