SELECT es.forget_projection('history');
