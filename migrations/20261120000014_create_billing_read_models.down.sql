SELECT es.forget_projection('money'), es.forget_projection('invoices');
