//! One search: to the end of a scope, or to the first run that breaks a given property.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use crate::{Move, Protocol, Rule, Scope, properties};

/// Threads that search together.
const THREADS: usize = 2;

/// What a search of the whole protocol found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Different states visited.
    pub states: usize,
    /// Steps in the longest way that was taken to a state. Threads race, so it differs a little from run to run.
    pub depth: usize,
    /// Properties that broke, each with the run that breaks it.
    pub broken: Vec<(&'static str, Vec<Move>)>,
    /// Things that should be reached and were not.
    pub unreached: Vec<&'static str>,
}

/// Visits every state of `scope` with every rule followed.
pub fn whole(scope: Scope) -> Report {
    let checker = Protocol::whole(scope).checker().threads(THREADS).spawn_bfs().join();
    let names = |wanted: Vec<stateright::Property<Protocol>>| wanted.into_iter().map(|property| property.name);
    let broken = names(properties::always()).filter_map(|name| Some((name, checker.discovery(name)?.into_actions())));
    let unreached = names(properties::sometimes(&scope)).filter(|name| checker.discovery(name).is_none());
    Report {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken: broken.collect(),
        unreached: unreached.collect(),
    }
}

/// The shortest run found that breaks the property which `rule` protects, when nobody follows `rule`.
/// `None` means that every state was visited and the property held: nothing needs the rule there.
pub fn without(rule: Rule) -> Option<Vec<Move>> {
    let (scope, property) = rule.missed_in();
    let broken = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = Protocol::without(scope, rule)
        .checker()
        .threads(THREADS)
        .finish_when(broken)
        .spawn_bfs()
        .join();
    Some(checker.discovery(property)?.into_actions())
}
