ALTER TABLE es.radius_sessions DROP COLUMN version;
