SELECT es.forget_projection('statements');
