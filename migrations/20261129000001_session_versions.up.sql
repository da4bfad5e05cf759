-- Where a session's stream stands, so that nobody reads a day's events to append one more (ADR 73). 0: only the log knows.
ALTER TABLE es.radius_sessions ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE es.radius_sessions ALTER COLUMN version DROP DEFAULT;
