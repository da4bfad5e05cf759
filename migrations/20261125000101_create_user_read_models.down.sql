SELECT es.forget_projection('users'), es.forget_projection('roles');
