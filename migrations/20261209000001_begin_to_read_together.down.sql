DROP FUNCTION es.standings_in_read_models(uuid, uuid[], uuid[], timestamptz, text[]);
