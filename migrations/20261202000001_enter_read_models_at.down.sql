DROP FUNCTION es.enter_read_models_at(uuid, text[]);
