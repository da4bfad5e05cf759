SELECT es.forget_projection('routers'), es.forget_projection('desired');
