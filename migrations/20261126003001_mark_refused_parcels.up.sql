-- A parcel that the outside will not have as it is: of those that failed, the ones that no other try would help.
ALTER TABLE es.outbox ADD COLUMN refused boolean NOT NULL DEFAULT false;
