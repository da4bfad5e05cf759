ALTER TABLE es.outbox DROP COLUMN refused;
