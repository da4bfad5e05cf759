SELECT es.forget_projection('tenants'), es.forget_projection('plans'), es.forget_projection('customers'), es.forget_projection('messages');
