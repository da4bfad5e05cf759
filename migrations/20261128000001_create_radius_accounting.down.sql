DROP VIEW analytics.radius_sessions;
DROP FUNCTION es.drop_radius_samples(date);
DROP FUNCTION es.keep_radius_samples(date[]);
DROP TABLE es.radius_samples;
DROP TABLE es.radius_sessions;
DROP TABLE es.radius_routers;
