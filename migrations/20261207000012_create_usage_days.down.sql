SELECT es.forget_projection('usage');
