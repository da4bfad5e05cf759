ALTER TABLE es.sessions DROP COLUMN impersonator_session;
ALTER TABLE es.tickets DROP COLUMN content;
DROP TABLE es.letters;
