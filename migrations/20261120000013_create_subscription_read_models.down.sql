SELECT es.forget_projection('subscriptions');
