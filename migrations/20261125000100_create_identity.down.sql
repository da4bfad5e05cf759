DROP FUNCTION es.strike(uuid, text, timestamptz, integer, interval, interval);
DROP FUNCTION es.attempt_sign_in(uuid, text, timestamptz);
DROP TABLE es.address_strikes, es.sign_in_delays, es.sign_ins, es.api_keys, es.tickets, es.refresh_tokens, es.sessions,
           es.credentials;
