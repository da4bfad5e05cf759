//! Anything of the customer's by its id.

use super::{
    bills::Invoice,
    lines::Subscription,
    money::{Payment, PaymentAttempt},
    viewer::Customer,
};
use crate::graphql::{
    identity::{lists::Session, user::User},
    node::nodes,
};

nodes! {
    "att" => PaymentAttempt = PaymentAttempt::load,
    "cus" => Customer = Customer::load,
    "inv" => Invoice = Invoice::load,
    "pay" => Payment = Payment::load,
    "ses" => Session = Session::own,
    "sub" => Subscription = Subscription::load,
    "usr" => User = User::own,
}
