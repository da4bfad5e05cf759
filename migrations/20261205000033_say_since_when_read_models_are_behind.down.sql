DROP FUNCTION es.standing_in_read_models_as_of(uuid, uuid, uuid, timestamptz, text[]);
DROP FUNCTION es.enter_read_models_as_of(uuid, text[]);
