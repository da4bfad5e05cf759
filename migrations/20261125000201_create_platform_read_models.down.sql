SELECT es.forget_projection('accounts'), es.forget_projection('offers'), es.forget_projection('add_on_orders');
