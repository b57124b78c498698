//! The REST API over a real database, with a log in memory and a clock that is moved by hand.

mod access;
mod audit;
mod clusters;
mod failover;
mod idempotency;
mod input;
mod keys;
mod lists;
mod nonsense;
mod openapi;
mod operations;
mod plugins;
mod site;
mod store;
mod surface;
mod tenants;
mod tls;
mod turns;
mod views;
