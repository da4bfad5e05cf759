DROP FUNCTION es.enter_read_models(uuid, text[]);
DROP FUNCTION es.standing(uuid, uuid, uuid, timestamptz);
