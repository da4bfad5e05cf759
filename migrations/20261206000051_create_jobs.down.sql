SELECT es.forget_projection('jobs');
