DROP TABLE es.field_usage;
