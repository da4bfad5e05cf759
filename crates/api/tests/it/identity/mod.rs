//! Getting in, staying in, getting out, and who may do what, through the front door.

mod addresses;
mod doors;
mod entrance;
mod erased;
mod guessing;
mod house;
mod live;
mod people;
mod sessions;
mod switching;
