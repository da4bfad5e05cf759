DROP POLICY versions_are_dropped ON es.parked;
DROP POLICY versions_are_dropped ON es.cursors;
DROP FUNCTION es.count_read_model(text, integer), es.forget_projection(text), es.drop_read_model(text, integer),
    es.erase_read_model(text, integer), es.swap_read_model(text, integer), es.clone_read_model(text, integer, integer),
    es.protect_read_model(text);
