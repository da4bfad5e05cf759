DROP FUNCTION es.pass_over_each(uuid[], text, text[], text[], text, bigint, timestamptz, bigint);
