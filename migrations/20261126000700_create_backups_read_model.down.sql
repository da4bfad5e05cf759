SELECT es.forget_projection('backups');
